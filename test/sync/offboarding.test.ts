// The second phase of offboarding and the life of a rotated key, as plans over days.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { DirectoryUser } from '../../lib/directory/directory.ts';
import { decideDesired } from '../../lib/sync/desired.ts';
import { decideAllowed } from '../../lib/sync/guard.ts';
import { keyDueAt, nextDueAt } from '../../lib/sync/key-life.ts';
import { planChanges } from '../../lib/sync/plan.ts';
import { buildPolicy, buildReads, buildUser, groupId, Model, NO_HISTORY, userId } from './builders.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const GRACE_DAYS = 30;
const policy = buildPolicy(2);

type Groups = Record<number, readonly DirectoryUser[] | null>;
const planOf = (model: Model, groups: Groups) =>
  planChanges(decideDesired(policy, buildReads(groups)), model.current());

/** Applies plans until one is empty, as runs would; returns the kinds of action, in order. */
function settle(model: Model, groups: Groups): string[] {
  const kinds: string[] = [];
  for (let runs = 0; runs < 5; runs += 1) {
    const { actions } = planOf(model, groups);
    if (actions.length === 0) return kinds;
    for (const action of actions) kinds.push(action.kind);
    model.apply(actions);
  }
  throw new Error(`not settled: ${kinds.join()}`);
}
const later = (model: Model, days: number) => {
  model.now = new Date(model.now.getTime() + days * DAY_MS);
};
function synced(groups: Groups): Model {
  const model = new Model();
  settle(model, groups);
  return model;
}
const rotate = (model: Model, days: number) => {
  for (const record of model.records.values())
    if (record.status === 'live')
      model.records.set(record.keyHash, {
        ...record,
        status: 'retiring',
        endsAt: new Date(model.now.getTime() + days * DAY_MS),
      });
};

const ALONE = { 1: [buildUser(1)], 2: [] };
const NOBODY = { 1: [], 2: [] };

test('a leaver is deactivated at once; key and user are deleted when the grace is over, not before', () => {
  const model = synced({ 1: [buildUser(1), buildUser(2)], 2: [] });
  const rest = { 1: [buildUser(2)], 2: [] };
  expect(settle(model, rest)).toEqual(['block_key', 'remove_member', 'demote_user']);
  expect(model.users.get(userId(1))?.role).toBe('internal_user_viewer');
  later(model, GRACE_DAYS - 0.01);
  expect(settle(model, rest)).toEqual([]);

  later(model, 0.01);
  expect(settle(model, rest)).toEqual(['delete_key', 'delete_user']);
  expect([...model.users.keys()]).toEqual([userId(2)]);
});

test('a rejoin on the last day gets exactly that key back, and nothing of it is deleted later', () => {
  const model = synced(ALONE);
  const keyHash = [...model.keys.keys()][0];
  settle(model, NOBODY);
  later(model, GRACE_DAYS - 0.01);
  expect(settle(model, ALONE)).toEqual(['add_member', 'update_user', 'restore_key']);

  later(model, 100);
  expect(settle(model, ALONE)).toEqual([]);
  expect(model.workingKeys(userId(1), groupId(1)).map((key) => key.keyHash)).toEqual([keyHash]);
});

test('back in the very run in which the grace has ended, a person gets the key, not a deletion', () => {
  const model = synced(ALONE);
  settle(model, NOBODY);
  later(model, GRACE_DAYS + 1);

  expect(settle(model, ALONE)).toEqual(['add_member', 'update_user', 'restore_key']);
});

test('after the deletion a rejoiner is new: another key, the next generation', () => {
  const model = synced(ALONE);
  settle(model, NOBODY);
  later(model, GRACE_DAYS);
  settle(model, NOBODY);

  expect(planOf(model, ALONE).actions.at(-1)).toMatchObject({ kind: 'mint_key', generation: 2 });
});

test('a group that cannot be read deletes no key, however long ago it was blocked', () => {
  const model = synced(ALONE);
  settle(model, NOBODY);
  later(model, 100);

  expect(settle(model, { 1: null, 2: [] })).toEqual([]);
});

test('a person of several groups loses only what the left one gave', () => {
  const model = synced({ 1: [buildUser(1)], 2: [buildUser(1)] });
  const second = { 1: [], 2: [buildUser(1)] };
  expect(settle(model, second)).toEqual(['block_key', 'remove_member']);
  later(model, GRACE_DAYS);

  expect(settle(model, second)).toEqual(['delete_key']);
  expect(model.workingKeys(userId(1), groupId(2))).toHaveLength(1);
  expect(model.users.get(userId(1))?.role).toBe('internal_user');
});

test('whoever has something made by hand is neither deactivated nor deleted', () => {
  const model = synced(ALONE);
  model.addTeam({ teamId: 'by-hand', members: [{ userId: userId(1), role: 'user' }] });
  expect(settle(model, NOBODY)).toEqual(['block_key', 'remove_member']);
  later(model, GRACE_DAYS);

  expect(settle(model, NOBODY)).toEqual(['delete_key']);
  expect(model.users.get(userId(1))?.role).toBe('internal_user');
});

