// Every way to damage a small chain or its export is found, and the first damaged row is named.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type AuditRow, EMPTY_CHAIN, hashAuditRow, verifyRows } from '../../lib/store/audit-chain.ts';
import { verifyExport } from '../../lib/store/verify-export.ts';
import { buildChain, type Entry, exportLines, headOf, streamOf } from './audit-builders.ts';

const entry: fc.Arbitrary<Entry> = fc.record({
  actor: fc.constantFrom('control/sync', 'cli:ada'),
  event: fc.constantFrom('key_minted', 'key_blocked', 'member_added'),
  cause: fc.oneof(fc.constant('new'), fc.string()),
  details: fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 3 }),
});
const chain = (minLength: number) =>
  fc.array(entry, { minLength, maxLength: 8 }).map((rows) => buildChain(rows));
const position = fc.nat({ max: 7 });

/** One changed field of a row each; what the hash covers, and the two hashes. */
const CHANGES: Record<keyof AuditRow, (row: AuditRow) => Partial<AuditRow>> = {
  seq: (row) => ({ seq: String(BigInt(row.seq) + 3n) }),
  recordedAt: () => ({ recordedAt: '2026-11-23T02:00:00.124Z' }),
  previousHash: () => ({ previousHash: 'a'.repeat(64) }),
  actor: (row) => ({ actor: `${row.actor}x` }),
  event: (row) => ({ event: `${row.event}x` }),
  runId: () => ({ runId: '00000000-0000-4000-8000-000000000001' }),
  teamId: () => ({ teamId: '00000000-0000-4000-8000-000000000001' }),
  userId: () => ({ userId: '00000000-0000-4000-8000-000000000001' }),
  keyHash: () => ({ keyHash: 'b'.repeat(64) }),
  cause: (row) => ({ cause: `${row.cause}x` }),
  details: (row) => ({ details: { ...row.details, forged: true } }),
  hash: () => ({ hash: 'c'.repeat(64) }),
};
const change = fc.constantFrom(...(Object.keys(CHANGES) as (keyof AuditRow)[]));

/** As the database hands rows out. */
const inOrder = (rows: readonly AuditRow[]) =>
  rows.toSorted((a, b) => (BigInt(a.seq) < BigInt(b.seq) ? -1 : BigInt(a.seq) > BigInt(b.seq) ? 1 : 0));
const at = (rows: readonly AuditRow[], index: number) => {
  const row = rows[index % rows.length];
  if (!row) throw new Error('an empty chain');
  return { row, index: index % rows.length };
};

test('a change of any one field of any one row is found, and that row is named', () => {
  fc.assert(
    fc.property(chain(2), position, change, (rows, n, field) => {
      const { row, index } = at(rows, n);
      const damaged = inOrder(rows.with(index, { ...row, ...CHANGES[field](row) }));

      expect(verifyRows(EMPTY_CHAIN, damaged)).toMatchObject({ status: 'broken', seq: row.seq });
    }),
  );
});

test('a changed row that carries its own new hash is found at the next row', () => {
  fc.assert(
    fc.property(chain(3), position, (rows, n) => {
      const { row, index } = at(rows.slice(0, -1), n);
      const forged = { ...row, cause: `${row.cause}x` };
      const damaged = rows.with(index, { ...forged, hash: hashAuditRow(forged) });

      expect(verifyRows(EMPTY_CHAIN, damaged)).toEqual({
        status: 'broken',
        seq: String(index + 2),
        reason: 'order_changed',
      });
    }),
  );
});

test('a removed row is found and named, the newest one only by an export', () => {
  fc.assert(
    fc.property(chain(2), position, (rows, n) => {
      const { row, index } = at(rows, n);
      const state = verifyRows(EMPTY_CHAIN, rows.toSpliced(index, 1));

      if (index === rows.length - 1) expect(state).toMatchObject({ status: 'intact', rowCount: index });
      else expect(state).toEqual({ status: 'broken', seq: row.seq, reason: 'row_missing' });
    }),
  );
});

test('two rows that changed places are found at the first of them', () => {
  fc.assert(
    fc.property(chain(2), position, position, (rows, n, m) => {
      const [first, second] = [at(rows, Math.min(n, m)), at(rows, Math.max(n, m))];
      fc.pre(first.index !== second.index);
      const [low, high] = first.index < second.index ? [first, second] : [second, first];
      const renumbered = rows
        .with(low.index, { ...high.row, seq: low.row.seq })
        .with(high.index, { ...low.row, seq: high.row.seq });
      const swapped = rows.with(low.index, high.row).with(high.index, low.row);

      expect(verifyRows(EMPTY_CHAIN, renumbered)).toMatchObject({ status: 'broken', seq: low.row.seq });
      expect(verifyRows(EMPTY_CHAIN, swapped)).toMatchObject({ status: 'broken', seq: low.row.seq });
    }),
  );
});

test('an inserted row is found there or at the row that no longer follows', () => {
  fc.assert(
    fc.property(chain(1), position, (rows, n) => {
      const { index } = at(rows, n);
      const [forged] = buildChain([{ event: 'forged' }], headOf(rows.slice(0, index)));
      const damaged = [
        ...rows.slice(0, index),
        ...(forged ? [forged] : []),
        ...rows.slice(index).map((row) => ({ ...row, seq: String(BigInt(row.seq) + 1n) })),
      ];

      expect(verifyRows(EMPTY_CHAIN, damaged)).toMatchObject({ status: 'broken', seq: String(index + 2) });
    }),
  );
});

