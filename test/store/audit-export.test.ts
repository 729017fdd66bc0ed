// The audit exported from a real PostgreSQL, and the database verified against the export.

import { expect, test } from 'vitest';
import { recordAudit, verifyAudit } from '../../lib/store/audit.ts';
import type { AuditRow } from '../../lib/store/audit-chain.ts';
import { type ExportEnd, exportAudit } from '../../lib/store/audit-export.ts';
import type { Database } from '../../lib/store/database.ts';
import { verifyContinuation, verifyExport } from '../../lib/store/verify-export.ts';
import { buildChain, streamOf } from './audit-builders.ts';
import { useControlDatabases } from './database-fixture.ts';

const createControlDatabase = useControlDatabases();
const now = new Date('2026-11-23T02:00:00.123Z');

async function createAudit(count: number): Promise<Database> {
  const { database } = await createControlDatabase();
  await append(database, count);
  return database;
}

function append(database: Database, count: number): Promise<void> {
  const entries = Array.from({ length: count }, (_, i) => ({
    actor: 'test',
    event: `event ${i}`,
    details: { i, ratio: 0.1, 'ümläut\n': null },
  }));
  return database.transaction((transaction) => recordAudit(transaction, entries, now));
}

async function exportOf(database: Database, sinceSeq = '0'): Promise<string[]> {
  const texts: string[] = [];
  for await (const text of exportAudit(database, { sinceSeq, now })) texts.push(text);
  return texts.join('').split('\n').slice(0, -1);
}

function endOf(lines: readonly string[]): ExportEnd {
  return JSON.parse(lines.at(-1) ?? '') as ExportEnd;
}

const compare = (database: Database, lines: readonly string[]) =>
  verifyContinuation(database, endOf(lines), streamOf(lines));

/** What somebody does who owns the database. */
async function tamper(database: Database, ...statements: string[]): Promise<void> {
  await database.query('alter table audit disable trigger audit_append_only');
  await database.query('alter table audit drop constraint if exists audit_seq_check');
  for (const statement of statements) await database.query(statement);
}

/** Rewrites the rows from `fromSeq` on, with hashes that fit. */
async function rewrite(database: Database, fromSeq: number): Promise<void> {
  const { rows } = await database.query<{ seq: string; hash: string }>(
    'select audit.seq::text, hash from audit where audit.seq < $1 order by audit.seq desc limit 1',
    [fromSeq],
  );
  const after = rows[0] ?? { seq: '0', hash: '0'.repeat(64) };
  const { rows: old } = await database.query<{ event: string }>(
    'select event from audit where seq >= $1 order by seq',
    [fromSeq],
  );
  const forged: AuditRow[] = buildChain(
    old.map(({ event }, i) => ({ actor: 'test', event: i === 0 ? 'forged' : event })),
    after,
  );
  await tamper(database, `delete from audit where seq >= ${fromSeq}`);
  await database.query(
    `insert into audit (seq, recorded_at, previous_hash, hash, actor, event, details)
     select seq, "recordedAt", "previousHash", hash, actor, event, details
     from jsonb_to_recordset($1::jsonb) as r(seq bigint, "recordedAt" timestamptz, "previousHash" text, hash text,
       actor text, event text, details jsonb)`,
    [JSON.stringify(forged)],
  );
}

test('an export verifies alone, and the database that grew since continues it', async () => {
  const database = await createAudit(4_500);
  const lines = await exportOf(database);
  await append(database, 3);

  expect(lines).toHaveLength(4_501);
  expect(await verifyExport(streamOf(lines))).toMatchObject({ status: 'intact', rowCount: 4_500 });
  expect(await compare(database, lines)).toEqual({ status: 'intact', rowCount: 4_503, addedCount: 3 });
});

test('an export since a row begins after it, also when nothing followed', async () => {
  const database = await createAudit(5);
  const [some, none, empty] = [
    await exportOf(database, '3'),
    await exportOf(database, '5'),
    await exportOf((await createControlDatabase()).database),
  ];

  expect(some.map((line) => JSON.parse(line).seq)).toEqual(['4', '5', undefined]);
  expect([none.length, empty.length]).toEqual([1, 1]);
  for (const lines of [some, none, empty]) {
    expect(await verifyExport(streamOf(lines))).toMatchObject({ status: 'intact' });
    expect(await compare(database, lines)).toMatchObject({ status: 'intact', rowCount: 5 });
  }
  await expect(exportOf(database, '6')).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
});

test.each([
  [1, '0'],
  [3, '0'],
  [5, '0'],
  [1, '3'],
  [3, '3'],
  [2, '5'],
])(
  'a chain rewritten from row %i on, hashes and all, is found against an export since %s',
  async (fromSeq, since) => {
    const database = await createAudit(5);
    const lines = await exportOf(database, since);
    await rewrite(database, fromSeq);
    await append(database, 2);

    // The control: the chain alone shows nothing.
    expect(await verifyAudit(database)).toMatchObject({ status: 'intact', rowCount: 7 });
    // An export of a part knows the row it follows and its own.
    const seq = String(Math.max(fromSeq, Number(since)));
    expect(await compare(database, lines)).toEqual({ status: 'broken', seq, reason: 'row_rewritten' });
  },
);

test.each([1, 3, 5])('a tail cut off from row %i on is found against an export', async (fromSeq) => {
  const database = await createAudit(5);
  const lines = await exportOf(database);
  await tamper(database, `delete from audit where seq >= ${fromSeq}`);

  expect(await verifyAudit(database)).toMatchObject({ status: 'intact' });
  expect(await compare(database, lines)).toEqual({
    status: 'broken',
    seq: String(fromSeq),
    reason: 'tail_missing',
  });
});

test.each([
  ['changed', `update audit set cause = 'forged' where seq = 3`, '3', 'row_changed'],
  ['removed', 'delete from audit where seq = 3', '3', 'row_missing'],
  ['moved', 'update audit set seq = 9 where seq = 3', '3', 'row_missing'],
  ['added to the export', `update audit set cause = 'forged' where seq = 7`, '7', 'row_changed'],
])('a row %s is found against an export as without one', async (_what, statement, seq, reason) => {
  const database = await createAudit(6);
  const lines = await exportOf(database);
  await append(database, 2);
  await tamper(database, statement);

  expect(await compare(database, lines)).toEqual({ status: 'broken', seq, reason });
});

test('a broken chain is not exported as if it were whole', async () => {
  const database = await createAudit(5);
  await tamper(database, `update audit set cause = 'forged' where seq = 3`);

  await expect(exportAudit(database, { sinceSeq: '0', now }).next()).rejects.toMatchObject({
    code: 'AUDIT_BROKEN',
    details: { seq: '3' },
  });
});
