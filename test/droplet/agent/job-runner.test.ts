// One job from claim to end, on a clock that moves only when somebody waits.

import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createJobKinds, type JobWork, workOn } from '../../../droplet/agent/job-kinds.ts';
import { runJobs, takeOne } from '../../../droplet/agent/job-runner.ts';
import type { PostOutcome } from '../../../droplet/agent/post-token.ts';
import type { Queryable } from '../../../lib/store/database.ts';
import { createVirtualClock } from '../../directory/virtual-clock.ts';

const JOB = { jobId: 'j', kind: 'work', payload: {}, attempt: 1, claimToken: 't' };
const { signal } = new AbortController();

/** One job, then none; `keep` answers whether the claim is still ours, or throws. */
function store(keep: () => boolean = () => true) {
  const ends: unknown[] = [];
  let isWaiting = true;
  const database: Queryable = {
    query: async <Row>(text: string, values: readonly unknown[] = []) => {
      const answer = (rows: unknown[]) => ({ rows: rows as Row[], rowCount: rows.length });
      if (text.includes('claim_job')) {
        const rows = isWaiting ? [JOB] : [];
        isWaiting = false;
        return answer(rows);
      }
      if (text.includes('keep_job')) return answer([{ isOurs: keep() }]);
      ends.push(values[2]);
      return answer([{ isOurs: true }]);
    },
  };
  return { database, ends };
}

function prepare(work: JobWork, keep?: () => boolean) {
  const clock = createVirtualClock();
  const logged: string[] = [];
  const { database, ends } = store(keep);
  const log = (event: string) => void logged.push(event);
  return {
    ends,
    logged,
    clock,
    options: { database, kinds: new Map([['work', work]]), clock, intervalMs: 5_000, log },
  };
}

/** Works until it is stopped. */
const untilStopped: JobWork = (_job, stopped) =>
  new Promise((resolve) => {
    stopped.addEventListener('abort', () => resolve({ outcome: 'failed', result: { code: 'STOPPED' } }));
  });

test('a job is worked on and its end recorded', async () => {
  const { options, ends, logged } = prepare(async () => ({ outcome: 'done', result: {} }));

  expect([await takeOne(options, signal), await takeOne(options, signal)]).toEqual(['worked', 'nothing']);

  expect(ends).toEqual(['done']);
  expect(logged).toEqual(['job_claimed', 'job_ended']);
});

test('work stops at the first heartbeat that finds the claim lost', async () => {
  const { options, clock } = prepare(untilStopped, () => false);

  await takeOne(options, signal);

  expect(clock.elapsedMs()).toBe(20_000);
});

test('work stops before the claim runs out when it cannot be confirmed, and not at the first failure', async () => {
  const { options, clock } = prepare(untilStopped, () => {
    throw new Error('the database is away');
  });

  await takeOne(options, signal);

  expect(clock.elapsedMs()).toBe(40_000);
});

test('an agent that is told to end leaves its job to the next one', async () => {
  const { options, ends } = prepare(untilStopped);
  const ending = new AbortController();

  const taken = takeOne(options, ending.signal);
  await setImmediate();
  ending.abort();
  await taken;

  expect(ends).toEqual([]);
});

test('a database that is away is asked again at every turn, and complained of once', async () => {
  const clock = createVirtualClock();
  const ending = new AbortController();
  const logged: string[] = [];
  let askCount = 0;
  const database: Queryable = {
    query: async () => {
      askCount += 1;
      if (askCount === 1_000) ending.abort();
      throw Object.assign(new Error('away'), { code: 'STORE_UNAVAILABLE' });
    },
  };
  const log = (event: string) => void logged.push(event);

  await runJobs({ database, kinds: new Map(), clock, intervalMs: 5_000, log }, ending.signal);

  expect(logged).toEqual(['jobs_not_read']);
  expect(clock.elapsedMs()).toBe(999 * 5_000);
});

test('a job of a kind that this agent does not know has failed, and so has one that throws, without its text', async () => {
  const kinds = new Map<string, JobWork>([
    [
      'throws',
      () => Promise.reject(Object.assign(new Error('postgres://role:password@host'), { code: 'EPIPE' })),
    ],
    ['throws-nothing', () => Promise.reject(undefined)],
  ]);
  const ends = [];
  for (const kind of ['unknown', '__proto__', 'throws', 'throws-nothing'])
    ends.push(await workOn(kinds, { ...JOB, kind }, signal));

  expect(ends.map(({ outcome, result }) => `${outcome} ${result.code}`)).toEqual([
    'failed KIND_UNKNOWN',
    'failed KIND_UNKNOWN',
    'failed EPIPE',
    'failed UNEXPECTED',
  ]);
});

test('report-now is done when the report was taken, and failed with the answer when it was not', async () => {
  const answered: PostOutcome = {
    status: 'answered',
    statusCode: 503,
    retryAfterSeconds: 30,
    answeredAt: undefined,
  };
  const end = (outcome: PostOutcome) =>
    workOn(createJobKinds({ reportNow: async () => outcome }), { ...JOB, kind: 'report-now' }, signal);

  expect(await end({ ...answered, statusCode: 202 })).toMatchObject({ outcome: 'done' });
  expect(await end(answered)).toEqual({ outcome: 'failed', result: answered });
});
