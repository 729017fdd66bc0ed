// Keys in a plan: one working key for each person and team, and none for who left. Pure.

import type { EntraUserId, KeyHash } from '../ids.ts';
import type { Action } from './actions.ts';
import type { CurrentState, KeyRecord } from './current.ts';
import { isManaged } from './marker.ts';
import { leavingCause, type Notice, type TeamContext } from './plan-context.ts';

/** Keys of the people the team should have. */
export function planKeys(
  { team, keys }: TeamContext,
  current: CurrentState,
  actions: Action[],
  notices: Notice[],
): void {
  if (team.membership.status === 'incomplete') return;
  const byUser = new Map<EntraUserId, KeyRecord>();
  for (const key of keys) if (key.status !== 'abandoned') byUser.set(key.userId, key);

  const teamId = team.groupId;
  const mint = (userId: EntraUserId, replaces: KeyHash | null, cause: string) => {
    const generation = (current.generations.get(`${userId}/${teamId}`) ?? 0) + 1;
    actions.push({ kind: 'mint_key', teamId, userId, generation, replaces, cause });
  };

  for (const userId of team.membership.members.keys()) {
    const record = byUser.get(userId);
    const inGateway = record && current.gateway.keys.get(record.keyHash);
    if (!record) mint(userId, null, `member of group ${teamId}`);
    else if (!inGateway) {
      mint(
        userId,
        record.keyHash,
        record.status === 'escrowed'
          ? 'an earlier run ended before the key was made'
          : 'the key is no longer in LiteLLM',
      );
    } else if (record.status === 'escrowed') {
      actions.push({
        kind: 'confirm_key',
        teamId,
        userId,
        keyHash: record.keyHash,
        cause: 'an earlier run ended before this was recorded',
      });
    } else if (record.status === 'blocked') {
      actions.push({
        kind: 'restore_key',
        teamId,
        userId,
        keyHash: record.keyHash,
        unblock: !record.heldByHand,
        cause: `rejoined group ${teamId}`,
      });
    } else if (inGateway.blocked) {
      notices.push({
        code: 'key_held_by_hand',
        teamId,
        userId,
        detail: `Key ${record.keyHash.slice(0, 8)} was blocked by hand and stays blocked.`,
      });
    }
  }
}

/** Keys of who is no longer wanted in the team, and keys that never should have been. */
export function planLeaverKeys(
  context: TeamContext,
  current: CurrentState,
  actions: Action[],
  notices: Notice[],
): void {
  const { team, keys } = context;
  const teamId = team.groupId;
  for (const { keyHash, userId, status, heldByHand } of keys) {
    const inGateway = current.gateway.keys.get(keyHash);
    if (status === 'abandoned') {
      // An answer that was lost may still have made the key after we gave it up.
      if (inGateway)
        actions.push({
          kind: 'delete_key',
          teamId,
          userId,
          keyHash,
          cause: 'replaced before it was known to be live',
        });
      continue;
    }
    const cause = leavingCause(team, userId);
    if (cause === undefined) continue;
    const stillWorks = inGateway !== undefined && (!inGateway.blocked || inGateway.teamId === teamId);
    if (status !== 'blocked' || stillWorks) {
      const blockedByOthers = status === 'blocked' ? heldByHand : (inGateway?.blocked ?? false);
      actions.push({ kind: 'block_key', teamId, userId, keyHash, heldByHand: blockedByOthers, cause });
    }
  }
  noticeHandMadeKeys(context, current, notices);
}

/** A leaver's key that we did not make still works: we leave it, and say so. */
function noticeHandMadeKeys({ team, owned }: TeamContext, current: CurrentState, notices: Notice[]): void {
  if (team.membership.status === 'incomplete') return;
  for (const key of handMadeKeysOf(current, team.groupId)) {
    if (key.blocked || key.userId === null) continue;
    const userId = key.userId as EntraUserId;
    const cause =
      team.membership.excluded.get(userId) ?? (owned.has(userId) ? leavingCause(team, userId) : undefined);
    if (cause !== undefined) {
      notices.push({
        code: 'key_not_ours',
        teamId: team.groupId,
        userId,
        detail: `Key ${key.keyHash.slice(0, 8)} was made by hand and still works, although: ${cause}.`,
      });
    }
  }
}

const handMadeByTeam = new WeakMap<CurrentState, Map<string, HandMadeKey[]>>();
type HandMadeKey = { keyHash: KeyHash; userId: string | null; blocked: boolean };

/** Indexed once a state: with 500 teams a scan for each would be quadratic. */
function handMadeKeysOf(current: CurrentState, teamId: string): readonly HandMadeKey[] {
  let index = handMadeByTeam.get(current);
  if (!index) {
    index = new Map();
    for (const key of current.gateway.keys.values()) {
      if (key.teamId === null || isManaged(key)) continue;
      const keys = index.get(key.teamId);
      if (keys) keys.push(key);
      else index.set(key.teamId, [key]);
    }
    handMadeByTeam.set(current, index);
  }
  return index.get(teamId) ?? [];
}
