// Puts what was added to the audit into Spaces, as objects that are written once, each of which continues the one
// before it. The bucket tells how far the last export went, and the database must still have the row that it ended
// with: a past that was rewritten, hashes and all, or an end that was cut off is found on the next day. Nothing is
// ever deleted or replaced there.

import { createHash } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { ControlError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Bucket } from '../objects/bucket.ts';
import { listAudit } from '../store/audit.ts';
import { type ChainHead, GENESIS } from '../store/audit-chain.ts';
import { type ExportEnd, exportAudit } from '../store/audit-export.ts';
import { findNewestAuditExport, lockAuditExports, recordAuditExport } from '../store/audit-exports.ts';
import type { Database, Queryable } from '../store/database.ts';
import { nameExport } from './export-name.ts';
import { listExports, readExport } from './exports.ts';

export type DailyExportDependencies = {
  readonly database: Database;
  readonly bucket: Pick<Bucket, 'name' | 'list' | 'find' | 'storeOnce'>;
  readonly clock: Clock;
  readonly log: Log;
  /** About 3 MB without one, so that memory stays flat however long the audit is. */
  readonly rowsPerObject?: number;
};

export type DailyExportRequest = {
  /** No object is begun after it; the next run goes on. */
  readonly deadlineAt: Date;
  readonly signal: AbortSignal;
};

export type DailyExport = {
  readonly objectCount: number;
  readonly rowCount: number;
  readonly headSeq: string;
  /** False when time ran out. */
  readonly isComplete: boolean;
};

const ROWS_PER_OBJECT = 5_000;

/** A repeat, and a run after one that was killed, go on after what is in the bucket.
 *  @throws ControlError AUDIT_BROKEN, AUDIT_EXPORT_LOST, LEASE_HELD, and those of the store and of Spaces */
export async function exportAuditDaily(
  dependencies: DailyExportDependencies,
  request: DailyExportRequest,
): Promise<DailyExport> {
  const { database, clock } = dependencies;
  return database.transaction(async (transaction) => {
    await lockAuditExports(transaction);
    let head = await findExportedHead(dependencies, transaction, request.signal);
    let [objectCount, rowCount] = [0, 0];
    while (clock.now() < request.deadlineAt) {
      const end = await exportNext(dependencies, transaction, head, request.signal);
      if (end === undefined) return { objectCount, rowCount, headSeq: head.seq, isComplete: true };
      objectCount += 1;
      rowCount += Number(BigInt(end.head.seq) - BigInt(head.seq));
      head = end.head;
    }
    return { objectCount, rowCount, headSeq: head.seq, isComplete: false };
  });
}

/** Where the newest object ends, when the database still agrees with it. */
async function findExportedHead(
  { bucket }: DailyExportDependencies,
  transaction: Queryable,
  signal: AbortSignal,
): Promise<ChainHead> {
  const newest = (await listExports(bucket, signal)).at(-1);
  const recorded = await findNewestAuditExport(transaction, bucket.name);
  if (recorded !== undefined && (newest === undefined || BigInt(newest.headSeq) < BigInt(recorded.headSeq))) {
    throw new ControlError(
      'AUDIT_EXPORT_LOST',
      `Spaces no longer has ${recorded.objectKey}, which was written there; bring it back from its versions, and find out who removed it.`,
      { details: { objectKey: recorded.objectKey } },
    );
  }
  if (newest === undefined) return GENESIS;
  const { end, content } = await readExport(bucket, newest.key, signal);
  const [row] = await listAudit(transaction, String(BigInt(end.head.seq) - 1n), 1);
  if (row?.seq !== end.head.seq || row.hash !== end.head.hash) {
    throw new ControlError(
      'AUDIT_BROKEN',
      `The audit no longer has row ${end.head.seq} as ${newest.key} has it: it was rewritten or cut off since. Keep the database as it is; \`lcp audit verify --spaces\` names the first row that differs.`,
      { details: { seq: end.head.seq, objectKey: newest.key } },
    );
  }
  // A run that was killed between the object and its row.
  await record(transaction, bucket.name, newest.key, end, content);
  return end.head;
}

/** Undefined when nothing was added. */
async function exportNext(
  { bucket, clock, log, rowsPerObject = ROWS_PER_OBJECT }: DailyExportDependencies,
  transaction: Queryable,
  { seq: sinceSeq }: ChainHead,
  signal: AbortSignal,
): Promise<ExportEnd | undefined> {
  const texts: string[] = [];
  for await (const text of exportAudit(transaction, {
    sinceSeq,
    now: clock.now(),
    rowLimit: rowsPerObject,
  }))
    texts.push(text);
  const end = JSON.parse(texts.at(-1) ?? '') as ExportEnd;
  if (end.head.seq === sinceSeq) return undefined;
  const content = Buffer.from(texts.join(''));
  const key = nameExport(end);
  await bucket.storeOnce(key, content, signal);
  await record(transaction, bucket.name, key, end, content);
  log.info('audit_exported', { objectKey: key, headSeq: end.head.seq, sizeBytes: content.length });
  return end;
}

async function record(
  transaction: Queryable,
  bucket: string,
  objectKey: string,
  { after, head }: ExportEnd,
  content: Uint8Array,
): Promise<void> {
  await recordAuditExport(transaction, {
    bucket,
    objectKey,
    afterSeq: after.seq,
    headSeq: head.seq,
    headHash: head.hash,
    sha256: createHash('sha256').update(content).digest('hex'),
    sizeBytes: content.length,
  });
}