test('an intact export verifies, from the first row or from any later one', async () => {
  await fc.assert(
    fc.asyncProperty(chain(1), fc.nat({ max: 8 }), async (rows, n) => {
      const skipped = n % (rows.length + 1);
      const lines = exportLines(rows.slice(skipped), headOf(rows.slice(0, skipped)));

      expect(await verifyExport(streamOf(lines))).toMatchObject({
        status: 'intact',
        rowCount: rows.length - skipped,
      });
    }),
  );
});

test('a change of any one field of any line of an export is found, and that line is named', async () => {
  await fc.assert(
    fc.asyncProperty(chain(2), position, change, fc.boolean(), async (rows, n, field, isPart) => {
      const exported = isPart ? rows.slice(1) : rows;
      const after = headOf(isPart ? rows.slice(0, 1) : []);
      const { row, index } = at(exported, n);
      const lines = exportLines(exported, after);
      const damaged = lines.with(index, JSON.stringify({ ...row, ...CHANGES[field](row) }));

      expect(await verifyExport(streamOf(damaged))).toMatchObject({ status: 'broken', line: index + 1 });
    }),
  );
});

test('a field that JavaScript treats apart is hashed like any other', async () => {
  const details = JSON.parse('{"__proto__": {"limit": 1}}');
  const lines = exportLines(buildChain([{ details }]));
  const [line = '', end = ''] = lines;
  const stateOf = (first: string) => verifyExport(streamOf([first, end]));

  expect(await stateOf(line)).toMatchObject({ status: 'intact' });
  expect(await stateOf(line.replace('"limit":1', '"limit":2'))).toMatchObject({
    line: 1,
    reason: 'row_changed',
  });
  expect(await stateOf(line.replace('{', '{"__proto__":{},'))).toMatchObject({
    line: 1,
    reason: 'row_unreadable',
  });
});

test('the first row of all is known by what it follows, whatever number it was given', async () => {
  const [first, ...rows] = buildChain([{}, {}]);
  const lines = [JSON.stringify({ ...first, seq: '7' }), ...exportLines(rows)];

  expect(await verifyExport(streamOf(lines))).toMatchObject({ line: 1, seq: '1', reason: 'row_missing' });
});

test('a field beside those that the hash covers makes a line no row', async () => {
  const [row, ...rows] = buildChain([{}, {}]);
  const lines = [JSON.stringify({ ...row, approvedBy: 'forged' }), ...exportLines(rows)];

  expect(await verifyExport(streamOf(lines))).toMatchObject({
    status: 'broken',
    line: 1,
    reason: 'row_unreadable',
  });
});

test('a line removed, doubled or moved, and every cut of an export, is found at its line', async () => {
  await fc.assert(
    fc.asyncProperty(chain(2), position, async (rows, n) => {
      const { row, index } = at(rows, n);
      const lines = exportLines(rows);
      const line = JSON.stringify(row);
      const stateOf = (damaged: string[]) => verifyExport(streamOf(damaged));

      expect(await stateOf(lines.toSpliced(index, 1))).toMatchObject({ seq: row.seq, reason: 'row_missing' });
      expect(await stateOf(lines.toSpliced(index, 0, line))).toMatchObject({ line: index + 2, seq: row.seq });
      expect(await stateOf([...lines, line])).toMatchObject({
        line: lines.length + 1,
        reason: 'end_differs',
      });
      expect(await stateOf(lines.slice(0, index))).toMatchObject({ seq: row.seq, reason: 'end_missing' });
      expect(await stateOf(lines.with(index, line.slice(0, -5)))).toMatchObject({
        line: index + 1,
        seq: row.seq,
        reason: 'row_unreadable',
      });
    }),
  );
});

test('a closing line that names another beginning or end than the rows have is found', async () => {
  const rows = buildChain([{}, {}, {}]);
  const other = { seq: '3', hash: 'd'.repeat(64) };
  const end = {
    head: headOf(rows),
    after: { seq: '0', hash: '0'.repeat(64) },
    exportedAt: '2026-11-23T03:00:00Z',
  };
  const stateOf = (changes: Partial<typeof end>, of = rows) =>
    verifyExport(streamOf([...of.map((row) => JSON.stringify(row)), JSON.stringify({ ...end, ...changes })]));

  expect(await stateOf({})).toMatchObject({ status: 'intact' });
  expect(await stateOf({ head: other })).toMatchObject({ seq: '3', reason: 'end_differs' });
  expect(await stateOf({ head: headOf(rows.slice(0, 2)) })).toMatchObject({ reason: 'end_differs' });
  expect(await stateOf({ after: { seq: '0', hash: 'd'.repeat(64) } })).toMatchObject({
    reason: 'end_differs',
  });
  expect(await stateOf({ after: headOf(rows.slice(0, 1)) })).toMatchObject({ reason: 'end_differs' });
  expect(await stateOf({ after: { ...end.after, seq: '1' } })).toMatchObject({ reason: 'end_differs' });
  expect(await stateOf({ head: { ...end.head, seq: '2' } })).toMatchObject({ reason: 'end_differs' });
  expect(await stateOf({}, rows.slice(1))).toMatchObject({ seq: '1', reason: 'row_missing' });
  expect(await stateOf({}, [])).toMatchObject({ status: 'broken' });
});

test('any text for an export gives a verdict, never an exception', async () => {
  const odd = fc.oneof(fc.string(), fc.json(), fc.constant(JSON.stringify({ head: {} })));
  await fc.assert(
    fc.asyncProperty(fc.array(odd, { maxLength: 5 }), async (lines) => {
      expect(await verifyExport(streamOf(lines))).toMatchObject({ status: 'broken' });
    }),
  );
});
