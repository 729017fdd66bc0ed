// Keys in a plan: one working key for each person and team, and none for who left. Pure.

import type { EntraUserId, KeyHash } from '../ids.ts';
import type { Action } from './actions.ts';
import type { CurrentState, KeyRecord } from './current.ts';
import { isKeyDue } from './key-life.ts';
import { isManaged } from './marker.ts';
import { leavingCause, type Notice, type TeamContext } from './plan-context.ts';

/** Keys of the people the team should have: one that works, whatever happened to it before. Returns those given back. */
export function planKeys(
  { team, keys }: TeamContext,
  { gateway, generations, now }: CurrentState,
  graceMs: number,
  actions: Action[],
  notices: Notice[],
): ReadonlySet<KeyHash> {
  const restored = new Set<KeyHash>();
  if (team.membership.status === 'incomplete') return restored;
  const teamId = team.groupId;
  const byUser = Map.groupBy(
    keys.filter((key) => key.status !== 'abandoned' && key.kind === 'member'),
    (key) => key.userId,
  );
  const mint = (userId: EntraUserId, replaces: KeyHash | null, cause: string) => {
    const generation = (generations.get(`${userId}/${teamId}`) ?? 0) + 1;
    actions.push({ kind: 'mint_key', teamId, userId, generation, replaces, cause });
  };

  for (const userId of team.membership.members.keys()) {
    const records = byUser.get(userId) ?? [];
    const record = records.find(isInUse) ?? newest(records, 'blocked');
    const retiring = newest(records, 'retiring');
    const inGateway = record && gateway.keys.get(record.keyHash);
    const held = (key: KeyRecord) =>
      notices.push({
        code: 'key_held_by_hand',
        teamId,
        userId,
        detail: `Key ${key.keyHash.slice(0, 8)} was blocked by hand and stays blocked.`,
      });

    if (!record) {
      // A new key would be a way round the hand that blocked the old one.
      if (retiring && gateway.keys.get(retiring.keyHash)?.blocked) held(retiring);
      else mint(userId, null, retiring ? 'rotated' : `member of group ${teamId}`);
    } else if (!inGateway) {
      mint(
        userId,
        record.keyHash,
        record.status === 'escrowed'
          ? 'an earlier run ended before the key was made'
          : 'the key is no longer in LiteLLM',
      );
    } else if (record.status === 'escrowed') {
      const cause = 'an earlier run ended before this was recorded';
      actions.push({ kind: 'confirm_key', teamId, userId, keyHash: record.keyHash, cause });
    } else if (record.status === 'blocked') {
      restored.add(record.keyHash);
      actions.push({
        kind: 'restore_key',
        teamId,
        userId,
        keyHash: record.keyHash,
        unblock: !record.heldByHand,
        cause: `rejoined group ${teamId}`,
      });
    } else if (inGateway.blocked) held(record);
    else if (inGateway.teamId !== teamId) {
      const cause = 'moved out of the team by hand';
      actions.push({ kind: 'restore_key', teamId, userId, keyHash: record.keyHash, unblock: false, cause });
    }

    // The key before it ends only when this one is known to be there.
    if (retiring && record?.status === 'live' && inGateway && isKeyDue(retiring, graceMs, now))
      actions.push(retire(retiring, 'rotated, and its grace has ended'));
  }
  return restored;
}

function isInUse(key: KeyRecord): boolean {
  return key.status === 'live' || key.status === 'escrowed';
}

function newest(keys: readonly KeyRecord[], status: KeyRecord['status']): KeyRecord | undefined {
  return keys
    .filter((key) => key.status === status)
    .reduce<KeyRecord | undefined>((a, b) => (a && a.generation > b.generation ? a : b), undefined);
}

function retire({ teamId, userId, keyHash }: KeyRecord, cause: string): Action {
  return { kind: 'retire_key', teamId, userId, keyHash, cause };
}

/** Keys of who is no longer wanted in the team, keys whose time is over, and keys that never should have been. */
export function planEndingKeys(
  context: TeamContext,
  current: CurrentState,
  graceMs: number,
  restored: ReadonlySet<KeyHash>,
  actions: Action[],
  notices: Notice[],
): void {
  const { team, keys } = context;
  const teamId = team.groupId;
  for (const key of keys) {
    const { keyHash, userId, status, heldByHand } = key;
    const inGateway = current.gateway.keys.get(keyHash);
    if (status === 'abandoned') {
      // An answer that was lost may still have made the key after we gave it up.
      const cause = 'replaced before it was known to be live';
      if (inGateway) actions.push({ kind: 'delete_key', teamId, userId, keyHash, cause });
      continue;
    }
    const isDue = isKeyDue(key, graceMs, current.now);
    if (key.kind === 'test' && (status === 'escrowed' || (status === 'live' && isDue))) {
      // One that is still in escrow was shown to nobody: whoever made it was cut off.
      actions.push(retire(key, 'test key, and its time is over'));
      continue;
    }
    const isKept = team.membership.status === 'incomplete' || restored.has(keyHash);
    const stillWorks = inGateway !== undefined && (!inGateway.blocked || inGateway.teamId === teamId);
    const cause = leavingCause(team, userId);
    if (cause !== undefined && (status !== 'blocked' || stillWorks)) {
      const blockedByOthers = status === 'blocked' ? heldByHand : (inGateway?.blocked ?? false);
      actions.push({ kind: 'block_key', teamId, userId, keyHash, heldByHand: blockedByOthers, cause });
    } else if (status === 'blocked' && isDue && !isKept) {
      const cause = 'blocked for the whole grace';
      actions.push({ kind: 'delete_key', teamId, userId, keyHash, cause });
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
