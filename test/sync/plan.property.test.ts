import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { DirectoryUser } from '../../lib/directory/directory.ts';
import type { Policy } from '../../lib/policy/schema.ts';
import { isRemoval } from '../../lib/sync/actions.ts';
import { removalKey } from '../../lib/sync/decisions.ts';
import { decideDesired } from '../../lib/sync/desired.ts';
import { decideAllowed } from '../../lib/sync/guard.ts';
import { type Plan, planChanges } from '../../lib/sync/plan.ts';
import type { RecentRemoval } from '../../lib/sync/removal-limits.ts';
import { buildPolicy, buildReads, buildUser, groupId, Model, NO_HISTORY, userId } from './builders.ts';

const GROUPS = 3;
const PEOPLE = 8;

const person = fc.record({
  n: fc.integer({ min: 1, max: PEOPLE }),
  accountEnabled: fc.boolean(),
  isGuest: fc.boolean(),
});
const members = fc
  .uniqueArray(person, { selector: (p) => p.n, maxLength: PEOPLE })
  .map((people) =>
    people.map((p) =>
      buildUser(p.n, { accountEnabled: p.accountEnabled, kind: p.isGuest ? 'guest' : 'member' }),
    ),
  );
const completeGroups = fc.record({ 1: members, 2: members, 3: members });
const anyGroups = fc.record({ 1: fc.option(members), 2: fc.option(members), 3: fc.option(members) });
const roles = fc.array(fc.constantFrom('member' as const, 'devops' as const, 'admin' as const), {
  minLength: GROUPS,
  maxLength: GROUPS,
});

type Groups = Record<number, readonly DirectoryUser[] | null>;
const planOf = (model: Model, groups: Groups, policy: Policy): Plan =>
  planChanges(decideDesired(policy, buildReads(groups)), model.current());

test('plan then apply reaches the desired state, and a second plan is empty', () => {
  fc.assert(
    fc.property(fc.array(completeGroups, { minLength: 1, maxLength: 4 }), roles, (history, groupRoles) => {
      const policy = buildPolicy(GROUPS, { roles: groupRoles });
      const model = new Model();

      for (const groups of history) {
        model.apply(planOf(model, groups, policy).actions);

        expect(planOf(model, groups, policy).actions).toEqual([]);
        for (const [n, people] of Object.entries(groups)) {
          const wanted = people
            .filter((user) => user.accountEnabled && user.kind === 'member')
            .map((user) => user.id);
          for (let i = 1; i <= PEOPLE; i += 1) {
            const expected = wanted.includes(userId(i)) ? 1 : 0;
            expect(model.workingKeys(userId(i), groupId(Number(n)))).toHaveLength(expected);
            expect(
              model.teams.get(groupId(Number(n)))?.members.filter((member) => member.userId === userId(i)),
            ).toHaveLength(expected);
          }
        }
      }
    }),
  );
});

test('an incomplete read of a group plans no removal in it, and none gets past the guard', () => {
  fc.assert(
    fc.property(completeGroups, anyGroups, (before, now) => {
      const policy = buildPolicy(GROUPS);
      const model = new Model();
      model.apply(planOf(model, before, policy).actions);
      const plan = planOf(model, now, policy);
      // The guard is asked about a plan that a defect filled with removals of everybody, too.
      const forged = planOf(model, { 1: [], 2: [], 3: [] }, policy);

      for (const actions of [
        plan.actions,
        decideAllowed({ ...forged, teams: plan.teams }, policy, NO_HISTORY).allowed,
      ]) {
        const touched = actions.filter(isRemoval).map((action) => action.teamId);
        for (const n of [1, 2, 3] as const) if (now[n] === null) expect(touched).not.toContain(groupId(n));
      }
    }),
  );
});

test('equal inputs in any order give the same plan, byte for byte', () => {
  fc.assert(
    fc.property(completeGroups, completeGroups, fc.infiniteStream(fc.nat()), (before, now, order) => {
      const policy = buildPolicy(GROUPS);
      const model = new Model();
      model.apply(planOf(model, before, policy).actions);
      const shuffle = <T>(items: readonly T[]): T[] =>
        items
          .map((item) => ({ item, key: order.next().value as number }))
          .sort((a, b) => a.key - b.key)
          .map(({ item }) => item);
      const shuffled = new Model();
      for (const field of ['teams', 'users', 'keys', 'memberships', 'records', 'generations'] as const) {
        shuffled[field] = new Map(shuffle([...(model[field] as Map<never, never>)]));
      }
      const reordered = { 1: shuffle(now[1]), 2: shuffle(now[2]), 3: shuffle(now[3]) };

      const expected = JSON.stringify(planOf(model, now, policy));
      expect(JSON.stringify(planOf(shuffled, reordered, { ...policy, groups: shuffle(policy.groups) }))).toBe(
        expected,
      );
    }),
  );
});

