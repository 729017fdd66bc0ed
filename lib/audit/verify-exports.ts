// Verifies all exports of the audit in Spaces, one after the other: each alone, that each continues the one before it
// from the very first row on, and that the database continues the last.

import type { Bucket } from '../objects/bucket.ts';
import { type BrokenReason, type ChainHead, GENESIS, nextSeq } from '../store/audit-chain.ts';
import type { Queryable } from '../store/database.ts';
import { type ContinuationState, verifyContinuation } from '../store/verify-export.ts';
import { nameExport } from './export-name.ts';
import { listExports, verifyStoredExport } from './exports.ts';

export type StoredExportsState =
  | {
      readonly status: 'intact';
      readonly objectCount: number;
      readonly rowCount: number;
      readonly head: ChainHead;
      readonly exportedAt: string;
    }
  | {
      readonly status: 'broken';
      readonly objectKey: string;
      readonly seq: string;
      readonly reason: BrokenReason;
    }
  | { readonly status: 'none' };

/** One object is held at a time.
 *  @throws ControlError AUDIT_EXPORT_LOST, and those of Spaces */
export async function verifyStoredExports(
  bucket: Pick<Bucket, 'list' | 'find'>,
  signal: AbortSignal,
): Promise<StoredExportsState> {
  const names = await listExports(bucket, signal);
  let [head, rowCount, exportedAt]: [ChainHead, number, string] = [GENESIS, 0, ''];
  for (const { key: objectKey } of names) {
    const { state } = await verifyStoredExport(bucket, objectKey, signal);
    const broken = (seq: string, reason: BrokenReason) =>
      ({ status: 'broken', objectKey, seq, reason }) as const;
    if (state.status === 'broken') return broken(state.seq, state.reason);
    const { end } = state;
    if (nameExport(end) !== objectKey) return broken(end.head.seq, 'end_differs');
    if (BigInt(end.after.seq) > BigInt(head.seq)) return broken(nextSeq(head.seq), 'row_missing');
    if (end.after.seq !== head.seq) return broken(nextSeq(end.after.seq), 'order_changed');
    if (end.after.hash !== head.hash) return broken(nextSeq(head.seq), 'row_rewritten');
    head = end.head;
    rowCount += state.rowCount;
    exportedAt = end.exportedAt;
  }
  if (names.length === 0) return { status: 'none' };
  return { status: 'intact', objectCount: names.length, rowCount, head, exportedAt };
}

/** Whether the database has every row of exports that verifyStoredExports found intact, and goes on from there. */
export function verifyAgainstStoredExports(
  database: Queryable,
  bucket: Pick<Bucket, 'list' | 'find'>,
  { head, exportedAt }: Extract<StoredExportsState, { status: 'intact' }>,
  signal: AbortSignal,
): Promise<ContinuationState> {
  return verifyContinuation(database, { head, after: GENESIS, exportedAt }, linesOf(bucket, signal));
}

async function* linesOf(bucket: Pick<Bucket, 'list' | 'find'>, signal: AbortSignal): AsyncGenerator<string> {
  for (const { key } of await listExports(bucket, signal))
    yield* (await verifyStoredExport(bucket, key, signal)).lines;
}
