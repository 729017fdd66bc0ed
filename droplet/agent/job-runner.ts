// Takes one job after the other: claims, says that it is at work while it is, records the end. A claim that is lost, or
// that cannot be confirmed in time, stops the work: another agent may have begun it.

import type { Clock } from '../../lib/clock.ts';
import type { Queryable } from '../../lib/store/database.ts';
import { type JobKinds, workOn } from './job-kinds.ts';
import { claimJob, endJob, type Job, keepJob } from './job-store.ts';
import type { AgentLog } from './log.ts';

export type JobRunnerOptions = {
  readonly database: Queryable;
  readonly kinds: JobKinds;
  readonly clock: Clock;
  readonly intervalMs: number;
  readonly log: AgentLog;
};

/** A third of the minute for which a claim is good, so that one failure in between costs nothing. */
const HEARTBEAT_MS = 20_000;
const LEASE_MS = 60_000;

/** Until `signal` aborts. The database may be away: it is asked again at the next turn. */
export async function runJobs(options: JobRunnerOptions, signal: AbortSignal): Promise<void> {
  let isAway = false;
  while (!signal.aborted) {
    const found = await takeOne(options, signal).catch((error: unknown) => {
      if (!isAway) options.log('jobs_not_read', { code: codeOf(error) });
      return 'away' as const;
    });
    isAway = found === 'away';
    // After a job the next one may wait already.
    if (found !== 'worked') await options.clock.sleep(options.intervalMs, signal).catch(() => undefined);
  }
}

/** Claims and works on one job, if there is one. */
export async function takeOne(options: JobRunnerOptions, signal: AbortSignal): Promise<'worked' | 'nothing'> {
  const { database, kinds, log } = options;
  const job = await claimJob(database);
  if (job === undefined) return 'nothing';
  log('job_claimed', { jobId: job.jobId, kind: job.kind, attempt: job.attempt });
  const working = new AbortController();
  const both = AbortSignal.any([signal, working.signal]);
  const kept = keep(options, job, working);
  const end = await workOn(kinds, job, both);
  working.abort();
  await kept;
  const isOurs = signal.aborted ? false : await endJob(database, job, end);
  log('job_ended', { jobId: job.jobId, kind: job.kind, outcome: isOurs ? end.outcome : 'left' });
  return 'worked';
}

/** Until `working` aborts, and aborts it when the claim is lost or was not confirmed for as long as it is good. */
async function keep(
  { database, clock }: JobRunnerOptions,
  job: Job,
  working: AbortController,
): Promise<void> {
  let confirmedAtMs = clock.now().getTime();
  while (!working.signal.aborted) {
    await clock.sleep(HEARTBEAT_MS, working.signal).catch(() => undefined);
    if (working.signal.aborted) return;
    const askedAtMs = clock.now().getTime();
    const isOurs = await keepJob(database, job).catch(() => undefined);
    if (isOurs) confirmedAtMs = askedAtMs;
    else if (isOurs === false || clock.now().getTime() - confirmedAtMs >= LEASE_MS - HEARTBEAT_MS)
      working.abort();
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'UNEXPECTED';
}