test('over any number of runs in a day, no group and no sum of groups loses more than the limits', () => {
  const limits = fc.record({
    max_count: fc.integer({ min: 0, max: 6 }),
    max_percent: fc.integer({ min: 0, max: 100 }),
  });
  const scope = fc.record({ always_allow: fc.integer({ min: 0, max: 2 }), run: limits, day: limits });
  fc.assert(
    fc.property(
      fc.array(completeGroups, { minLength: 2, maxLength: 6 }),
      scope,
      scope,
      (history, perGroup, overall) => {
        const policy = buildPolicy(GROUPS, { guard: { per_group: perGroup, overall } });
        const model = new Model();
        const recent: RecentRemoval[] = [];

        for (const groups of history) {
          const plan = planOf(model, groups, policy);
          const { allowed } = decideAllowed(plan, policy, { ...NO_HISTORY, recent });
          const removed = new Map<string, RecentRemoval>();
          for (const action of allowed)
            if (isRemoval(action)) removed.set(`${action.teamId}/${action.userId}`, action);
          const run = [...removed.values()];
          const day = new Map(
            [...recent, ...run].map((removal) => [`${removal.teamId}/${removal.userId}`, removal]),
          );
          const within = (guardScope: typeof perGroup, runCount: number, dayCount: number) =>
            runCount === 0 ||
            dayCount <= guardScope.always_allow ||
            (runCount <= guardScope.run.max_count && dayCount <= guardScope.day.max_count);

          expect(within(overall, run.length, day.size)).toBe(true);
          for (const team of plan.teams) {
            const inRun = run.filter((removal) => removal.teamId === team.teamId).length;
            const inDay = [...day.values()].filter((removal) => removal.teamId === team.teamId).length;
            expect(within(perGroup, inRun, inDay)).toBe(true);
            if (inRun > 0 && inDay > perGroup.always_allow)
              expect(100 * inRun).toBeLessThanOrEqual(perGroup.run.max_percent * team.ownedMembers.length);
          }
          model.apply(allowed);
          recent.push(...run);
        }
      },
    ),
  );
});

test('every action of a plan is allowed, quarantined or refused, exactly once', () => {
  const tight = {
    always_allow: 0,
    run: { max_count: 2, max_percent: 50 },
    day: { max_count: 3, max_percent: 60 },
  };
  fc.assert(
    fc.property(
      completeGroups,
      anyGroups,
      roles,
      fc.subarray([1, 2, 3, 4].map((n) => userId(n))),
      (before, now, groupRoles, protectedUsers) => {
        const policy = buildPolicy(GROUPS, {
          roles: groupRoles,
          protectedUsers,
          guard: { per_group: tight, overall: tight },
        });
        const model = new Model();
        model.apply(planOf(model, before, policy).actions);
        const plan = planOf(model, now, policy);
        const verdict = decideAllowed(plan, policy, NO_HISTORY);
        const parts = [
          ...verdict.allowed,
          ...verdict.quarantined.flatMap((q) => q.actions),
          ...verdict.refused.map((r) => r.action),
        ];

        expect(parts).toHaveLength(plan.actions.length);
        expect(new Set(parts)).toEqual(new Set(plan.actions));
        for (const action of verdict.allowed)
          if (isRemoval(action)) expect(protectedUsers).not.toContain(action.userId);
      },
    ),
  );
});

test('whatever people decided, protected people and unread groups lose nothing, and nobody who was rejected is removed', () => {
  const tight = {
    always_allow: 0,
    run: { max_count: 1, max_percent: 30 },
    day: { max_count: 1, max_percent: 30 },
  };
  fc.assert(
    fc.property(
      completeGroups,
      anyGroups,
      fc.subarray([1, 2, 3, 4].map((n) => userId(n))),
      fc.infiniteStream(fc.nat(3)),
      (before, now, protectedUsers, choices) => {
        const policy = buildPolicy(GROUPS, { protectedUsers, guard: { per_group: tight, overall: tight } });
        const model = new Model();
        model.apply(planOf(model, before, policy).actions);
        const plan = planOf(model, now, policy);
        const undecided = decideAllowed(plan, policy, NO_HISTORY);
        const [approved, begun, rejected] = [new Set<string>(), new Set<string>(), new Set<string>()];
        for (const { quarantineId } of undecided.quarantined)
          if (choices.next().value === 0) approved.add(quarantineId);
        for (const action of plan.actions.filter(isRemoval)) {
          const choice = choices.next().value;
          if (choice === 1) begun.add(removalKey(action));
          if (choice === 2) rejected.add(removalKey(action));
        }

        const verdict = decideAllowed(plan, policy, { recent: [], decisions: { approved, begun, rejected } });

        const removed = verdict.allowed.filter(isRemoval);
        const unread = plan.teams.filter((team) => team.read === 'incomplete').map((team) => team.teamId);
        for (const action of removed) {
          expect(protectedUsers).not.toContain(action.userId);
          expect(unread).not.toContain(action.teamId);
          expect(rejected).not.toContain(removalKey(action));
        }
        for (const { quarantineId } of verdict.approved) expect(approved).toContain(quarantineId);
        const answeredFor = new Set(verdict.approved.flatMap((quarantine) => quarantine.actions));
        const ownWay = new Set(
          removed
            .filter((action) => !answeredFor.has(action) && !begun.has(removalKey(action)))
            .map(removalKey),
        );
        expect(ownWay.size).toBeLessThanOrEqual(1);
      },
    ),
  );
});
