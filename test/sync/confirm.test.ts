// A removal needs two answers of Graph that agree: the list that lacks the person, and the person asked about alone.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Access } from '../../lib/directory/directory.ts';
import { completeRead, incompleteRead, type Read } from '../../lib/directory/read.ts';
import type { EntraUserId } from '../../lib/ids.ts';
import { isRemoval } from '../../lib/sync/actions.ts';
import { confirmRemovals, contradictedTeams, keepConfirmed } from '../../lib/sync/confirm.ts';
import { decideDesired } from '../../lib/sync/desired.ts';
import { decideAllowed, type Verdict } from '../../lib/sync/guard.ts';
import { planChanges } from '../../lib/sync/plan.ts';
import { planHintedRemovals } from '../../lib/sync/plan-hinted.ts';
import { buildPolicy, buildReads, buildUser, groupId, Model, NO_HISTORY, userId } from './builders.ts';

const people = (...numbers: number[]) => numbers.map((n) => buildUser(n));
const access = (values: Partial<Extract<Access, { status: 'present' }>> = {}): Read<Access> =>
  completeRead({ status: 'present', accountEnabled: true, kind: 'member', groupIds: new Set(), ...values });
const signal = new AbortController().signal;

/** Persons 1 and 2 leave the admin group 1, of persons 1 to 5; person 1 is in group 2 as well. */
function twoLeave() {
  const policy = buildPolicy(2, { roles: ['admin', 'member'] });
  const model = new Model();
  const before = buildReads({ 1: people(1, 2, 3, 4, 5), 2: people(1, 6) });
  model.apply(planChanges(decideDesired(policy, before), model.current()).actions);
  const now = buildReads({ 1: people(3, 4, 5), 2: people(1, 6) });
  const plan = planChanges(decideDesired(policy, now), model.current());
  return { policy, model, verdict: decideAllowed(plan, policy, NO_HISTORY) };
}
const removedFrom = ({ allowed }: Verdict) =>
  [...new Set(allowed.filter(isRemoval).map((action) => action.userId))].sort();

test.each<[string, Read<Access> | undefined, boolean]>([
  ['is no member any more', access(), true],
  ['is still a member', access({ groupIds: new Set([groupId(1)]) }), false],
  [
    'is disabled, though still a member',
    access({ accountEnabled: false, groupIds: new Set([groupId(1)]) }),
    true,
  ],
  ['is a guest, and the policy wants none', access({ kind: 'guest', groupIds: new Set([groupId(1)]) }), true],
  ['is gone from the tenant', completeRead({ status: 'gone' }), true],
  ['could not be asked about', incompleteRead('throttled', 'later'), false],
  ['was not asked about', undefined, false],
])('who %s is removed: %s %s', (_name, read, isRemoved) => {
  const { policy, verdict } = twoLeave();
  const reads = new Map<EntraUserId, Read<Access>>([[userId(2), completeRead({ status: 'gone' })]]);
  if (read) reads.set(userId(1), read);
  const confirmed = keepConfirmed(verdict, policy, reads);

  expect(removedFrom(confirmed)).toEqual(isRemoved ? [userId(1), userId(2)] : [userId(2)]);
  expect([...contradictedTeams(confirmed)]).toEqual(isRemoved ? [] : [groupId(1)]);
});

test('who stays keeps the role', () => {
  const { policy, verdict } = twoLeave();
  expect(verdict.allowed.filter((action) => action.kind === 'demote_user')).toHaveLength(2);
  const reads = new Map([[userId(2), access()]]);

  const { allowed, refused } = keepConfirmed(verdict, policy, reads);

  expect(allowed.filter((action) => action.kind === 'demote_user').map((action) => action.userId)).toEqual([
    userId(2),
  ]);
  expect(refused.map(({ reason }) => reason).sort()).toEqual([
    'follows_held_removal',
    'not_confirmed',
    'not_confirmed',
  ]);
});

test('each leaver is asked about once, and nobody when nobody leaves', async () => {
  const { policy, verdict } = twoLeave();
  const asked: unknown[] = [];
  const directory = {
    readAccess: async (questions: readonly { userId: EntraUserId }[]) => {
      asked.push(questions);
      return new Map(questions.map((question) => [question.userId, access()]));
    },
  };

  await confirmRemovals(verdict, { policy, directory }, signal);
  await confirmRemovals(
    { allowed: [], quarantined: [], refused: [], approved: [] },
    { policy, directory },
    signal,
  );

  expect(asked).toEqual([
    [
      { userId: userId(1), groupIds: [groupId(1)] },
      { userId: userId(2), groupIds: [groupId(1)] },
    ],
  ]);
});

test('whatever Graph answers, every action is still in exactly one part of the verdict, and no other is touched', () => {
  const answer = fc.constantFrom<(Read<Access> | undefined)[]>(
    undefined,
    access(),
    access({ groupIds: new Set([groupId(1)]) }),
    incompleteRead('unavailable', 'injected'),
    completeRead({ status: 'gone' }),
  );
  fc.assert(
    fc.property(answer, answer, (first, second) => {
      const { policy, verdict } = twoLeave();
      const reads = new Map<EntraUserId, Read<Access>>();
      if (first) reads.set(userId(1), first);
      if (second) reads.set(userId(2), second);
      const confirmed = keepConfirmed(verdict, policy, reads);
      const parts = [...confirmed.allowed, ...confirmed.refused.map(({ action }) => action)];

      expect(new Set(parts)).toEqual(new Set(verdict.allowed));
      expect(parts).toHaveLength(verdict.allowed.length);
      expect(confirmed.allowed.filter(isRemoval).every((action) => reads.has(action.userId))).toBe(true);
    }),
  );
});

test('a hinted person loses exactly what Graph says is lost, in every team, and keeps the rest', () => {
  const { policy, model } = twoLeave();
  const { memberships, keys, gateway } = model.current();
  const reads = new Map([
    [userId(1), access({ groupIds: new Set([groupId(2)]) })],
    [userId(3), access({ groupIds: new Set([groupId(1)]) })],
    [userId(4), incompleteRead('unavailable', 'injected')],
  ]);
  const plan = planHintedRemovals({ policy, access: reads, memberships, keys, gatewayKeys: gateway.keys });

  expect(plan.actions.map(({ kind, ...action }) => [kind, 'teamId' in action && action.teamId])).toEqual([
    ['block_key', groupId(1)],
    ['remove_member', groupId(1)],
  ]);
  expect(plan.teams.map((team) => team.ownedMembers.length)).toEqual([5, 2]);
});

test('a hinted person’s key that somebody blocked by hand is marked as such, so that a rejoin leaves it blocked', () => {
  const { policy, model } = twoLeave();
  const { memberships, keys, gateway } = model.current();
  const gatewayKeys = new Map(
    [...gateway.keys].map(([hash, key]) => [hash, { ...key, blocked: key.userId === userId(1) }]),
  );
  const reads = new Map([[userId(1), completeRead<Access>({ status: 'gone' })]]);
  const plan = planHintedRemovals({ policy, access: reads, memberships, keys, gatewayKeys });

  expect(plan.actions.filter((action) => action.kind === 'block_key')).toMatchObject([
    { teamId: groupId(1), heldByHand: true, cause: 'account deleted' },
    { teamId: groupId(2), heldByHand: true, cause: 'account deleted' },
  ]);
});
