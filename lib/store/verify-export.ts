// Verifies an export of the audit, alone and against the database that it came from. Lines are read one by one:
// memory does not grow with the length of an export.

import { listAudit } from './audit.ts';
import {
  type AuditRow,
  type BrokenReason,
  beginChain,
  type ChainHead,
  EMPTY_CHAIN,
  GENESIS,
  GENESIS_HASH,
  nextSeq,
  verifyRows,
} from './audit-chain.ts';
import { type ExportEnd, parseExportLine } from './audit-export.ts';
import type { Queryable } from './database.ts';

export type ExportState =
  | { readonly status: 'intact'; readonly rowCount: number; readonly end: ExportEnd }
  | { readonly status: 'broken'; readonly line: number; readonly seq: string; readonly reason: BrokenReason };

export type ContinuationState =
  | { readonly status: 'intact'; readonly rowCount: number; readonly addedCount: number }
  | { readonly status: 'broken'; readonly seq: string; readonly reason: BrokenReason };

const PAGE_SIZE = 2_000;

/** Verifies an export alone; names the first line that does not fit.  */
export async function verifyExport(lines: AsyncIterable<string>): Promise<ExportState> {
  let line = 0;
  let begin: ChainHead | undefined;
  let state = EMPTY_CHAIN;
  let end: ExportEnd | undefined;
  for await (const text of lines) {
    line += 1;
    const expectedSeq = state.status === 'intact' ? nextSeq(state.head.seq) : state.seq;
    const read = parseExportLine(text);
    if (end !== undefined) return { status: 'broken', line, seq: expectedSeq, reason: 'end_differs' };
    if (read === undefined) return { status: 'broken', line, seq: expectedSeq, reason: 'row_unreadable' };
    if ('head' in read) {
      end = read;
      continue;
    }
    if (begin === undefined) {
      begin = beginOf(read);
      state = beginChain(begin);
    }
    state = verifyRows(state, [read]);
    if (state.status === 'broken') return { ...state, line };
  }
  if (state.status === 'broken') return { ...state, line };
  if (end === undefined)
    return { status: 'broken', line: line + 1, seq: nextSeq(state.head.seq), reason: 'end_missing' };
  const seqOfGap = findGap(end, begin ?? end.after, begin === undefined ? end.after : state.head);
  return seqOfGap === undefined
    ? { status: 'intact', rowCount: state.rowCount, end }
    : { status: 'broken', line, ...seqOfGap };
}

/** The rows read lie between `begin` and `head`; the closing line says where they should. */
function findGap(end: ExportEnd, begin: ChainHead, head: ChainHead) {
  const isLess = (a: ChainHead, b: ChainHead) => BigInt(a.seq) < BigInt(b.seq);
  if (isLess(end.after, begin)) return { seq: nextSeq(end.after.seq), reason: 'row_missing' } as const;
  if (isLess(head, end.head)) return { seq: nextSeq(head.seq), reason: 'row_missing' } as const;
  if (isLess(begin, end.after) || begin.hash !== end.after.hash)
    return { seq: nextSeq(begin.seq), reason: 'end_differs' } as const;
  if (isLess(end.head, head) || head.hash !== end.head.hash)
    return { seq: head.seq, reason: 'end_differs' } as const;
  return undefined;
}

/** Verifies the whole chain of the database and that it continues an export, whose lines verifyExport found intact.
 *  Whoever rewrote rows, hashes and all, or cut the newest ones off, is found at the first row that differs. */
export async function verifyContinuation(
  database: Queryable,
  end: ExportEnd,
  lines: AsyncIterable<string>,
): Promise<ContinuationState> {
  const exported = rowsOf(lines);
  try {
    let next = await exported.next();
    let state = EMPTY_CHAIN;
    while (state.status === 'intact') {
      const rows = await listAudit(database, state.head.seq, PAGE_SIZE);
      if (rows.length === 0) return compareHeads(state, end);
      for (const row of rows) {
        const isExported = !next.done && next.value.seq === row.seq;
        const expected = isExported ? next.value.hash : row.seq === end.after.seq ? end.after.hash : row.hash;
        state = verifyRows(state, [row]);
        if (state.status === 'broken') break;
        if (row.hash !== expected) return { status: 'broken', seq: row.seq, reason: 'row_rewritten' };
        if (isExported) next = await exported.next();
      }
    }
    return state;
  } finally {
    await exported.return(undefined);
  }
}

function compareHeads(
  { head, rowCount }: { readonly head: ChainHead; readonly rowCount: number },
  end: ExportEnd,
): ContinuationState {
  const addedCount = Number(BigInt(head.seq) - BigInt(end.head.seq));
  return addedCount < 0
    ? { status: 'broken', seq: nextSeq(head.seq), reason: 'tail_missing' }
    : { status: 'intact', rowCount, addedCount };
}

async function* rowsOf(lines: AsyncIterable<string>): AsyncGenerator<AuditRow> {
  for await (const text of lines) {
    const read = parseExportLine(text);
    if (read !== undefined && !('head' in read)) yield read;
  }
}

/** The first row of all follows GENESIS whatever number somebody gave it. */
function beginOf(row: AuditRow): ChainHead {
  if (row.previousHash === GENESIS_HASH || row.seq === '0') return GENESIS;
  return { seq: String(BigInt(row.seq) - 1n), hash: row.previousHash };
}
