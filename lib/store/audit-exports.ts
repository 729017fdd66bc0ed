// Which part of the audit was put into Spaces, as the last exports noted it.

import { ControlError } from '../errors.ts';
import type { Queryable } from './database.ts';

export type AuditExportRow = {
  readonly bucket: string;
  readonly objectKey: string;
  readonly afterSeq: string;
  readonly headSeq: string;
  readonly headHash: string;
  readonly sha256: string;
  readonly sizeBytes: number;
};

/** Any constant will do; it must only be the same in every release. */
const EXPORT_LOCK = 4_215_002;

/** Makes this transaction the only one that exports, until it ends. A lock and not a lease: the role of control/backup
 *  then has no right on leases, with which it could keep sync from working.
 *  @throws ControlError LEASE_HELD (retryable) */
export async function lockAuditExports(transaction: Queryable): Promise<void> {
  const { rows } = await transaction.query<{ isOurs: boolean }>(
    'select pg_try_advisory_xact_lock($1) as "isOurs"',
    [EXPORT_LOCK],
  );
  if (rows[0]?.isOurs === true) return;
  throw new ControlError(
    'LEASE_HELD',
    'Another run exports the audit; what it leaves the next one exports.',
    {
      retryable: true,
    },
  );
}

/** A repeat changes nothing. */
export async function recordAuditExport(transaction: Queryable, row: AuditExportRow): Promise<void> {
  await transaction.query(
    `insert into audit_exports (bucket, object_key, after_seq, head_seq, head_hash, sha256, size_bytes)
     values ($1, $2, $3, $4, $5, $6, $7) on conflict (bucket, object_key) do nothing`,
    [row.bucket, row.objectKey, row.afterSeq, row.headSeq, row.headHash, row.sha256, row.sizeBytes],
  );
}

/** How far the exports in one bucket go; undefined before the first. */
export async function findNewestAuditExport(
  database: Queryable,
  bucket: string,
): Promise<{ readonly objectKey: string; readonly headSeq: string } | undefined> {
  const { rows } = await database.query<{ objectKey: string; headSeq: string }>(
    `select object_key as "objectKey", head_seq::text as "headSeq" from audit_exports
     where bucket = $1 order by head_seq desc limit 1`,
    [bucket],
  );
  return rows[0];
}

export type AuditExportProgress = {
  /** Null before the first export. */
  readonly exportedAt: Date | null;
  readonly headSeq: string | null;
  /** Of the oldest row that is in no export; null when all are. */
  readonly waitingSince: Date | null;
  /** By PostgreSQL's clock. */
  readonly readAt: Date;
};

/** How far the exports go, in any bucket. */
export async function findAuditExportProgress(database: Queryable): Promise<AuditExportProgress> {
  const { rows } = await database.query<AuditExportProgress>(
    `select e.exported_at as "exportedAt", e.head_seq::text as "headSeq", clock_timestamp() as "readAt",
       (select recorded_at from audit where audit.seq > coalesce(e.head_seq, 0) order by audit.seq limit 1) as "waitingSince"
     from (values (1)) as one left join
       (select exported_at, head_seq from audit_exports order by head_seq desc limit 1) as e on true`,
  );
  const [row] = rows;
  if (row === undefined) throw new Error('The query on audit_exports gave no row.');
  return row;
}
