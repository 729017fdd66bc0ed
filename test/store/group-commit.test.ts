import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ControlError } from '../../lib/errors.ts';
import { createGroupCommit } from '../../lib/store/group-commit.ts';

test('what is asked for during a commit is committed together, in the order asked', async () => {
  const groups: (readonly number[])[] = [];
  const commit = createGroupCommit<number>(async (items) => {
    await Promise.resolve();
    groups.push(items);
  });

  await Promise.all([1, 2, 3, 4].map(commit));
  await commit(5);

  expect(groups).toEqual([[1], [2, 3, 4], [5]]);
});

test('an item that breaks its group fails alone, and the others are committed', async () => {
  const committed: number[] = [];
  const commit = createGroupCommit<number>(async (items) => {
    if (items.includes(3)) throw new Error('3 breaks a constraint');
    committed.push(...items);
  });

  const outcomes = await Promise.allSettled([1, 2, 3, 4].map(commit));

  expect(outcomes.map((outcome) => outcome.status)).toEqual([
    'fulfilled',
    'fulfilled',
    'rejected',
    'fulfilled',
  ]);
  expect(committed).toEqual([1, 2, 4]);
});

test('when the lease is lost or the store is away the whole group fails and nothing is tried twice', async () => {
  let attempts = 0;
  const commit = createGroupCommit<number>(async (items) => {
    attempts += 1;
    if (items.length > 1) throw new ControlError('LEASE_LOST', 'injected');
  });

  const outcomes = await Promise.allSettled([1, 2, 3].map(commit));

  expect(outcomes.map((outcome) => outcome.status)).toEqual(['fulfilled', 'rejected', 'rejected']);
  expect(attempts).toBe(2);
});

test('every item is committed exactly once, whatever the timing', async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), fc.integer({ min: 1, max: 200 }), async (scheduler, count) => {
      const committed: number[] = [];
      const commit = createGroupCommit<number>(
        scheduler.scheduleFunction(async (items: readonly number[]) => {
          committed.push(...items);
        }),
      );

      const all = Promise.all(Array.from({ length: count }, (_, i) => commit(i)));
      await scheduler.waitFor(all);

      expect(committed).toEqual(Array.from({ length: count }, (_, i) => i));
    }),
  );
});
