// Audit chains made in memory, rows and exports, for tests that damage them.

import {
  type AuditEntry,
  type AuditRow,
  type ChainHead,
  GENESIS,
  hashAuditRow,
} from '../../lib/store/audit-chain.ts';

export type Entry = Partial<AuditEntry> & { readonly recordedAt?: string };

/** Seals `entries` into a chain that follows `after`. */
export function buildChain(entries: readonly Entry[], after: ChainHead = GENESIS): AuditRow[] {
  const rows: AuditRow[] = [];
  for (const [i, entry] of entries.entries()) {
    const head = rows.at(-1) ?? after;
    const unsealed = {
      actor: 'control/sync',
      event: `event ${i}`,
      runId: null,
      teamId: null,
      userId: null,
      keyHash: null,
      cause: null,
      details: {},
      recordedAt: '2026-11-23T02:00:00.123Z',
      ...entry,
      seq: String(BigInt(head.seq) + 1n),
      previousHash: head.hash,
    };
    rows.push({ ...unsealed, hash: hashAuditRow(unsealed) });
  }
  return rows;
}

export function headOf(rows: readonly AuditRow[]): ChainHead {
  const { seq, hash } = rows.at(-1) ?? GENESIS;
  return { seq, hash };
}

/** The lines of an export of `rows`, its closing line included. */
export function exportLines(rows: readonly AuditRow[], after: ChainHead = GENESIS): string[] {
  const end = {
    head: rows.length === 0 ? after : headOf(rows),
    after,
    exportedAt: '2026-11-23T03:00:00.000Z',
  };
  return [...rows.map((row) => JSON.stringify(row)), JSON.stringify(end)];
}

export async function* streamOf(lines: readonly string[]): AsyncGenerator<string> {
  yield* lines;
}
