// What status says of the audit's export.

import { expect, test } from 'vitest';
import { describeAuditExport } from '../../lib/audit/export-state.ts';

const at = (hours: number) => new Date(Date.UTC(2026, 10, 25) + hours * 3_600_000);

test.each([
  ['nothing to export yet', null, null, null, false, 'nothing exported to Spaces yet'],
  ['all exported', 0, '7', null, false, 'exported to Spaces up to row 7, at 2026-11-25T00:00:00.000Z'],
  ['a row of today', 0, '7', 30, false, 'waits since 2026-11-26T06:00:00.000Z'],
  ['a row of 36 hours ago', 0, '7', 4, false, 'waits since'],
  ['a row of more than 36 hours ago', 0, '7', 3.9, true, 'LATE: exported to Spaces up to row 7'],
  ['never exported, for two days', null, null, 0, true, 'LATE: nothing exported'],
])('%s', (_what, exportedHour, headSeq, waitingHour, isLate, words) => {
  const described = describeAuditExport({
    exportedAt: exportedHour === null ? null : at(exportedHour),
    headSeq,
    waitingSince: waitingHour === null ? null : at(waitingHour),
    readAt: at(40),
  });

  expect(described.isLate).toBe(isLate);
  expect(described.line).toContain(words);
});
