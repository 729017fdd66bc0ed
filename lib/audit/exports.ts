// The audit's exports as Spaces has them: which there are, and one of them verified.

import { ControlError } from '../errors.ts';
import type { Bucket } from '../objects/bucket.ts';
import type { ExportEnd } from '../store/audit-export.ts';
import { type ExportState, verifyExport } from '../store/verify-export.ts';
import { EXPORT_PREFIX, type ExportName, nameExport, parseExportName } from './export-name.ts';

/** Those that are there, in the order of their rows; what has another name is not ours. */
export async function listExports(bucket: Pick<Bucket, 'list'>, signal: AbortSignal): Promise<ExportName[]> {
  const entries = await bucket.list(EXPORT_PREFIX, signal);
  return entries.map(({ key }) => parseExportName(key)).filter((name) => name !== undefined);
}

/** The lines of one, and what verifying them alone says.
 *  @throws ControlError AUDIT_EXPORT_LOST when it is gone since it was listed, and those of Spaces */
export async function verifyStoredExport(
  bucket: Pick<Bucket, 'find'>,
  key: string,
  signal: AbortSignal,
): Promise<{ readonly content: Uint8Array; readonly lines: readonly string[]; readonly state: ExportState }> {
  const content = await bucket.find(key, signal);
  if (content === undefined) {
    const message = `Spaces no longer has ${key}; bring it back from its versions, and find out who removed it.`;
    throw new ControlError('AUDIT_EXPORT_LOST', message, { details: { objectKey: key } });
  }
  const lines = Buffer.from(content).toString().split('\n').slice(0, -1);
  return { content, lines, state: await verifyExport(eachOf(lines)) };
}

/** One that must be whole, and be what its name says.
 *  @throws ControlError AUDIT_BROKEN when it is not, AUDIT_EXPORT_LOST, and those of Spaces */
export async function readExport(
  bucket: Pick<Bucket, 'find'>,
  key: string,
  signal: AbortSignal,
): Promise<{ readonly content: Uint8Array; readonly end: ExportEnd }> {
  const { content, state } = await verifyStoredExport(bucket, key, signal);
  if (state.status === 'intact' && nameExport(state.end) === key) return { content, end: state.end };
  throw new ControlError(
    'AUDIT_BROKEN',
    `The export ${key} in Spaces was changed since it was written; bring the first version back, and find out who changed it.`,
    { details: { objectKey: key } },
  );
}

export async function* eachOf(lines: readonly string[]): AsyncGenerator<string> {
  yield* lines;
}
