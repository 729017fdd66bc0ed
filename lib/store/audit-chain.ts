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

export type AuditRow = {
  readonly seq: string;
  /** ISO 8601 with milliseconds. */
  readonly recordedAt: string;
  readonly previousHash: string;
  readonly actor: string;
  readonly event: string;
  readonly runId: string | null;
  readonly teamId: string | null;
  readonly userId: string | null;
  readonly keyHash: string | null;
  readonly cause: string | null;
  readonly details: Readonly<Record<string, unknown>>;
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

/** The row up to which a chain is known: 0 and GENESIS_HASH before the first one. */
export type ChainHead = { readonly seq: string; readonly hash: string };

export type BrokenReason =
  | 'row_missing'
  | 'row_changed'
  | 'order_changed'
  /** Only of an export: a line that is no row. */
  | 'row_unreadable'
  /** Only of an export: not what its closing line says. */
  | 'end_differs'
  /** Only of an export: it has no closing line. */
  | 'end_missing'
  /** Only against an export: the row is another one there. */
  | 'row_rewritten'
  /** Only against an export: it goes on, the database does not. */
  | 'tail_missing';

export type ChainState =
  | { readonly status: 'intact'; readonly rowCount: number; readonly head: ChainHead }
  | { readonly status: 'broken'; readonly seq: string; readonly reason: BrokenReason };

export const GENESIS: ChainHead = { seq: '0', hash: GENESIS_HASH };

export const EMPTY_CHAIN: ChainState = beginChain(GENESIS);

/** A chain that goes on after `head`. */
export function beginChain(head: ChainHead): ChainState {
  return { status: 'intact', rowCount: 0, head };
}

export function brokenAt(seq: string, reason: BrokenReason): ChainState {
  return { status: 'broken', seq, reason };
}

/** Folds the next rows (in order of seq) into the state of the chain; names the first row that does not fit. */
export function verifyRows(state: ChainState, rows: readonly AuditRow[]): ChainState {
  let current = state;
  for (const row of rows) {
    if (current.status === 'broken') return current;
    const problem = findProblem(current.head, row);
    current = problem ?? {
      status: 'intact',
      rowCount: current.rowCount + 1,
      head: { seq: row.seq, hash: row.hash },
    };
  }
  return current;
}

export function nextSeq(seq: string): string {
  return String(BigInt(seq) + 1n);
}

function findProblem(head: ChainHead, row: AuditRow): ChainState | undefined {
  const expectedSeq = nextSeq(head.seq);
  const isWhole = hashAuditRow(row) === row.hash;
  if (BigInt(row.seq) > BigInt(expectedSeq)) return brokenAt(expectedSeq, 'row_missing');
  // A row that is itself whole stands here a second time; one that is not was given another number.
  if (row.seq !== expectedSeq)
    return isWhole ? brokenAt(row.seq, 'order_changed') : brokenAt(expectedSeq, 'row_changed');
  if (row.previousHash !== head.hash) return brokenAt(row.seq, 'order_changed');
  return isWhole ? undefined : brokenAt(row.seq, 'row_changed');
}
