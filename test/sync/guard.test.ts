import { describe, expect, test } from 'vitest';
import type { DirectoryUser } from '../../lib/directory/directory.ts';
import type { Policy } from '../../lib/policy/schema.ts';
import { decideDesired } from '../../lib/sync/desired.ts';
import { decideAllowed, type Verdict } from '../../lib/sync/guard.ts';
import { planChanges } from '../../lib/sync/plan.ts';
import type { RecentRemoval } from '../../lib/sync/removal-limits.ts';
import {
  buildPolicy,
  buildReads,
  buildUser,
  groupId,
  Model,
  NO_HISTORY,
  OPEN_GUARD,
  type PolicyOverrides,
  userId,
} from './builders.ts';

const people = (count: number, from = 1) => Array.from({ length: count }, (_, i) => buildUser(from + i));

function judge(
  before: Record<number, readonly DirectoryUser[]>,
  now: Record<number, readonly DirectoryUser[] | null>,
  overrides: PolicyOverrides = {},
  recent: RecentRemoval[] = [],
): Verdict {
  const policy: Policy = buildPolicy(Object.keys(before).length, overrides);
  const model = new Model();
  model.apply(planChanges(decideDesired(policy, buildReads(before)), model.current()).actions);
  return decideAllowed(planChanges(decideDesired(policy, buildReads(now)), model.current()), policy, {
    ...NO_HISTORY,
    recent,
  });
}

const scope = (run: [number, number], day: [number, number], always_allow = 0) => ({
  always_allow,
  run: { max_count: run[0], max_percent: run[1] },
  day: { max_count: day[0], max_percent: day[1] },
});
const perGroup = (s: ReturnType<typeof scope>): PolicyOverrides => ({
  guard: { ...OPEN_GUARD, per_group: s },
});

test('a leaver within the limits goes ahead', () => {
  const verdict = judge({ 1: people(10) }, { 1: people(9) }, perGroup(scope([2, 25], [4, 40])));

  expect(verdict.allowed.map((action) => action.kind)).toEqual(['block_key', 'remove_member', 'demote_user']);
  expect(verdict.quarantined).toEqual([]);
});

test('removing 60 % of a group is quarantined whole with its reasons, and joins in it go ahead', () => {
  const verdict = judge(
    { 1: people(10) },
    { 1: [...people(4), buildUser(99)] },
    perGroup(scope([100, 50], [100, 50])),
  );

  expect(verdict.allowed.map((action) => action.kind)).toEqual(['create_user', 'add_member', 'mint_key']);
  expect(verdict.quarantined).toHaveLength(1);
  expect(verdict.quarantined[0]).toMatchObject({
    scope: groupId(1),
    peopleCount: 6,
    exceeded: [
      { limit: 'run.max_percent', value: 60, bound: 50 },
      { limit: 'day.max_percent', value: 60, bound: 50 },
    ],
  });
  expect(verdict.quarantined[0]?.actions).toHaveLength(12);
});

test('a held group does not hold up a leaver in another', () => {
  const verdict = judge(
    { 1: people(10), 2: people(10, 20) },
    { 1: [], 2: people(9, 20) },
    perGroup(scope([3, 50], [3, 50])),
  );

  expect(verdict.quarantined.map((quarantine) => quarantine.scope)).toEqual([groupId(1)]);
  const teams = verdict.allowed.map((action) => ('teamId' in action ? action.teamId : undefined));
  expect(teams).toEqual([groupId(2), groupId(2), undefined]);
});

test('a slow drip is held once the limit of 24 hours is used up', () => {
  const recent = [1, 2, 3].map((n) => ({ teamId: groupId(1), userId: userId(100 + n) }));
  const verdict = judge({ 1: people(10) }, { 1: people(9) }, perGroup(scope([2, 50], [3, 100])), recent);

  expect(verdict.quarantined[0]?.exceeded).toEqual([{ limit: 'day.max_count', value: 4, bound: 3 }]);
});

test('a removal begun by a killed run counts once when it is planned again', () => {
  const recent = [{ teamId: groupId(1), userId: userId(10) }];
  const verdict = judge({ 1: people(10) }, { 1: people(9) }, perGroup(scope([1, 50], [1, 50])), recent);

  expect(verdict.quarantined).toEqual([]);
});

test('few leavers of a small group are not held by the percentage when always_allow covers them', () => {
  const before = { 1: people(2) };
  const now = { 1: people(1) };

  expect(judge(before, now, perGroup(scope([5, 25], [5, 25], 1))).quarantined).toEqual([]);
  expect(judge(before, now, perGroup(scope([5, 25], [5, 25], 0))).quarantined).toHaveLength(1);
});

