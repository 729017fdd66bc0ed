// Runs until nothing is left to look into: hints that arrived during a run are served before the invocation ends, and
// a change that Microsoft told of but Graph did not show yet is looked for again in a moment.
//
// Whoever leaves a hint wakes sync after the hint is committed. Either the hint is seen here, after the lease was
// released, or the one woken finds the lease free: no hint falls between two invocations.

import type { Clock } from '../clock.ts';
import { isControlError } from '../errors.ts';
import type { RunId } from '../ids.ts';
import type { Database } from '../store/database.ts';
import { hasHints } from '../store/hints.ts';
import type { RunReport } from './report.ts';
import type { RunRequest, RunResult } from './run.ts';

/** Graph's replicas agree within seconds; after that the schedule finds what is left. */
const LOOK_AGAIN_AFTER_MS = [2_000, 8_000];
/** Not worth beginning a run with less. */
const SHORTEST_RUN_MS = 30_000;

export type ServeDependencies = {
  readonly database: Database;
  readonly clock: Clock;
  readonly newRunId: () => RunId;
  readonly run: (request: RunRequest) => Promise<RunResult>;
};

/** The report of the last run made. @throws what the first run throws; a later one only ends the serving */
export async function serveUntilQuiet(
  { database, clock, newRunId, run }: ServeDependencies,
  request: Omit<RunRequest, 'runId'>,
): Promise<RunReport> {
  let result = await run({ ...request, runId: newRunId() });
  const waits = [...LOOK_AGAIN_AFTER_MS];
  for (;;) {
    const isWoken = await hasHints(database, result.unserved);
    const waitMs = isWoken ? 0 : result.isLagging ? waits.shift() : undefined;
    if (waitMs === undefined) return result.report;
    if (request.deadlineAt.getTime() - clock.now().getTime() < waitMs + SHORTEST_RUN_MS) return result.report;
    if (waitMs > 0) await clock.sleep(waitMs, request.signal);
    try {
      result = await run({ ...request, trigger: 'webhook', runId: newRunId() });
    } catch (error) {
      // Another invocation took over: it serves what is left.
      if (isControlError(error, 'LEASE_HELD')) return result.report;
      throw error;
    }
  }
}
