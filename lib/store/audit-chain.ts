// The hash chain of the audit rows. Pure: what is hashed, and what a broken chain looks like.

import { digestOf } from '../canonical.ts';

export type AuditEntry = {
  /** Who: `control/sync`, `cli:<user>`. */
  readonly actor: string;
  /** What, in the past tense. */
  readonly event: string;
  readonly runId?: string;
  readonly teamId?: string;
  readonly userId?: string;
  readonly keyHash?: string;
  readonly cause?: string;
  /** Before, after, counts. Never a secret, never a name or mail address. */
  readonly details?: Readonly<Record<string, unknown>>;
};

export type AuditRow = Required<{ [K in keyof AuditEntry]: AuditEntry[K] | null }> & {
  readonly seq: string;
  /** ISO 8601 with milliseconds. */
  readonly recordedAt: string;
  readonly previousHash: string;
  readonly hash: string;
};

/** The hash before the first row. */
export const GENESIS_HASH = '0'.repeat(64);

/** SHA-256 over everything in the row, the hash of the row before it included. */
export function hashAuditRow(row: Omit<AuditRow, 'hash'>): string {
  const { seq, recordedAt, previousHash, actor, event, runId, teamId, userId, keyHash, cause, details } = row;
  return digestOf({
    seq,
    recordedAt,
    previousHash,
    actor,
    event,
    runId,
    teamId,
    userId,
    keyHash,
    cause,
    details,
  });
}

export type ChainState =
  | {
      readonly status: 'intact';
      readonly rowCount: number;
      readonly head: { readonly seq: string; readonly hash: string };
    }
  | {
      readonly status: 'broken';
      readonly seq: string;
      readonly reason: 'row_missing' | 'row_changed' | 'order_changed';
    };

export const EMPTY_CHAIN: ChainState = {
  status: 'intact',
  rowCount: 0,
  head: { seq: '0', hash: GENESIS_HASH },
};

/** Folds the next rows (in order of seq) into the state of the chain; names the first row that does not fit. */
export function verifyRows(state: ChainState, rows: readonly AuditRow[]): ChainState {
  let current = state;
  for (const row of rows) {
    if (current.status === 'broken') return current;
    const expectedSeq = String(BigInt(current.head.seq) + 1n);
    if (row.seq !== expectedSeq) return { status: 'broken', seq: expectedSeq, reason: 'row_missing' };
    if (row.previousHash !== current.head.hash)
      return { status: 'broken', seq: row.seq, reason: 'order_changed' };
    if (hashAuditRow(row) !== row.hash) return { status: 'broken', seq: row.seq, reason: 'row_changed' };
    current = { status: 'intact', rowCount: current.rowCount + 1, head: { seq: row.seq, hash: row.hash } };
  }
  return current;
}
