// The droplet's health for `lcp status` and whoever else shows it: what its agent last said, and on request what it says
// now.

import type { Clock } from '../clock.ts';
import { describeHealth } from '../health/health-text.ts';
import { healthReportSchema } from '../health/report.ts';
import type { Queryable } from '../store/database.ts';
import { type HealthRow, listHealth } from '../store/health.ts';
import { enqueueJob, findJob, withdrawJob } from '../store/jobs.ts';

export type DropletHealth = {
  readonly rows: readonly HealthRow[];
  readonly lines: readonly string[];
  readonly isWell: boolean;
};

/** The agent asks for jobs every five seconds and waits fifteen for control/agent. */
const FRESH_LIMIT_MS = 25_000;
const FRESH_EVERY_MS = 250;

/** Well also where no droplet ever reported: none may be installed. */
export async function readDropletHealth(database: Queryable, now: Date): Promise<DropletHealth> {
  const rows = await listHealth(database);
  if (rows.length === 0) return { rows, lines: ['no agent has reported yet'], isWell: true };
  const views = rows.map((row) => ({ row, view: describe(row, now) }));
  return {
    rows,
    lines: views.flatMap(({ row, view: { lines } }) => [row.dropletId, ...lines.map((line) => `  ${line}`)]),
    isWell: views.every(({ view: { isWell } }) => isWell),
  };
}

function describe({ report, ageSeconds }: HealthRow, now: Date) {
  const known = healthReportSchema.safeParse(report).data;
  if (known !== undefined) return describeHealth(known, { ageSeconds, now });
  return { lines: ['! its report is of another version; deploy the agent again'], isWell: false };
}

/** Asks the agent to report now and waits until it has; undefined when it has, else why not. */
export async function refreshDropletHealth(database: Queryable, clock: Clock): Promise<string | undefined> {
  const jobId = await enqueueJob(database, 'report-now');
  const startedAtMs = clock.now().getTime();
  while (clock.now().getTime() - startedAtMs < FRESH_LIMIT_MS) {
    const job = await findJob(database, jobId);
    if (job?.status === 'done') return undefined;
    if (job?.status === 'failed') {
      const { statusCode, code } = job.result ?? {};
      return `the agent’s report was not taken (${String(statusCode ?? code)})`;
    }
    await clock.sleep(FRESH_EVERY_MS);
  }
  // Nobody is to wonder tomorrow why it was asked.
  const wasWaiting = await withdrawJob(database, jobId);
  return wasWaiting ? 'the agent does not take jobs' : 'the agent is still at work on it';
}
