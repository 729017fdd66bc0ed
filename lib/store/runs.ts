// Runs, the plans they made, and what the guard held.

import type { Queryable } from './database.ts';
import { type Lease, requireLease } from './lease.ts';

export type RunStatus = 'running' | 'succeeded' | 'partial' | 'failed';

export type RunRow = {
  readonly runId: string;
  readonly trigger: string;
  readonly status: RunStatus;
  readonly startedAt: Date;
  readonly finishedAt: Date | null;
  readonly planDigest: string | null;
  readonly summary: Record<string, unknown> | null;
  readonly errorCode: string | null;
  readonly errorMessage: string | null;
};

export async function insertRun(
  transaction: Queryable,
  lease: Lease,
  runId: string,
  trigger: string,
): Promise<void> {
  await requireLease(transaction, lease);
  // Whoever still says `running` was killed: the lease proves that nobody else is at work.
  await transaction.query(
    `update runs set status = 'failed', finished_at = clock_timestamp(), error_code = 'LEASE_LOST', error_message = 'The run ended without a word; the next one went on.'
     where status = 'running'`,
  );
  await transaction.query(
    `insert into runs (run_id, lease_token, trigger, status) values ($1, $2, $3, 'running')`,
    [runId, lease.token, trigger],
  );
}

export type RunEnd = {
  readonly status: Exclude<RunStatus, 'running'>;
  readonly planDigest: string | null;
  readonly summary: Readonly<Record<string, unknown>>;
  readonly errorCode?: string | undefined;
  readonly errorMessage?: string | undefined;
};

export async function updateRunEnd(database: Queryable, runId: string, end: RunEnd): Promise<void> {
  await database.query(
    `update runs set status = $2, finished_at = clock_timestamp(), plan_digest = $3, summary = $4, error_code = $5, error_message = $6
     where run_id = $1 and status = 'running'`,
    [
      runId,
      end.status,
      end.planDigest,
      JSON.stringify(end.summary),
      end.errorCode ?? null,
      end.errorMessage ?? null,
    ],
  );
}

/** Stores a plan once, by its digest. */
export async function insertPlan(transaction: Queryable, digest: string, plan: unknown): Promise<void> {
  await transaction.query(
    'insert into plans (digest, plan) values ($1, $2) on conflict (digest) do nothing',
    [digest, JSON.stringify(plan)],
  );
}

/** The newest runs first. */
export async function listRuns(database: Queryable, limit: number): Promise<RunRow[]> {
  const { rows } = await database.query<RunRow>(
    `select run_id as "runId", trigger, status, started_at as "startedAt", finished_at as "finishedAt", plan_digest as "planDigest",
            summary, error_code as "errorCode", error_message as "errorMessage"
     from runs order by started_at desc limit $1`,
    [limit],
  );
  return rows;
}

/** The plan with this digest, as it was stored. */
export async function findPlan(database: Queryable, digest: string): Promise<unknown> {
  const { rows } = await database.query<{ plan: unknown }>('select plan from plans where digest = $1', [
    digest,
  ]);
  return rows[0]?.plan;
}
