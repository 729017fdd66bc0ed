// An export of the audit: JSON Lines, one row a line with its hash, and a closing line that says where the chain
// stood. Kept elsewhere, it shows what the database alone cannot: a tail cut off, or a chain rewritten as a whole.

import * as z from 'zod';
import { ControlError } from '../errors.ts';
import { findAuditHead, listAudit } from './audit.ts';
import {
  type AuditRow,
  beginChain,
  brokenAt,
  type ChainHead,
  GENESIS,
  nextSeq,
  verifyRows,
} from './audit-chain.ts';
import type { Queryable } from './database.ts';

export type ExportEnd = {
  readonly head: ChainHead;
  /** Where the chain stood before the first row of the export. */
  readonly after: ChainHead;
  readonly exportedAt: string;
};

const PAGE_SIZE = 2_000;

const seq = z.string().regex(/^(0|[1-9]\d{0,18})$/);
const hash = z.string().regex(/^[0-9a-f]{64}$/);
const headSchema = z.strictObject({ seq, hash });
const endSchema = z.strictObject({ head: headSchema, after: headSchema, exportedAt: z.iso.datetime() });
// Strict: a field that the hash does not cover has no place in a proof.
const rowSchema = z.strictObject({
  seq,
  recordedAt: z.string(),
  previousHash: hash,
  actor: z.string(),
  event: z.string(),
  runId: z.string().nullable(),
  teamId: z.string().nullable(),
  userId: z.string().nullable(),
  keyHash: z.string().nullable(),
  cause: z.string().nullable(),
  details: z.record(z.string(), z.unknown()),
  hash,
}) satisfies z.ZodType<AuditRow>;

/** The lines of an export of the rows after `sinceSeq`, up to the newest of now and at most `rowLimit`, each page
 *  verified as it is read.
 *  @throws ControlError AUDIT_BROKEN, CONFIG_INVALID when there is no row `sinceSeq` */
export async function* exportAudit(
  database: Queryable,
  { sinceSeq, now, rowLimit }: { readonly sinceSeq: string; readonly now: Date; readonly rowLimit?: number },
): AsyncGenerator<string> {
  const after = await findAnchor(database, sinceSeq);
  const newest = BigInt((await findAuditHead(database)).seq);
  const limit = rowLimit === undefined ? newest : BigInt(after.seq) + BigInt(rowLimit);
  const lastSeq = limit < newest ? limit : newest;
  let state = beginChain(after);
  while (state.status === 'intact' && BigInt(state.head.seq) < lastSeq) {
    const page = await listAudit(database, state.head.seq, PAGE_SIZE);
    const rows = page.filter((row) => BigInt(row.seq) <= lastSeq);
    state = rows.length === 0 ? brokenAt(nextSeq(state.head.seq), 'row_missing') : verifyRows(state, rows);
    if (state.status === 'broken') break;
    yield rows.map((row) => `${JSON.stringify(row)}\n`).join('');
  }
  if (state.status === 'broken') {
    const message = `Audit row ${state.seq} does not fit the chain, so the export ends without its closing line; see \`lcp audit verify\`.`;
    throw new ControlError('AUDIT_BROKEN', message, { details: { seq: state.seq, reason: state.reason } });
  }
  const end: ExportEnd = { head: state.head, after, exportedAt: now.toISOString() };
  yield `${JSON.stringify(end)}\n`;
}

async function findAnchor(database: Queryable, sinceSeq: string): Promise<ChainHead> {
  if (sinceSeq === GENESIS.seq) return GENESIS;
  const [row] = await listAudit(database, String(BigInt(sinceSeq) - 1n), 1);
  if (row?.seq === sinceSeq) return { seq: row.seq, hash: row.hash };
  const message = `There is no audit row ${sinceSeq}; give the seq of the last export's closing line, or leave --since out.`;
  throw new ControlError('CONFIG_INVALID', message, { details: { sinceSeq } });
}

/** A line of an export; undefined when it is none. */
export function parseExportLine(text: string): AuditRow | ExportEnd | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  // zod leaves `__proto__` out of what it returns, so nothing would hash it: the value itself is what is judged.
  if (Object.hasOwn(Object(value), '__proto__')) return undefined;
  if (rowSchema.safeParse(value).success) return value as AuditRow;
  return endSchema.safeParse(value).data;
}
