// Work for the agent on the droplet, as the control plane asks for it and follows it. The agent itself claims and ends
// jobs through functions of the database (lib/store/migrations/000006-droplet.sql, droplet/agent/job-store.ts).

import type { Queryable } from './database.ts';

export type JobRow = {
  readonly jobId: string;
  readonly kind: string;
  readonly status: 'queued' | 'claimed' | 'done' | 'failed';
  /** How often an agent claimed it. */
  readonly attempt: number;
  readonly createdAt: Date;
  readonly endedAt: Date | null;
  /** What the agent said at the end; with `code` after a failure. */
  readonly result: Readonly<Record<string, unknown>> | null;
};

const FIELDS = `job_id as "jobId", kind, status, attempt, created_at as "createdAt", ended_at as "endedAt", result`;

/** Asks the agent for something; answers the job's id. Not repeatable: twice is two jobs. */
export async function enqueueJob(
  database: Queryable,
  kind: string,
  payload: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  // What ended a month ago interests nobody, and the table stays small.
  await database.query(`delete from jobs where ended_at < clock_timestamp() - interval '30 days'`);
  const { rows } = await database.query<{ jobId: string }>(
    'insert into jobs (kind, payload) values ($1, $2::jsonb) returning job_id as "jobId"',
    [kind, JSON.stringify(payload)],
  );
  return rows[0]?.jobId ?? '';
}

export async function findJob(database: Queryable, jobId: string): Promise<JobRow | undefined> {
  const { rows } = await database.query<JobRow>(`select ${FIELDS} from jobs where job_id = $1`, [jobId]);
  return rows[0];
}

/** Takes back what no agent has claimed yet; whether it was there. */
export async function withdrawJob(database: Queryable, jobId: string): Promise<boolean> {
  const { rowCount } = await database.query(`delete from jobs where job_id = $1 and status = 'queued'`, [
    jobId,
  ]);
  return rowCount === 1;
}
