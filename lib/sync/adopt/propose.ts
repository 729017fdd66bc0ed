// Proposes what to take over of a LiteLLM that was filled by hand. Reads only.

import type { Clock } from '../../clock.ts';
import type { Read } from '../../directory/read.ts';
import { ControlError } from '../../errors.ts';
import type { Gateway } from '../../gateway/client.ts';
import type { GatewayState } from '../../gateway/state.ts';
import type { EntraGroupId } from '../../ids.ts';
import type { PolicyGroup } from '../../policy/schema.ts';
import { listAdoptions } from '../../store/adoptions.ts';
import { requireSchema } from '../../store/schema.ts';
import type { AdoptionFile, LeftAlone } from './file.ts';
import { judgeTeam, mayMark, wantedPeople } from './judge.ts';
import { describeUser, matchKeys, matchUsers } from './match-people.ts';
import { describeTeam, matchTeams } from './match-teams.ts';
import type { Present, UserPair } from './present.ts';
import { type PresentDependencies, readPresent } from './read-present.ts';
import { policySettingsOf } from './settings.ts';

export type ProposeDependencies = PresentDependencies & {
  /** LiteLLM under its own ids. */
  readonly unmapped: {
    readonly gateway: Pick<Gateway, 'listKeyDates'>;
    readonly readGatewayState: (signal: AbortSignal) => Promise<GatewayState>;
  };
  readonly readGroupNames: (signal: AbortSignal) => Promise<Read<ReadonlyMap<EntraGroupId, string>>>;
  readonly clock: Clock;
};

export type Proposal = AdoptionFile & {
  readonly left_alone: readonly LeftAlone[];
  readonly policyGroups: readonly PolicyGroup[];
};

/** @throws ControlError GRAPH_UNAVAILABLE when the tenant's groups could not be listed, and what the readers throw */
export async function proposeAdoption(
  dependencies: ProposeDependencies,
  signal: AbortSignal,
): Promise<Proposal> {
  const { unmapped, database, policy, clock } = dependencies;
  await requireSchema(database);
  const [gateway, dates, names, adoptions] = await Promise.all([
    unmapped.readGatewayState(signal),
    unmapped.gateway.listKeyDates(signal),
    dependencies.readGroupNames(signal),
    listAdoptions(database),
  ]);
  if (names.status === 'incomplete') {
    const message = `The groups of the tenant could not be listed: ${names.detail}`;
    throw new ControlError('GRAPH_UNAVAILABLE', message, { retryable: true });
  }
  const matched = matchTeams(gateway, names.value, policy, adoptions);
  const { present, people } = await readPresent(
    dependencies,
    gateway,
    matched.policyGroups,
    clock.now(),
    signal,
  );

  const left: LeftAlone[] = [...matched.leftAlone];
  const pairs = matched.pairs.filter((pair) => {
    const team = gateway.teams.get(pair.teamId);
    const why = team && judgeTeam(team, pair, present);
    if (team && why !== undefined) left.push({ what: describeTeam(team), why });
    return why === undefined;
  });
  const users = matchUsers(present, people);
  const keys = matchKeys(present, pairs, users.items, dates);
  left.push(...users.leftAlone, ...keys.leftAlone, ...rolesLeft(users.items, present));
  const groupIds = new Set(pairs.map(({ groupId }) => groupId));
  return {
    version: 1,
    teams: pairs.flatMap((pair) => {
      const team = gateway.teams.get(pair.teamId);
      if (!team) return [];
      return [
        {
          entra_group: pair.groupId,
          team_id: team.teamId,
          alias: team.alias,
          ...policySettingsOf(team),
        },
      ];
    }),
    users: users.items.map(({ entraId, userId }) => ({
      entra_user: entraId,
      user_id: userId,
      email: gateway.users.get(userId)?.email ?? null,
    })),
    keys: [...keys.items],
    left_alone: left,
    policyGroups: matched.policyGroups.filter((group) => groupIds.has(group.entra_group)),
  };
}

/** People whose rows stay as they are, because the groups give another role. */
function rolesLeft(users: readonly UserPair[], present: Present): LeftAlone[] {
  return users.flatMap(({ entraId, userId }): LeftAlone[] => {
    const row = present.gateway.users.get(userId);
    const wanted = wantedPeople(present).get(entraId);
    if (!row || !wanted || mayMark(row.role, wanted.role)) return [];
    const why = `is taken over, but role, mail and name stay as they are: the role is ${row.role}, and the groups give ${wanted.role}.`;
    return [{ what: describeUser(row), why }];
  });
}
