// Claims and ends jobs in the control database, over the unix socket, through three functions that are all its role may
// call (lib/store/migrations/000006-droplet.sql).

import type { Queryable } from '../../lib/store/database.ts';

export type Job = {
  readonly jobId: string;
  readonly kind: string;
  readonly payload: Readonly<Record<string, unknown>>;
  /** 1 at the first claim; 3 is the last. */
  readonly attempt: number;
  /** Proves that the claim is ours. */
  readonly claimToken: string;
};

export type JobEnd = {
  readonly outcome: 'done' | 'failed';
  readonly result: Readonly<Record<string, unknown>>;
};

/** The next job, which is ours for a minute; undefined when there is none or another one is at work. */
export async function claimJob(database: Queryable): Promise<Job | undefined> {
  const { rows } = await database.query<Job>(
    'select job_id as "jobId", kind, payload, attempt, claim_token as "claimToken" from claim_job()',
  );
  return rows[0];
}

/** Makes it ours for another minute; false when it is not ours any more. */
export async function keepJob(database: Queryable, { jobId, claimToken }: Job): Promise<boolean> {
  const { rows } = await database.query<{ isOurs: boolean }>('select keep_job($1, $2) as "isOurs"', [
    jobId,
    claimToken,
  ]);
  return rows[0]?.isOurs ?? false;
}

/** Records the end, once; false when the job was not ours any more. */
export async function endJob(
  database: Queryable,
  { jobId, claimToken }: Job,
  { outcome, result }: JobEnd,
): Promise<boolean> {
  const { rows } = await database.query<{ isOurs: boolean }>(
    'select end_job($1, $2, $3, $4::jsonb) as "isOurs"',
    [jobId, claimToken, outcome, JSON.stringify(result)],
  );
  return rows[0]?.isOurs ?? false;
}
