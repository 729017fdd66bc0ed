// The daily export of the audit: what it puts into Spaces, night after night, and what it finds there and in the
// database when somebody was at work between two nights. On a real PostgreSQL.

import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type DailyExport, exportAuditDaily } from '../../lib/audit/export-daily.ts';
import { verifyAgainstStoredExports, verifyStoredExports } from '../../lib/audit/verify-exports.ts';
import { systemClock } from '../../lib/clock.ts';
import { createLog } from '../../lib/log.ts';
import { type Bucket, createBucket } from '../../lib/objects/bucket.ts';
import { Secret } from '../../lib/secret.ts';
import { recordAudit } from '../../lib/store/audit.ts';
import { findAuditExportProgress } from '../../lib/store/audit-exports.ts';
import type { Database } from '../../lib/store/database.ts';
import { useControlDatabases } from '../store/database-fixture.ts';
import { type S3Double, startS3Double } from '../world/s3/double.ts';

const createControlDatabase = useControlDatabases();
const signal = new AbortController().signal;
const clock = { now: systemClock.now, sleep: async () => undefined };
let double: S3Double;
let bucket: Bucket;

beforeAll(async () => {
  double = await startS3Double();
  bucket = createBucket({
    endpoint: double.endpoint,
    region: 'fra1',
    bucket: double.bucket,
    accessKeyId: new Secret(double.credentials.accessKeyId),
    secretAccessKey: new Secret(double.credentials.secretAccessKey),
    clock,
    timeoutMs: 5_000,
  });
});
afterAll(() => double.close());
beforeEach(() => {
  double.objects.clear();
  double.faults.length = 0;
});

async function createAudit(count: number): Promise<Database> {
  const { database } = await createControlDatabase();
  await append(database, count);
  return database;
}

function append(database: Database, count: number): Promise<void> {
  const entries = Array.from({ length: count }, (_, i) => ({ actor: 'test', event: `event ${i}` }));
  return database.transaction((transaction) => recordAudit(transaction, entries, systemClock.now()));
}

function exportNow(
  database: Database,
  changes: { readonly bucket?: Bucket; readonly deadlineAt?: Date } = {},
): Promise<DailyExport> {
  const { deadlineAt = new Date(systemClock.now().getTime() + 60_000) } = changes;
  const log = createLog({}, { write: () => undefined });
  const dependencies = { database, bucket: changes.bucket ?? bucket, clock, log, rowsPerObject: 4 };
  return exportAuditDaily(dependencies, { deadlineAt, signal });
}

async function verify(database: Database): Promise<string> {
  const exports = await verifyStoredExports(bucket, signal);
  if (exports.status !== 'intact')
    return exports.status === 'none' ? 'none' : `${exports.objectKey} ${exports.seq} ${exports.reason}`;
  const state = await verifyAgainstStoredExports(database, bucket, exports, signal);
  return state.status === 'intact'
    ? `${exports.rowCount} rows, ${state.addedCount} more`
    : `database ${state.seq} ${state.reason}`;
}

const names = () =>
  [...double.objects.keys()].sort().map((key) => key.replace(/audit\/0*(\d+)-0*(\d+)\..*/, '$1-$2'));

/** What somebody does who owns the database. */
async function tamper(database: Database, statement: string): Promise<void> {
  await database.query('alter table audit disable trigger audit_append_only');
  await database.query(statement);
}

test('each night adds what was added since, and a night without news adds nothing', async () => {
  const database = await createAudit(3);
  expect(await exportNow(database)).toEqual({ objectCount: 1, rowCount: 3, headSeq: '3', isComplete: true });
  expect(await exportNow(database)).toEqual({ objectCount: 0, rowCount: 0, headSeq: '3', isComplete: true });
  await append(database, 2);
  expect(await exportNow(database)).toMatchObject({ objectCount: 1, rowCount: 2, headSeq: '5' });

  expect(names()).toEqual(['1-3', '4-5']);
  expect(await verify(database)).toBe('5 rows, 0 more');
});

test('a long first export is many objects, and one that runs out of time goes on the next night', async () => {
  const database = await createAudit(10);
  const late = await exportNow(database, { deadlineAt: new Date(0) });
  const whole = await exportNow(database);

  expect(late).toEqual({ objectCount: 0, rowCount: 0, headSeq: '0', isComplete: false });
  expect(whole).toMatchObject({ objectCount: 3, rowCount: 10, isComplete: true });
  expect(names()).toEqual(['1-4', '5-8', '9-10']);
});

test('an empty audit is exported as nothing', async () => {
  expect(await exportNow(await createAudit(0))).toMatchObject({
    objectCount: 0,
    headSeq: '0',
    isComplete: true,
  });
});

test('status knows how far it went and since when something waits', async () => {
  const database = await createAudit(2);
  expect(await findAuditExportProgress(database)).toMatchObject({
    headSeq: null,
    waitingSince: expect.any(Date),
  });
  await exportNow(database);
  expect(await findAuditExportProgress(database)).toMatchObject({ headSeq: '2', waitingSince: null });
  await append(database, 1);
  expect(await findAuditExportProgress(database)).toMatchObject({
    headSeq: '2',
    waitingSince: expect.any(Date),
  });
});

