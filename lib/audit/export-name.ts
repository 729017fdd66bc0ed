// The names of the audit's exports in Spaces: `audit/<first row>-<last row>.jsonl`, padded, so that the order of names
// is the order of rows and a gap shows in a listing. Pure.

import type { ExportEnd } from '../store/audit-export.ts';

export const EXPORT_PREFIX = 'audit/';

/** Of the largest seq, a bigint. */
const DIGITS = 19;

export function nameExport({ after, head }: Pick<ExportEnd, 'after' | 'head'>): string {
  const first = String(BigInt(after.seq) + 1n).padStart(DIGITS, '0');
  return `${EXPORT_PREFIX}${first}-${head.seq.padStart(DIGITS, '0')}.jsonl`;
}

export type ExportName = { readonly key: string; readonly firstSeq: string; readonly headSeq: string };

/** Undefined for what is no export of ours. */
export function parseExportName(key: string): ExportName | undefined {
  const [, first, head] = /^audit\/(\d{19})-(\d{19})\.jsonl$/.exec(key) ?? [];
  if (first === undefined || head === undefined || first > head || BigInt(first) === 0n) return undefined;
  return { key, firstSeq: String(BigInt(first)), headSeq: String(BigInt(head)) };
}