test('many groups that each lose a few are held by the limit over all', () => {
  const before = { 1: people(10), 2: people(10, 20), 3: people(10, 40) };
  const now = { 1: people(8), 2: people(8, 20), 3: people(8, 40) };
  const verdict = judge(before, now, {
    guard: { per_group: scope([2, 25], [2, 25]), overall: scope([5, 100], [5, 100]) },
  });

  expect(verdict.quarantined.map((quarantine) => [quarantine.scope, quarantine.peopleCount])).toEqual([
    ['overall', 6],
  ]);
  expect(verdict.allowed).toEqual([]);
});

test('the same hold has the same id in the next run, another hold has another', () => {
  const guard = perGroup(scope([1, 10], [1, 10]));
  const first = judge({ 1: people(10) }, { 1: people(5) }, guard).quarantined[0];

  expect(judge({ 1: people(10) }, { 1: people(5) }, guard).quarantined[0]?.quarantineId).toBe(
    first?.quarantineId,
  );
  expect(judge({ 1: people(10) }, { 1: people(4) }, guard).quarantined[0]?.quarantineId).not.toBe(
    first?.quarantineId,
  );
});

test('a protected person is never removed; the others of the group are', () => {
  const verdict = judge({ 1: people(3) }, { 1: [] }, { protectedUsers: [userId(2)] });

  expect(
    verdict.refused.map((refusal) => [refusal.reason, 'userId' in refusal.action && refusal.action.userId]),
  ).toEqual([
    ['protected_user', userId(2)],
    ['protected_user', userId(2)],
    ['protected_user', userId(2)],
  ]);
  expect(verdict.allowed).toHaveLength(6);
});

test('the last admins stay when everybody would leave the admin group', () => {
  const verdict = judge(
    { 1: people(2), 2: people(3, 10) },
    { 1: [], 2: people(2, 10) },
    { roles: ['admin', 'member'] },
  );

  expect(new Set(verdict.refused.map((refusal) => refusal.reason))).toEqual(
    new Set(['last_admin', 'follows_held_removal']),
  );
  const teams = verdict.allowed.map((action) => ('teamId' in action ? action.teamId : undefined));
  expect(teams).toEqual([groupId(2), groupId(2), undefined]);
});

test('an admin who is not the last leaves and loses the role', () => {
  const verdict = judge({ 1: people(2) }, { 1: people(1) }, { roles: ['admin'] });

  expect(verdict.allowed.map((action) => action.kind)).toEqual(['block_key', 'remove_member', 'demote_user']);
  expect(verdict.refused).toEqual([]);
});

test('a role is not lowered while the removal behind it is held', () => {
  const verdict = judge(
    { 1: people(4) },
    { 1: people(1) },
    { roles: ['devops'], ...perGroup(scope([1, 10], [1, 10])) },
  );

  expect(verdict.allowed).toEqual([]);
  expect(verdict.refused.map((refusal) => refusal.reason)).toEqual([
    'follows_held_removal',
    'follows_held_removal',
    'follows_held_removal',
  ]);
});

test('the percentage of a day is of those who were there a day ago', () => {
  const recent = [1, 2, 3, 4].map((n) => ({ teamId: groupId(1), userId: userId(100 + n) }));
  const verdict = judge({ 1: people(10) }, { 1: people(7) }, perGroup(scope([10, 60], [10, 60])), recent);

  expect(verdict.quarantined).toEqual([]);
});

describe('a role that the policy lowers', () => {
  const lowered = (from: 'devops' | 'admin', protectedUsers: string[] = []) => {
    const groups = { 1: people(1) };
    const model = new Model();
    model.apply(
      planChanges(decideDesired(buildPolicy(1, { roles: [from] }), buildReads(groups)), model.current())
        .actions,
    );
    const policy = buildPolicy(1, { protectedUsers });
    return decideAllowed(
      planChanges(decideDesired(policy, buildReads(groups)), model.current()),
      policy,
      NO_HISTORY,
    );
  };

  test('is lowered for whoever is no admin, even where no group has admins', () => {
    expect(lowered('devops').allowed).toMatchObject([{ kind: 'demote_user', after: 'internal_user' }]);
  });

  test('stays with the last admins', () => {
    expect(lowered('admin').refused).toMatchObject([
      { reason: 'last_admin', action: { kind: 'demote_user' } },
    ]);
  });

  test('stays with protected people', () => {
    expect(lowered('devops', [userId(1)]).refused).toMatchObject([{ reason: 'protected_user' }]);
  });
});
