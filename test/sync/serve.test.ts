// One invocation serves until it is quiet: hints that arrive meanwhile, and changes that Graph shows late.

import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { ControlError } from '../../lib/errors.ts';
import { parseRunId } from '../../lib/ids.ts';
import { type Hint, hasHints, recordHints } from '../../lib/store/hints.ts';
import type { RunReport } from '../../lib/sync/report.ts';
import type { RunRequest, RunResult } from '../../lib/sync/run.ts';
import { serveUntilQuiet } from '../../lib/sync/serve.ts';
import { useControlDatabases } from '../store/database-fixture.ts';

const createControlDatabase = useControlDatabases();
const resource = () => `groups/${randomUUID()}`;
const NOW = new Date('2026-01-01T00:00:00Z');

/** Runs as `results` says, one after the other, with a clock that only its sleeps move. */
async function serve(
  results: readonly ((request: RunRequest) => Promise<Partial<RunResult>>)[],
  options: { remainingMs?: number } = {},
) {
  const { database } = await createControlDatabase();
  const slept: number[] = [];
  const triggers: string[] = [];
  let nowMs = NOW.getTime();
  const left = [...results];
  const report = await serveUntilQuiet(
    {
      database,
      clock: {
        now: () => new Date(nowMs),
        sleep: async (durationMs) => {
          slept.push(durationMs);
          nowMs += durationMs;
        },
      },
      newRunId: () => parseRunId(randomUUID()),
      run: async (request) => {
        triggers.push(request.trigger);
        const next = left.shift();
        if (!next) throw new Error('one run too many');
        return { report: {} as RunReport, unserved: [], isLagging: false, ...(await next(request)) };
      },
    },
    {
      trigger: 'schedule',
      actor: 'test',
      deadlineAt: new Date(NOW.getTime() + (options.remainingMs ?? 240_000)),
      signal: new AbortController().signal,
    },
  );
  return { report, slept, triggers, database, runsLeft: left.length };
}

test('a quiet run is the only one', async () => {
  expect(await serve([async () => ({})])).toMatchObject({ triggers: ['schedule'], slept: [] });
});

test('a hint that arrives during a run is served by another at once', async () => {
  const { database } = await createControlDatabase();
  const late: Hint[] = [];
  const outcome = await serveUntilQuiet(
    {
      database,
      clock: { now: () => NOW, sleep: async () => undefined },
      newRunId: () => parseRunId(randomUUID()),
      run: async ({ trigger }) => {
        if (trigger === 'schedule') await recordHints(database, [{ resource: resource(), userIds: [] }]);
        else await database.query('delete from hints');
        return { report: { trigger } as RunReport, unserved: late, isLagging: false };
      },
    },
    {
      trigger: 'schedule',
      actor: 'test',
      deadlineAt: new Date(NOW.getTime() + 240_000),
      signal: new AbortController().signal,
    },
  );

  expect(outcome.trigger).toBe('webhook');
  expect(await hasHints(database)).toBe(false);
});

test('what Graph does not show yet is looked for twice more, then left to the schedule', async () => {
  const lagging = async () => ({ isLagging: true });

  expect(await serve([lagging, lagging, lagging])).toMatchObject({
    slept: [2_000, 8_000],
    triggers: ['schedule', 'webhook', 'webhook'],
    runsLeft: 0,
  });
});

test('no run is begun that the remaining time would cut off', async () => {
  expect(await serve([async () => ({ isLagging: true })], { remainingMs: 31_000 })).toMatchObject({
    triggers: ['schedule'],
  });
});

test('hints that a run could not serve do not make it run in circles', async () => {
  const { database } = await createControlDatabase();
  await recordHints(database, [{ resource: resource(), userIds: [] }]);
  const { rows } = await database.query<Hint>('select resource, seq::text, user_ids as "userIds" from hints');

  expect(await hasHints(database, rows)).toBe(false);
  expect(await hasHints(database, [])).toBe(true);
});

test('when another invocation takes the lease in between, it is left to serve the rest', async () => {
  const held = async (): Promise<Partial<RunResult>> => {
    throw new ControlError('LEASE_HELD', 'another');
  };

  expect(await serve([async () => ({ isLagging: true }), held])).toMatchObject({ runsLeft: 0 });
  await expect(serve([held])).rejects.toMatchObject({ code: 'LEASE_HELD' });
});
