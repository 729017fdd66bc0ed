// LiteLLM's ids and ours, for what was adopted: everywhere else a team has its Entra group's id and a user the
// person's. Pure.
//
// A pair is a swap: the hand-made id reads as the Entra id, and a row that somebody later made under that very Entra
// id reads as the hand-made one. So no two rows ever collide, and renaming twice gives back what was there.

import { ControlError } from '../errors.ts';
import type { GatewayKey, GatewayState, GatewayTeam, GatewayUser } from './state.ts';

export type IdentityPair = {
  readonly kind: 'team' | 'user';
  readonly entraId: string;
  readonly gatewayId: string;
};

/** Each way in one map; an id that is in neither stays. */
export type IdentityMap = {
  readonly teamIds: ReadonlyMap<string, string>;
  readonly userIds: ReadonlyMap<string, string>;
};

export const NO_IDENTITIES: IdentityMap = { teamIds: new Map(), userIds: new Map() };

/** @throws ControlError ADOPTION_REFUSED when an id is in two pairs: it would stand for two things */
export function createIdentityMap(pairs: readonly IdentityPair[]): IdentityMap {
  const ids = { team: new Map<string, string>(), user: new Map<string, string>() };
  for (const { kind, entraId, gatewayId } of pairs) {
    for (const id of new Set([entraId, gatewayId])) {
      if (!ids[kind].has(id)) continue;
      // Not the hand-made id: that may be a mail address.
      throw new ControlError('ADOPTION_REFUSED', `An id would stand for ${entraId} and another ${kind}.`, {
        details: { kind, entraId },
      });
    }
    ids[kind].set(entraId, gatewayId).set(gatewayId, entraId);
  }
  return { teamIds: ids.team, userIds: ids.user };
}

export function renameTeamId({ teamIds }: IdentityMap, teamId: string): string {
  return teamIds.get(teamId) ?? teamId;
}

export function renameUserId({ userIds }: IdentityMap, userId: string): string {
  return userIds.get(userId) ?? userId;
}

export function renameTeam(map: IdentityMap, team: GatewayTeam): GatewayTeam {
  return {
    ...team,
    teamId: renameTeamId(map, team.teamId),
    members: team.members.map((member) => ({ ...member, userId: renameUserId(map, member.userId) })),
  };
}

export function renameUser(map: IdentityMap, user: GatewayUser): GatewayUser {
  return { ...user, userId: renameUserId(map, user.userId) };
}

export function renameKey(map: IdentityMap, key: GatewayKey): GatewayKey {
  return {
    ...key,
    userId: key.userId === null ? null : renameUserId(map, key.userId),
    teamId: key.teamId === null ? null : renameTeamId(map, key.teamId),
  };
}

/** The digest stays: it is of what LiteLLM has, under its own ids. */
export function renameState(map: IdentityMap, state: GatewayState): GatewayState {
  if (map.teamIds.size === 0 && map.userIds.size === 0) return state;
  const teams = [...state.teams.values()].map((team) => renameTeam(map, team));
  const users = [...state.users.values()].map((user) => renameUser(map, user));
  return {
    ...state,
    teams: new Map(teams.map((team) => [team.teamId, team])),
    users: new Map(users.map((user) => [user.userId, user])),
    keys: renameKeys(map, state.keys),
  };
}

export function renameKeys<Hash>(
  map: IdentityMap,
  keys: ReadonlyMap<Hash, GatewayKey>,
): ReadonlyMap<Hash, GatewayKey> {
  return new Map([...keys].map(([keyHash, key]) => [keyHash, renameKey(map, key)]));
}