test('a protected person keeps the user row, even when nothing else is left', () => {
  const guarded = buildPolicy(2, { protectedUsers: [userId(1)] });
  const model = synced(ALONE);
  settle(model, NOBODY);
  later(model, GRACE_DAYS);
  model.apply(planOf(model, NOBODY).actions.filter((action) => action.kind === 'delete_key'));

  const plan = planChanges(decideDesired(guarded, buildReads(NOBODY)), model.current());
  const { allowed, refused } = decideAllowed(plan, guarded, NO_HISTORY);
  expect(allowed).toEqual([]);
  expect(refused).toMatchObject([{ reason: 'protected_user', action: { kind: 'delete_user' } }]);
});

test('a rotated key works beside the new one until its grace ends, then it is gone', () => {
  const model = synced(ALONE);
  rotate(model, 7);
  expect(settle(model, ALONE)).toEqual(['mint_key']);
  expect(model.workingKeys(userId(1), groupId(1))).toHaveLength(2);
  later(model, 6.99);
  expect(settle(model, ALONE)).toEqual([]);

  later(model, 0.01);
  expect(settle(model, ALONE)).toEqual(['retire_key']);
  expect(model.workingKeys(userId(1), groupId(1))).toHaveLength(1);
});

test('the old key does not end before the new one is known to be there', () => {
  const model = synced(ALONE);
  rotate(model, 7);
  later(model, 8);

  expect(planOf(model, ALONE).actions.map((action) => action.kind)).toEqual(['mint_key']);
  expect(settle(model, ALONE)).toEqual(['mint_key', 'retire_key']);
});

test('rotation is no way round a block by hand', () => {
  const model = synced(ALONE);
  for (const key of model.keys.values()) model.keys.set(key.keyHash, { ...key, blocked: true });
  rotate(model, 7);

  const plan = planOf(model, ALONE);
  expect(plan.actions).toEqual([]);
  expect(plan.notices).toMatchObject([{ code: 'key_held_by_hand' }]);
});

test('who leaves in the middle of a rotation loses both keys, and gets the newer one back', () => {
  const model = synced(ALONE);
  rotate(model, 7);
  settle(model, ALONE);
  const newer = [...model.records.values()].find((record) => record.generation === 2);

  expect(settle(model, NOBODY)).toEqual(['block_key', 'block_key', 'remove_member', 'demote_user']);
  expect(model.workingKeys(userId(1), groupId(1))).toEqual([]);
  settle(model, ALONE);
  expect(model.workingKeys(userId(1), groupId(1)).map((key) => key.keyHash)).toEqual([newer?.keyHash]);
  later(model, GRACE_DAYS);
  expect(settle(model, ALONE)).toEqual(['delete_key']);
});

test('a test key ends at its time and changes nothing about the person’s own', () => {
  const model = synced(ALONE);
  const [own] = model.records.values();
  const [row] = model.keys.values();
  if (!own || !row) throw new Error('a key');
  const keyHash = 'f'.repeat(64) as typeof own.keyHash;
  const endsAt = new Date(model.now.getTime() + DAY_MS);
  model.records.set(keyHash, { ...own, keyHash, generation: 2, kind: 'test', endsAt });
  model.keys.set(keyHash, { ...row, keyHash });
  expect(settle(model, ALONE)).toEqual([]);

  later(model, 1);
  expect(settle(model, ALONE)).toEqual(['retire_key']);
  expect(model.workingKeys(userId(1), groupId(1)).map((key) => key.keyHash)).toEqual([own.keyHash]);
});

test('over any history, whoever is wanted has a key that works, nobody else has, and a kept key is kept', () => {
  const step = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant('members' as const), ids: fc.subarray([1, 2, 3]) }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant('days' as const), days: fc.integer({ min: 1, max: 40 }) }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('rotate' as const) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('unread' as const) }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 25 }), (history) => {
      const model = synced({ 1: [1, 2, 3].map((n) => buildUser(n)), 2: [] });
      let members: readonly number[] = [1, 2, 3];
      for (const one of history) {
        if (one.kind === 'members') members = one.ids;
        if (one.kind === 'days') later(model, one.days);
        if (one.kind === 'rotate') rotate(model, 7);
        const before = new Map(model.records);
        const isRead = one.kind !== 'unread';
        settle(model, { 1: isRead ? members.map((n) => buildUser(n)) : null, 2: [] });

        for (const [keyHash, record] of before) {
          const dueAt = keyDueAt(record, GRACE_DAYS * DAY_MS);
          if (dueAt === null || dueAt.getTime() > model.now.getTime())
            expect(model.records.has(keyHash)).toBe(true);
        }
        if (!isRead) continue;
        for (const n of [1, 2, 3]) {
          const working = model.workingKeys(userId(n), groupId(1)).length;
          if (members.includes(n)) expect(working).toBeGreaterThanOrEqual(1);
          else expect(working).toBe(0);
        }
        const next = nextDueAt([...model.records.values()], GRACE_DAYS * DAY_MS);
        if (next !== null) expect(next.getTime()).toBeGreaterThan(model.now.getTime());
      }
    }),
  );
});
