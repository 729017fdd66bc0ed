import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { isControlError } from '../../lib/errors.ts';
import { Secret } from '../../lib/secret.ts';
import { listAudit, recordAudit, verifyAudit } from '../../lib/store/audit.ts';
import { createDatabase } from '../../lib/store/database.ts';
import { acquireLease, releaseLease, renewLease, requireLease } from '../../lib/store/lease.ts';
import { applyMigrations } from '../../lib/store/migrate.ts';
import { requireSchema, SCHEMA_LEVEL } from '../../lib/store/schema.ts';
import { useControlDatabases } from './database-fixture.ts';

const createControlDatabase = useControlDatabases();
const now = new Date('2026-11-23T02:00:00.123Z');

test('the code needs exactly the newest migration, and a second migration applies nothing', async () => {
  const { url, database } = await createControlDatabase();
  const newest = readdirSync(new URL('../../lib/store/migrations', import.meta.url))
    .sort()
    .at(-1);

  expect(`${SCHEMA_LEVEL}.sql`).toBe(newest);
  expect(await applyMigrations(url)).toEqual([]);
  await requireSchema(database);
});

test('a database at another level is refused with the command that helps', async () => {
  const { database } = await createControlDatabase();
  await database.query(`insert into migrations (name, run_on) values ('999999-future', now())`);

  await expect(requireSchema(database)).rejects.toMatchObject({
    code: 'STORE_SCHEMA_MISMATCH',
    message: expect.stringContaining('lcp migrate'),
  });
});

test('a database that is away or refuses us is told apart by its code', async () => {
  const { url } = await createControlDatabase();
  const away = createDatabase({ url: new Secret('postgres://nobody:secret@127.0.0.1:1/control') });
  const wrongPassword = createDatabase({ url: new Secret(url.reveal().replace(/:[^:@]+@/, ':wrong@')) });

  await expect(away.query('select 1')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', retryable: true });
  await expect(wrongPassword.transaction((connection) => connection.query('select 1'))).rejects.toMatchObject(
    { code: 'STORE_DENIED' },
  );
  await Promise.all([away.close(), wrongPassword.close()]);
});

test('a second run is kept out while the lease holds, and gets the next token when it has expired', async () => {
  const { database } = await createControlDatabase();
  const first = await acquireLease(database, 'sync', 'one', 60_000);
  await expect(acquireLease(database, 'sync', 'two', 60_000)).rejects.toMatchObject({ code: 'LEASE_HELD' });

  await database.query('update leases set expires_at = clock_timestamp()');
  const second = await acquireLease(database, 'sync', 'two', 60_000);

  expect(BigInt(second.token)).toBe(BigInt(first.token) + 1n);
  await expect(renewLease(database, first, 60_000)).rejects.toMatchObject({ code: 'LEASE_LOST' });
  await renewLease(database, second, 60_000);
});

test('a run that lost its lease can neither write nor release the lease of its successor', async () => {
  const { database } = await createControlDatabase();
  const first = await acquireLease(database, 'sync', 'one', 60_000);
  await database.query('update leases set expires_at = clock_timestamp()');
  const second = await acquireLease(database, 'sync', 'two', 60_000);

  await expect(database.transaction((transaction) => requireLease(transaction, first))).rejects.toMatchObject(
    { code: 'LEASE_LOST' },
  );
  await releaseLease(database, first);
  await database.transaction((transaction) => requireLease(transaction, second));
});

test('only one of many runs that start at once gets the lease', async () => {
  const { database } = await createControlDatabase();
  const outcomes = await Promise.allSettled(
    Array.from({ length: 10 }, (_, i) => acquireLease(database, 'sync', `run ${i}`, 60_000)),
  );

  expect(outcomes.filter((outcome) => outcome.status === 'fulfilled')).toHaveLength(1);
  expect(
    outcomes.filter((o) => o.status === 'rejected').every((o) => isControlError(o.reason, 'LEASE_HELD')),
  ).toBe(true);
});

test('an intact audit chain verifies, whoever wrote at the same time', async () => {
  const { database } = await createControlDatabase();
  await Promise.all(
    Array.from({ length: 20 }, (_, i) =>
      database.transaction((transaction) =>
        recordAudit(
          transaction,
          [
            { actor: 'test', event: 'written', details: { i, ratio: 0.1 } },
            { actor: 'test', event: 'written twice' },
          ],
          now,
        ),
      ),
    ),
  );

  expect(await verifyAudit(database)).toMatchObject({ status: 'intact', rowCount: 40, head: { seq: '40' } });
});

test.each([
  ['a changed row', `update audit set cause = 'forged' where seq = 3`, { seq: '3', reason: 'row_changed' }],
  [
    'a changed time',
    `update audit set recorded_at = recorded_at + interval '1 millisecond' where seq = 3`,
    { seq: '3', reason: 'row_changed' },
  ],
  ['a removed row', 'delete from audit where seq = 3', { seq: '3', reason: 'row_missing' }],
  [
    'a forged row with a hash of its own',
    `update audit set cause = 'forged', hash = repeat('a', 64) where seq = 3`,
    { seq: '3', reason: 'row_changed' },
  ],
  [
    'two rows in each other’s place',
    `update audit set seq = case seq when 2 then -3 else -2 end where seq in (2, 3); update audit set seq = -seq where seq < 0`,
    { seq: '2', reason: 'order_changed' },
  ],
])('%s is found and named', async (_name, tampering, expected) => {
  const { database } = await createControlDatabase();
  await database.transaction((transaction) =>
    recordAudit(
      transaction,
      Array.from({ length: 5 }, (_, i) => ({ actor: 'test', event: `event ${i}` })),
      now,
    ),
  );
  await database.query(
    'alter table audit disable trigger audit_append_only; alter table audit drop constraint audit_seq_check',
  );
  await database.query(tampering);

  expect(await verifyAudit(database)).toEqual({ status: 'broken', ...expected });
});

test('audit rows cannot be changed, removed or truncated by a plain statement', async () => {
  const { database } = await createControlDatabase();
  await database.transaction((transaction) =>
    recordAudit(transaction, [{ actor: 'test', event: 'kept' }], now),
  );

  for (const statement of [`update audit set actor = 'x'`, 'delete from audit', 'truncate audit']) {
    await expect(database.query(statement)).rejects.toMatchObject({ code: '42501' });
  }
  expect(await listAudit(database, '0', 10)).toHaveLength(1);
});

test('a failing transaction leaves nothing behind and throws its first error', async () => {
  const { database } = await createControlDatabase();
  const failing = database.transaction(async (transaction) => {
    await recordAudit(transaction, [{ actor: 'test', event: 'lost' }], now);
    throw new Error('first');
  });

  await expect(failing).rejects.toThrow('first');
  expect(await listAudit(database, '0', 10)).toEqual([]);
});