test('killed before and after every call to Spaces, the next night leaves one whole chain and no row twice', async () => {
  const calls = await countCalls();
  expect(calls).toBe(4);
  for (let at = 0; at < calls; at += 1)
    for (const side of ['before', 'after'] as const) {
      double.objects.clear();
      const database = await createAudit(10);
      await expect(exportNow(database, { bucket: cutAt(at, side) })).rejects.toThrow('cut');
      await append(database, 1);

      expect(await exportNow(database)).toMatchObject({ headSeq: '11', isComplete: true });

      expect(await verify(database)).toBe('11 rows, 0 more');
      expect((await findAuditExportProgress(database)).waitingSince).toBeNull();
    }
});

async function countCalls(): Promise<number> {
  let count = 0;
  await exportNow(await createAudit(10), {
    bucket: cutAt(Number.POSITIVE_INFINITY, 'before', () => (count += 1)),
  });
  double.objects.clear();
  return count;
}

/** The bucket, whose n-th call is the last thing this process does. */
function cutAt(position: number, side: 'before' | 'after', onCall = () => {}): Bucket {
  let callIndex = -1;
  const cut = async <T>(call: () => Promise<T>): Promise<T> => {
    callIndex += 1;
    onCall();
    if (callIndex === position && side === 'before') throw new Error('cut');
    const value = await call();
    if (callIndex === position) throw new Error('cut');
    return value;
  };
  return {
    ...bucket,
    list: (...args) => cut(() => bucket.list(...args)),
    find: (...args) => cut(() => bucket.find(...args)),
    storeOnce: (...args) => cut(() => bucket.storeOnce(...args)),
  };
}

test('two at once: one exports, the other ends, and no row is exported twice', async () => {
  const database = await createAudit(10);
  const both = await Promise.allSettled([exportNow(database), exportNow(database)]);

  const refused = both.filter((outcome) => outcome.status === 'rejected');
  expect(refused.map(({ reason }) => reason.code)).toEqual(['LEASE_HELD']);
  expect(names()).toEqual(['1-4', '5-8', '9-10']);
});

test('a store that is away leaves nothing half, and the next night has it all', async () => {
  const database = await createAudit(6);
  double.faults.push({ on: /PUT .*5-/, kind: 'busy', times: 4 });
  await expect(exportNow(database)).rejects.toMatchObject({ code: 'OBJECTS_UNAVAILABLE' });
  expect(names()).toEqual(['1-4']);

  expect(await exportNow(database)).toMatchObject({ objectCount: 1, rowCount: 2 });
  expect(await verify(database)).toBe('6 rows, 0 more');
});

test.each([
  ['changed', `update audit set cause = 'forged' where seq = 2`],
  ['removed', 'delete from audit where seq = 2'],
])('a row %s before its night is not exported as if it were whole', async (_what, statement) => {
  const database = await createAudit(3);
  await tamper(database, statement);

  await expect(exportNow(database)).rejects.toMatchObject({ code: 'AUDIT_BROKEN' });
  expect(names()).toEqual([]);
});

test('an end cut off after it was exported is found by the next night, and by verify', async () => {
  const database = await createAudit(6);
  await exportNow(database);
  await tamper(database, 'delete from audit where seq > 4');

  await expect(exportNow(database)).rejects.toMatchObject({ code: 'AUDIT_BROKEN', details: { seq: '6' } });
  expect(await verify(database)).toBe('database 5 tail_missing');
});

test('an export that is gone from Spaces is said, and nothing is exported in its place', async () => {
  const database = await createAudit(6);
  await exportNow(database);
  const last = [...double.objects.keys()].sort().at(-1) ?? '';
  double.objects.delete(last);
  await append(database, 1);

  await expect(exportNow(database)).rejects.toMatchObject({
    code: 'AUDIT_EXPORT_LOST',
    details: { objectKey: last },
  });
  expect(names()).toEqual(['1-4']);
});

test('another bucket begins anew', async () => {
  const database = await createAudit(3);
  await exportNow(database);
  double.objects.clear();

  expect(await exportNow(database, { bucket: { ...bucket, name: 'another' } })).toMatchObject({
    rowCount: 3,
  });
});

test.each([
  ['a changed row', (text: string) => text.replace('event 5', 'event x'), '6 row_changed'],
  ['a cut end', (text: string) => text.slice(0, -100), '7 end_missing'],
  ['a line too many', (text: string) => `${text}${text}`, 'end_differs'],
  ['an empty object', () => '', 'end_missing'],
])(
  'an export that was changed in Spaces is named by verify, and stops the next night: %s',
  async (_what, change, reason) => {
    const database = await createAudit(6);
    await exportNow(database);
    const last = [...double.objects.keys()].sort().at(-1) ?? '';
    double.objects.set(last, Buffer.from(change(double.objects.get(last)?.toString() ?? '')));

    expect(await verify(database)).toMatch(new RegExp(`^${last} .*${reason.split(' ').at(-1)}$`));
    await expect(exportNow(database)).rejects.toMatchObject({ code: 'AUDIT_BROKEN' });
  },
);

test('a gap between exports, a part that is there twice and what is not ours are told apart', async () => {
  const database = await createAudit(10);
  await exportNow(database);
  double.objects.set('audit/README.txt', Buffer.from('not ours'));
  expect(await verify(database)).toBe('10 rows, 0 more');

  const [first = '', second = ''] = [...double.objects.keys()].sort();
  const gone = double.objects.get(second) ?? Buffer.of();
  double.objects.delete(second);
  expect(await verify(database)).toMatch(/ 5 row_missing$/);
  double.objects.set(second, gone);
  double.objects.set(second.replace('5-', '4-'), double.objects.get(first) ?? Buffer.of());
  expect(await verify(database)).toMatch(/ end_differs$/);
});
