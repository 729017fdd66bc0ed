// Whether the daily export of the audit does its work, in words. Pure.

import type { AuditExportProgress } from '../store/audit-exports.ts';

/** A day, and half a day for a run that failed and is repeated. */
const LATE_AFTER_MS = 36 * 60 * 60 * 1000;

export type ExportDescription = { readonly isLate: boolean; readonly line: string };

export function describeAuditExport({
  exportedAt,
  headSeq,
  waitingSince,
  readAt,
}: AuditExportProgress): ExportDescription {
  const done =
    exportedAt === null || headSeq === null
      ? 'nothing exported to Spaces yet'
      : `exported to Spaces up to row ${headSeq}, at ${exportedAt.toISOString()}`;
  if (waitingSince === null) return { isLate: false, line: done };
  const isLate = readAt.getTime() - waitingSince.getTime() > LATE_AFTER_MS;
  const waiting = `what followed waits since ${waitingSince.toISOString()}`;
  return isLate
    ? { isLate, line: `LATE: ${done}; ${waiting}. Look at the log of control/backup.` }
    : { isLate, line: `${done}; ${waiting}` };
}
