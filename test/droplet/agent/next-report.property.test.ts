import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decideNextReport } from '../../../droplet/agent/next-report.ts';

const random = fc.double({ min: 0, max: 1, noNaN: true });
const failures = fc.nat({ max: 100_000 });
const intervalMs = fc.integer({ min: 10, max: 600_000 });
const asked = fc.option(fc.nat({ max: 999_999 }), { nil: undefined });

test('after a report that was taken, the next one follows in about a minute', () => {
  fc.assert(
    fc.property(random, (value) => {
      const delayMs = decideNextReport({ intervalMs: 60_000, failureCount: 0, random: value });

      expect(delayMs).toBeGreaterThanOrEqual(57_000);
      expect(delayMs).toBeLessThanOrEqual(63_000);
    }),
  );
});

test('whatever fails for however long, and whatever is asked, the wait is never under a sixth of the interval and never over thirteen', () => {
  fc.assert(
    fc.property(intervalMs, failures, asked, random, (interval, failureCount, retryAfterSeconds, value) => {
      const delayMs = decideNextReport({
        intervalMs: interval,
        failureCount,
        retryAfterSeconds,
        random: value,
      });

      expect(delayMs).toBeGreaterThanOrEqual(interval / 6);
      expect(delayMs).toBeLessThanOrEqual(12.5 * interval);
    }),
  );
});

test('one more failure never makes the wait shorter', () => {
  fc.assert(
    fc.property(intervalMs, fc.integer({ min: 1, max: 1000 }), random, (interval, failureCount, value) => {
      const wait = (count: number) =>
        decideNextReport({ intervalMs: interval, failureCount: count, random: value });

      expect(wait(failureCount + 1)).toBeGreaterThanOrEqual(wait(failureCount));
    }),
  );
});

test('a control plane that asks for a longer wait gets it', () => {
  const wait = (retryAfterSeconds?: number) =>
    decideNextReport({ intervalMs: 60_000, failureCount: 1, retryAfterSeconds, random: 0.5 });

  expect([wait(), wait(30), wait(100_000)]).toEqual([15_000, 30_000, 600_000]);
});
