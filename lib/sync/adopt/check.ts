// Whether adoption.yml still says what is so, and what is to be done for it. Pure; every entry that changed is named.

import type { GatewayTeam, GatewayUser } from '../../gateway/state.ts';
import type { EntraGroupId, EntraUserId } from '../../ids.ts';
import type { Problem } from '../../problems.ts';
import { mailOf } from '../desired.ts';
import { isManaged } from '../marker.ts';
import type { AdoptionFile, AdoptionKey, AdoptionTeam } from './file.ts';
import { judgeKey, judgeTeam, judgeUser, knownUsers, mayMark, wantedPeople } from './judge.ts';
import type { Present } from './present.ts';
import { policySettingsOf } from './settings.ts';

export type UserStep = {
  readonly entraId: EntraUserId;
  readonly row: GatewayUser;
  /** Mail and name as Entra has them, and a role where there was none: what the next run would write. Undefined
   *  where the role is another than the groups give: then the row stays as it is. */
  readonly follow:
    | { readonly email?: string; readonly alias?: string; readonly role?: 'internal_user' }
    | undefined;
};
export type KeyStep = AdoptionKey & { readonly alias: string; readonly generation: number };
export type TeamStep = {
  readonly groupId: EntraGroupId;
  readonly row: GatewayTeam;
  /** In the group and in the team. */
  readonly members: readonly EntraUserId[];
};

/** What is left to do; what an earlier, perhaps killed, attempt did is not in it. */
export type AdoptionSteps = {
  readonly users: readonly UserStep[];
  readonly keys: readonly KeyStep[];
  readonly teams: readonly TeamStep[];
  readonly doneCount: number;
};

export function checkAdoption(
  file: AdoptionFile,
  present: Present,
): { readonly steps: AdoptionSteps; readonly problems: readonly Problem[] } {
  const { gateway, adoptions } = present;
  const problems: Problem[] = [];
  const report = (path: string, message: string | undefined) => {
    if (message !== undefined) problems.push({ path, message });
  };
  const isDone = (kind: 'team' | 'user', entraId: string, gatewayId: string) =>
    adoptions.some(
      (done) =>
        done.kind === kind && done.isAdopted && done.entraId === entraId && done.gatewayId === gatewayId,
    );
  const userIds = knownUsers(present);
  for (const { user_id, entra_user } of file.users) userIds.set(user_id, entra_user);
  const teamIds = new Map<string, EntraGroupId>([
    ...adoptions
      .filter(({ kind }) => kind === 'team')
      .map(({ gatewayId, entraId }) => [gatewayId, entraId as EntraGroupId] as const),
    ...file.teams.map(({ team_id, entra_group }) => [team_id, entra_group] as const),
  ]);

  const users = file.users.flatMap((item, i): UserStep[] => {
    const path = `users[${i}]`;
    const row = gateway.users.get(item.user_id);
    if (isDone('user', item.entra_user, item.user_id)) return [];
    const why = judgeUser({ entraId: item.entra_user, userId: item.user_id }, present);
    report(path, why && `Person ${item.entra_user}: ${why}`);
    if (!row || why !== undefined) return [];
    // A killed attempt may have written the mail already, with the marker.
    if (row.email !== item.email && !isManaged(row))
      report(`${path}.email`, `The mail address of person ${item.entra_user} changed in LiteLLM.`);
    return [{ entraId: item.entra_user, row, follow: followEntra(row, item.entra_user, present) }];
  });

  const keys = file.keys.flatMap((item, i): KeyStep[] => {
    const record = present.keys.find((known) => known.keyHash === item.key_hash);
    if (record?.userId === item.user && record.teamId === item.team) return [];
    const row = gateway.keys.get(item.key_hash);
    const name = `Key ${item.key_hash.slice(0, 8)}`;
    if (!row) {
      report(`keys[${i}]`, `${name} is not in LiteLLM.`);
      return [];
    }
    const why = judgeKey(row, userIds.get(row.userId ?? ''), teamIds.get(row.teamId ?? ''), present);
    const isOthers =
      userIds.get(row.userId ?? '') !== item.user || teamIds.get(row.teamId ?? '') !== item.team;
    report(`keys[${i}]`, why && `${name}: ${why}`);
    if (why === undefined && isOthers) report(`keys[${i}]`, `${name} belongs to another person or team.`);
    const generations = present.keys
      .filter((known) => known.userId === item.user && known.teamId === item.team)
      .map(({ generation }) => generation);
    const alias = row.alias ?? `adopted/${item.key_hash.slice(0, 8)}`;
    return [{ ...item, alias, generation: Math.max(0, ...generations) + 1 }];
  });

  const teams = file.teams.flatMap((item, i): TeamStep[] => {
    const path = `teams[${i}]`;
    const row = gateway.teams.get(item.team_id);
    if (isDone('team', item.entra_group, item.team_id)) return [];
    if (!row) {
      report(path, `LiteLLM has no team ${item.team_id}.`);
      return [];
    }
    const changed = changedSettings(item, row);
    if (changed.length > 0)
      report(path, `Team ${item.team_id} changed in LiteLLM since it was proposed: ${changed.join(', ')}.`);
    const why = judgeTeam(row, { groupId: item.entra_group, teamId: item.team_id }, present);
    report(path, why && `Team ${item.team_id}: ${why}`);
    return [{ groupId: item.entra_group, row, members: membersOf(row, item.entra_group, userIds, present) }];
  });

  const itemCount = file.users.length + file.keys.length + file.teams.length;
  const doneCount = itemCount - users.length - keys.length - teams.length;
  return { steps: { users, keys, teams, doneCount }, problems };
}

function followEntra(row: GatewayUser, entraId: EntraUserId, present: Present): UserStep['follow'] {
  const wanted = wantedPeople(present).get(entraId);
  if (!wanted || !mayMark(row.role, wanted.role)) return undefined;
  const email = mailOf(wanted.member);
  const { displayName: name } = wanted.member;
  return {
    ...(row.email?.toLowerCase() !== email.toLowerCase() ? { email } : {}),
    ...(name !== null && row.alias !== name ? { alias: name } : {}),
    ...(row.role === null ? { role: 'internal_user' } : {}),
  };
}

function changedSettings(item: AdoptionTeam, row: GatewayTeam): string[] {
  const now = {
    alias: row.alias,
    ...policySettingsOf(row),
  };
  const then = { ...item, models: [...item.models].sort() };
  return (Object.keys(now) as (keyof typeof now)[]).filter(
    (field) => JSON.stringify(now[field]) !== JSON.stringify(then[field]),
  );
}

/** Who joined by hand and is no member of the group stays a member by hand. */
function membersOf(
  row: GatewayTeam,
  groupId: EntraGroupId,
  userIds: ReadonlyMap<string, EntraUserId>,
  present: Present,
): EntraUserId[] {
  const membership = present.desired.teams.find((team) => team.groupId === groupId)?.membership;
  if (membership?.status !== 'complete') return [];
  return row.members
    .flatMap(({ userId }) => userIds.get(userId) ?? [])
    .filter((entraId) => membership.members.has(entraId))
    .sort();
}
