// The short way for a leaver: what to take from the few people whom notifications named, decided from one direct
// question to Graph about each instead of whole groups. Pure; the guard judges it as any plan.

import { digestOf } from '../canonical.ts';
import type { Access } from '../directory/directory.ts';
import type { Read } from '../directory/read.ts';
import type { GatewayKey } from '../gateway/state.ts';
import type { EntraUserId, KeyHash } from '../ids.ts';
import type { Policy } from '../policy/schema.ts';
import { lostAccessCause } from './access.ts';
import { type Action, compareActions } from './actions.ts';
import type { KeyRecord, OwnedMembership } from './current.ts';
import type { Plan } from './plan.ts';

export type HintedPeople = {
  readonly policy: Policy;
  readonly access: ReadonlyMap<EntraUserId, Read<Access>>;
  /** Everybody's, because the guard's limits are shares of all. */
  readonly memberships: readonly OwnedMembership[];
  /** Of the hinted people, as recorded and as LiteLLM has them; a key that LiteLLM lacks is absent. */
  readonly keys: readonly KeyRecord[];
  readonly gatewayKeys: ReadonlyMap<KeyHash, GatewayKey>;
};

/** Removals only. Whoever still has access, or of whom Graph said nothing, is not in it. */
export function planHintedRemovals(people: HintedPeople): Plan {
  const ownedByTeam = Map.groupBy(people.memberships, (membership) => membership.teamId);
  const actions = people.policy.groups.flatMap((group) => {
    const teamId = group.entra_group;
    const owned = new Set(ownedByTeam.get(teamId)?.map((membership) => membership.userId));
    return [...people.access].flatMap(([userId, read]): Action[] => {
      const cause = lostAccessCause(read, group);
      if (cause === undefined) return [];
      const keys = people.keys.filter(
        (key) =>
          key.teamId === teamId &&
          key.userId === userId &&
          (key.status === 'live' || key.status === 'retiring' || key.status === 'escrowed'),
      );
      return [
        ...keys.map(({ keyHash }): Action => {
          const heldByHand = people.gatewayKeys.get(keyHash)?.blocked ?? false;
          return { kind: 'block_key', teamId, userId, keyHash, heldByHand, cause };
        }),
        ...(owned.has(userId) ? [{ kind: 'remove_member', teamId, userId, cause } as const] : []),
      ];
    });
  });
  actions.sort(compareActions);
  return {
    digest: digestOf(actions),
    actions,
    teams: people.policy.groups.map((group) => ({
      teamId: group.entra_group,
      alias: group.team,
      role: group.role,
      read: 'complete',
      ownedMembers: (ownedByTeam.get(group.entra_group) ?? []).map((membership) => membership.userId).sort(),
    })),
    notices: [],
  };
}
