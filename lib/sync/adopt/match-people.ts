// Which LiteLLM user is which person, by mail or by the id they sign in with, and which key becomes a person's own.
// Pure; what is not certain is listed with the reason and never guessed.

import type { DirectoryUser } from '../../directory/directory.ts';
import type { KeyDates } from '../../gateway/keys.ts';
import type { GatewayKey, GatewayUser } from '../../gateway/state.ts';
import type { EntraUserId, KeyHash } from '../../ids.ts';
import { isManaged } from '../marker.ts';
import type { AdoptionKey, LeftAlone } from './file.ts';
import { judgeKey, judgeUser, knownUsers } from './judge.ts';
import type { Present, TeamPair, UserPair } from './present.ts';

type Matches<Item> = { readonly items: readonly Item[]; readonly leftAlone: readonly LeftAlone[] };

/** `people` are all members of the groups read, with or without access. */
export function matchUsers(present: Present, people: readonly DirectoryUser[]): Matches<UserPair> {
  const items: UserPair[] = [];
  const leftAlone: LeftAlone[] = [];
  const { byMail, byId } = indexPeople(people);
  const adopted = new Map(
    present.adoptions
      .filter(({ kind }) => kind === 'user')
      .map(({ entraId, gatewayId }) => [gatewayId, entraId]),
  );
  const rows = [...present.gateway.users.values()]
    .filter((row) => adopted.has(row.userId) || !isManaged(row))
    .sort((a, b) => (a.userId < b.userId ? -1 : 1));
  const candidates = new Map<GatewayUser, ReadonlySet<EntraUserId>>(
    rows.map((row) => {
      const known = adopted.get(row.userId);
      return [row, known === undefined ? peopleOf(row, byMail, byId) : new Set([known as EntraUserId])];
    }),
  );
  const rowsOf = new Map<EntraUserId, GatewayUser[]>();
  for (const [row, ids] of candidates) for (const id of ids) rowsOf.set(id, [...(rowsOf.get(id) ?? []), row]);

  for (const [row, ids] of candidates) {
    const leave = (why: string) => leftAlone.push({ what: describeUser(row), why });
    const [entraId, another] = ids;
    const rivals = entraId === undefined ? [] : (rowsOf.get(entraId) ?? []);
    if (entraId === undefined) {
      if (row.email !== null || row.ssoUserId !== null)
        leave('nobody in the groups has its mail address or sign-in.');
    } else if (another !== undefined) {
      leave(`several people have its mail address or sign-in: ${[...ids].sort().join(', ')}.`);
    } else if (rivals.length > 1) {
      leave(`several LiteLLM users are person ${entraId}: ${rivals.map(({ userId }) => userId).join(', ')}.`);
    } else {
      const pair = { entraId, userId: row.userId };
      const why = judgeUser(pair, present);
      if (why === undefined) items.push(pair);
      else leave(why);
    }
  }
  return { items, leftAlone };
}

/** One key a person and team; of several the one last used, then the newest. The others stay as they are. */
export function matchKeys(
  present: Present,
  teams: readonly TeamPair[],
  users: readonly UserPair[],
  dates: ReadonlyMap<KeyHash, KeyDates>,
): Matches<AdoptionKey> {
  const leftAlone: LeftAlone[] = [];
  const teamOf = new Map(teams.map(({ teamId, groupId }) => [teamId, groupId]));
  const userOf = knownUsers(present);
  for (const { userId, entraId } of users) userOf.set(userId, entraId);
  const recorded = new Set(present.keys.map(({ keyHash }) => keyHash));
  const possible: (AdoptionKey & { readonly row: GatewayKey })[] = [];
  for (const row of [...present.gateway.keys.values()].sort((a, b) => (a.keyHash < b.keyHash ? -1 : 1))) {
    if (recorded.has(row.keyHash)) continue;
    const user = userOf.get(row.userId ?? '');
    const team = teamOf.get(row.teamId ?? '');
    const why = judgeKey(row, user, team, present);
    if (why !== undefined) leftAlone.push({ what: describeKey(row), why });
    else if (user !== undefined && team !== undefined)
      possible.push({ key_hash: row.keyHash, user, team, row });
  }
  const items = [...Map.groupBy(possible, ({ user, team }) => `${user}/${team}`).values()].flatMap((keys) => {
    const [chosen, ...others] = keys.sort((a, b) => compareUse(dates.get(a.key_hash), dates.get(b.key_hash)));
    if (!chosen) return [];
    const why = `its owner has several keys in the team, and ${describeKey(chosen.row)} was used last. It works as before, but LiteLLM deletes it when its owner leaves the team.`;
    leftAlone.push(...others.map(({ row }) => ({ what: describeKey(row), why })));
    return [{ key_hash: chosen.key_hash, user: chosen.user, team: chosen.team }];
  });
  return { items, leftAlone };
}

export function describeUser(row: GatewayUser): string {
  return `user ${row.email ?? row.alias ?? '(no mail)'} (${row.userId})`;
}

export function describeKey(row: Pick<GatewayKey, 'keyHash' | 'alias'>): string {
  return `key ${row.alias ?? '(no name)'} (${row.keyHash.slice(0, 8)})`;
}

function compareUse(a: KeyDates | undefined, b: KeyDates | undefined): number {
  const used = (dates: KeyDates | undefined) => dates?.lastUsedAt?.getTime() ?? 0;
  const created = (dates: KeyDates | undefined) => dates?.createdAt?.getTime() ?? 0;
  return used(b) - used(a) || created(b) - created(a);
}

function indexPeople(people: readonly DirectoryUser[]) {
  const byMail = new Map<string, Set<EntraUserId>>();
  const byId = new Map<string, EntraUserId>();
  for (const { id, mail, userPrincipalName } of people) {
    byId.set(id, id);
    for (const address of [mail, userPrincipalName]) {
      const key = address?.trim().toLowerCase();
      if (key) byMail.set(key, (byMail.get(key) ?? new Set()).add(id));
    }
  }
  return { byMail, byId };
}

function peopleOf(
  row: GatewayUser,
  byMail: ReadonlyMap<string, ReadonlySet<EntraUserId>>,
  byId: ReadonlyMap<string, EntraUserId>,
): ReadonlySet<EntraUserId> {
  const found = new Set(byMail.get(row.email?.trim().toLowerCase() ?? ''));
  for (const id of [row.ssoUserId, row.userId]) {
    const person = byId.get(id?.toLowerCase() ?? '');
    if (person !== undefined) found.add(person);
  }
  return found;
}
