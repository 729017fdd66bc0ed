// Appends to and reads the audit. One writer at a time: the newest row is read under an advisory lock, so the
// chain never forks, whoever writes.

import {
  type AuditEntry,
  type AuditRow,
  type ChainHead,
  type ChainState,
  EMPTY_CHAIN,
  GENESIS,
  hashAuditRow,
  verifyRows,
} from './audit-chain.ts';
import type { Queryable } from './database.ts';

/** Any constant will do; it must only be the same in every release. */
const AUDIT_LOCK = 4_215_001;
const PAGE_SIZE = 2_000;

/** Appends `entries` in order. Call it in the transaction that records what it tells. `now` is the writer's clock. */
export async function recordAudit(
  transaction: Queryable,
  entries: readonly AuditEntry[],
  now: Date,
): Promise<void> {
  if (entries.length === 0) return;
  await transaction.query('select pg_advisory_xact_lock($1)', [AUDIT_LOCK]);
  const newest = await findAuditHead(transaction);
  let seq = BigInt(newest.seq);
  let previousHash = newest.hash;
  const rows = entries.map((entry) => {
    seq += 1n;
    const unsealed = {
      seq: String(seq),
      recordedAt: now.toISOString(),
      previousHash,
      actor: entry.actor,
      event: entry.event,
      runId: entry.runId ?? null,
      teamId: entry.teamId ?? null,
      userId: entry.userId ?? null,
      keyHash: entry.keyHash ?? null,
      cause: entry.cause ?? null,
      details: entry.details ?? {},
    };
    const row: AuditRow = { ...unsealed, hash: hashAuditRow(unsealed) };
    previousHash = row.hash;
    return row;
  });
  await transaction.query(
    `insert into audit (seq, recorded_at, previous_hash, hash, actor, event, run_id, team_id, user_id, key_hash, cause, details)
     select * from jsonb_to_recordset($1::jsonb) as r(seq bigint, "recordedAt" timestamptz, "previousHash" text, hash text,
       actor text, event text, "runId" uuid, "teamId" uuid, "userId" uuid, "keyHash" text, cause text, details jsonb)`,
    [JSON.stringify(rows)],
  );
}

/** The newest row. */
export async function findAuditHead(database: Queryable): Promise<ChainHead> {
  const { rows } = await database.query<ChainHead>(
    'select seq::text, hash from audit order by audit.seq desc limit 1',
  );
  return rows[0] ?? GENESIS;
}

/** Reads the whole chain page by page (memory stays flat) and says whether it is intact. */
export async function verifyAudit(database: Queryable): Promise<ChainState> {
  let state = EMPTY_CHAIN;
  let after = '0';
  for (;;) {
    const rows = await listAudit(database, after, PAGE_SIZE);
    state = verifyRows(state, rows);
    const last = rows.at(-1);
    if (state.status === 'broken' || last === undefined) return state;
    after = last.seq;
  }
}

/** Audit rows after `seq`, oldest first, at most `limit`. */
export async function listAudit(database: Queryable, after: string, limit: number): Promise<AuditRow[]> {
  const { rows } = await database.query<StoredAuditRow>(
    `select ${AUDIT_COLUMNS} from audit where audit.seq > $1 order by audit.seq limit $2`,
    [after, limit],
  );
  return rows.map(toAuditRow);
}

export type StoredAuditRow = Omit<AuditRow, 'recordedAt'> & { readonly recordedAt: Date };

export const AUDIT_COLUMNS = `audit.seq::text, recorded_at as "recordedAt", previous_hash as "previousHash", hash, actor, event,
  run_id as "runId", team_id as "teamId", user_id as "userId", key_hash as "keyHash", cause, details`;

export function toAuditRow(row: StoredAuditRow): AuditRow {
  return { ...row, recordedAt: row.recordedAt.toISOString() };
}
