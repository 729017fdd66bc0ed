// What `lcp doctor` makes of the bucket in Spaces: a right one, and each way in which it is wrong.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Check, runAreas } from '../../../lib/cli/doctor/check.ts';
import { spacesChecks } from '../../../lib/cli/doctor/spaces.ts';
import { openBucket } from '../../../lib/cli/environment.ts';
import { systemClock } from '../../../lib/clock.ts';
import { recordAudit } from '../../../lib/store/audit.ts';
import type { Database } from '../../../lib/store/database.ts';
import { useControlDatabases } from '../../store/database-fixture.ts';
import { type S3Double, startS3Double } from '../../world/s3/double.ts';

const makeDatabase = useControlDatabases();
const assumed: Check = { id: 'store-level', what: '', why: '', run: () => ({ status: 'well' }) };
let double: S3Double;
beforeAll(async () => {
  double = await startS3Double();
});
afterAll(() => double.close());

async function look(database: Database, changes: Readonly<Record<string, string>> = {}) {
  const variables = {
    SPACES_ENDPOINT: double.endpoint,
    SPACES_REGION: 'fra1',
    SPACES_BUCKET: double.bucket,
    SPACES_ACCESS_KEY_ID: double.credentials.accessKeyId,
    SPACES_SECRET_ACCESS_KEY: double.credentials.secretAccessKey,
    ...changes,
  };
  const print = () => undefined;
  const environment = { variables, clock: systemClock, print, printError: print, actor: 'test' };
  const checks = spacesChecks(
    () => openBucket(environment),
    () => database,
  );
  const [report] = await runAreas([{ title: '', checks: [assumed, ...checks] }], 20_000);
  return Object.fromEntries((report?.results ?? []).map(({ check, finding }) => [check.id, finding]));
}

test('a private bucket with versions, of which nothing waits, is well', async () => {
  const { database } = await makeDatabase();

  expect(await look(database)).toMatchObject({
    'spaces-reached': { status: 'well', note: `${double.bucket}, 0 exports of the audit` },
    'spaces-private': { status: 'well' },
    'spaces-versions': { status: 'well' },
    'audit-exported': { status: 'well' },
  });
});

test('a public bucket, one without versions and an export that is late are each said', async () => {
  const { database } = await makeDatabase();
  const twoDaysAgo = new Date(systemClock.now().getTime() - 48 * 3_600_000);
  await database.transaction((transaction) =>
    recordAudit(transaction, [{ actor: 'test', event: 'event' }], twoDaysAgo),
  );
  Object.assign(double, { isPublic: true, isVersioned: false });
  try {
    expect(await look(database)).toMatchObject({
      'spaces-private': { status: 'failed', problem: 'Anybody may list it.' },
      'spaces-versions': { status: 'failed', problem: 'Versioning is off.' },
      'audit-exported': { status: 'failed', problem: expect.stringMatching(/^LATE: /) },
    });
  } finally {
    Object.assign(double, { isPublic: false, isVersioned: true });
  }
});

test('a wrong key and a missing setting are one failure each, and what follows is not tried', async () => {
  const { database } = await makeDatabase();

  expect(await look(database, { SPACES_SECRET_ACCESS_KEY: 'wrong' })).toMatchObject({
    'spaces-reached': { status: 'failed', problem: expect.stringContaining('SPACES_ACCESS_KEY_ID') },
    'spaces-private': { status: 'not-tried' },
    'spaces-versions': { status: 'not-tried' },
  });
  expect(await look(database, { SPACES_BUCKET: '' })).toMatchObject({
    'spaces-reached': { status: 'failed', problem: expect.stringContaining('SPACES_BUCKET') },
  });
});
