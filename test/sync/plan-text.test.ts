import { expect, test } from 'vitest';
import type { DirectoryUser } from '../../lib/directory/directory.ts';
import { decideDesired } from '../../lib/sync/desired.ts';
import { decideAllowed } from '../../lib/sync/guard.ts';
import { planChanges } from '../../lib/sync/plan.ts';
import { renderPlan } from '../../lib/sync/plan-text.ts';
import { expectGolden } from '../golden.ts';
import { buildPolicy, buildReads, buildUser, Model, NO_HISTORY, userId } from './builders.ts';

type Groups = Record<number, readonly DirectoryUser[] | null>;
const scope = {
  always_allow: 1,
  run: { max_count: 3, max_percent: 50 },
  day: { max_count: 3, max_percent: 50 },
};
const policy = buildPolicy(3, {
  roles: ['member', 'member', 'admin'],
  protectedUsers: [userId(5)],
  guard: { per_group: scope, overall: scope },
});
const people = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => buildUser(from + i));
const names = new Map(people(1, 12).map((user) => [user.id as string, user.displayName ?? '']));

function textOf(model: Model, groups: Groups): string {
  const plan = planChanges(decideDesired(policy, buildReads(groups)), model.current());
  return renderPlan(plan, decideAllowed(plan, policy, NO_HISTORY), names);
}

test('the plan of a first run reads as what will be made', () => {
  expectGolden(
    'plan-first-run.txt',
    textOf(new Model(), { 1: people(1, 2), 2: [buildUser(2)], 3: [buildUser(3)] }),
  );
});

test('a plan with everything in it says what goes ahead, what is held and why, what is refused, what to know', () => {
  const model = new Model();
  const before = { 1: people(1, 5), 2: people(6, 9), 3: people(10, 11) };
  model.apply(planChanges(decideDesired(policy, buildReads(before)), model.current()).actions);
  const after = {
    1: [buildUser(1), buildUser(2, { accountEnabled: false }), ...people(3, 4), buildUser(12)],
    2: [buildUser(6)],
    3: null,
  };

  expectGolden('plan-mixed.txt', textOf(model, after));
});

test('an empty plan says so, and the same plan twice is the same bytes', () => {
  const model = new Model();
  const groups = { 1: people(1, 3), 2: people(4, 5), 3: [buildUser(6)] };
  model.apply(planChanges(decideDesired(policy, buildReads(groups)), model.current()).actions);

  expect(textOf(model, groups)).toBe(textOf(model, groups));
  expect(textOf(model, groups)).toMatch(/^No changes/);
});
