// The loop of reports, on a clock that stands still until it is waited for.

import { expect, test } from 'vitest';
import type { PostOutcome } from '../../../droplet/agent/post-token.ts';
import { createReporter } from '../../../droplet/agent/reporter.ts';
import type { HealthReport } from '../../../lib/health/report.ts';
import { buildReport } from '../../health/report-fixture.ts';

const FAILED: PostOutcome = { status: 'failed', code: 'ECONNREFUSED' };
const taken = (answeredAt?: Date): PostOutcome => ({
  status: 'answered',
  statusCode: 202,
  retryAfterSeconds: undefined,
  answeredAt,
});

/** Runs the loop until `turns` reports were sent, each answered by `answer`. */
async function runTurns(turns: number, answer: (turn: number, now: Date) => PostOutcome) {
  const ending = new AbortController();
  const sent: HealthReport[] = [];
  const waits: number[] = [];
  const logged: string[] = [];
  let nowMs = Date.parse('2026-11-25T12:00:00Z');
  let underWay = 0;
  let mostUnderWay = 0;
  const clock = {
    now: () => new Date(nowMs),
    sleep: async (durationMs: number) => {
      waits.push(durationMs);
      nowMs += durationMs;
      if (sent.length >= turns) ending.abort();
    },
  };
  const reporter = createReporter({
    intervalMs: 60_000,
    clock,
    random: () => 0.5,
    log: (event) => logged.push(event),
    makeReport: (clockAheadSeconds) => buildReport({ takenAt: clock.now().toISOString(), clockAheadSeconds }),
    send: async (report) => {
      underWay += 1;
      mostUnderWay = Math.max(mostUnderWay, underWay);
      sent.push(report);
      const outcome = answer(sent.length, clock.now());
      underWay -= 1;
      return outcome;
    },
  });
  await reporter.run(ending.signal);
  return { sent, waits, logged, mostUnderWay, reporter };
}

test('a control plane that is away for a week gets one report when it is back, the newest, and the log two lines', async () => {
  const { sent, waits, logged, mostUnderWay } = await runTurns(2_001, (turn) =>
    turn <= 2_000 ? FAILED : taken(),
  );

  expect(mostUnderWay).toBe(1);
  expect(waits.slice(0, 7).map((ms) => ms / 1000)).toEqual([15, 30, 60, 120, 240, 300, 300]);
  expect(waits.at(-1)).toBe(60_000);
  // Each was made when it was sent: none was kept for later.
  expect(new Set(sent.map(({ takenAt }) => takenAt)).size).toBe(2_001);
  expect(logged).toEqual(['report_not_taken', 'report_taken']);
});

test('the next report tells how far the clock is ahead of whoever answered', async () => {
  const { sent } = await runTurns(3, (_turn, now) => taken(new Date(now.getTime() - 90_000)));

  expect(sent.map(({ clockAheadSeconds }) => clockAheadSeconds)).toEqual([null, 90, 90]);
});

test('a report that is asked for while one is under way is that one', async () => {
  let release = () => {};
  let sendCount = 0;
  const reporter = createReporter({
    intervalMs: 60_000,
    clock: { now: () => new Date(0), sleep: async () => undefined },
    random: () => 0.5,
    log: () => undefined,
    makeReport: () => buildReport(),
    send: () => {
      sendCount += 1;
      return new Promise((resolve) => {
        release = () => resolve(taken());
      });
    },
  });
  const { signal } = new AbortController();

  const asked = [reporter.reportNow(signal), reporter.reportNow(signal)];
  release();

  expect(await Promise.all(asked)).toEqual([taken(), taken()]);
  expect(sendCount).toBe(1);
});
