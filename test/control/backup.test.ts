import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import { recordAudit } from '../../lib/store/audit.ts';
import { createDatabase } from '../../lib/store/database.ts';
import { grantBackup } from '../../lib/store/grants.ts';
import { useControlDatabases } from '../store/database-fixture.ts';
import { createGrantedUrl } from '../store/granted-role.ts';
import { createLocalFunctionsHost, type LocalFunctionsHost } from '../world/functions-host/host.ts';
import { type S3Double, startS3Double } from '../world/s3/double.ts';
import { useBuiltFunctions } from './built-functions.ts';
import { unusedSettings } from './unused-settings.ts';

const createControlDatabase = useControlDatabases();
const root = path.resolve(import.meta.dirname, '..', '..');
const hosts: LocalFunctionsHost[] = [];
const functionsDir = useBuiltFunctions();
let spaces: S3Double;

beforeAll(async () => {
  const credentials = { accessKeyId: 'AKBACKUP', secretAccessKey: 'spaces-secret-plaintext' };
  spaces = await startS3Double({ credentials });
});
afterAll(async () => {
  await Promise.all(hosts.map((host) => host.stop()));
  await spaces?.close();
});

async function createWorld(changes: Readonly<Record<string, string>> = {}) {
  const { url, database } = await createControlDatabase();
  const entries = Array.from({ length: 3 }, (_, i) => ({ actor: 'test', event: `event ${i}` }));
  await database.transaction((transaction) => recordAudit(transaction, entries, systemClock.now()));
  const backupUrl = await createGrantedUrl(database, url, grantBackup);
  const host = await createLocalFunctionsHost({
    projectFile: path.join(root, 'project.yml'),
    functionsDir: functionsDir(),
    schedule: false,
    env: {
      ...(await unusedSettings()),
      BACKUP_DATABASE_URL: backupUrl.reveal(),
      SPACES_ENDPOINT: spaces.endpoint,
      SPACES_REGION: 'fra1',
      SPACES_BUCKET: spaces.bucket,
      SPACES_ACCESS_KEY_ID: spaces.credentials.accessKeyId,
      SPACES_SECRET_ACCESS_KEY: spaces.credentials.secretAccessKey,
      ...changes,
    },
  });
  hosts.push(host);
  return { host, backupUrl };
}

test('its schedule fires it, the audit is in Spaces, and a second invocation finds nothing to do', async () => {
  const { host } = await createWorld();

  const first = await host.fireTrigger('backup-daily').ended;
  const second = await host.invoke('control/backup', {}).ended;

  expect(first.result.body).toEqual({
    audit: { objectCount: 1, rowCount: 3, headSeq: '3', isComplete: true },
  });
  expect(second.result.body).toMatchObject({ audit: { objectCount: 0, headSeq: '3' } });
  expect([...spaces.objects.keys()]).toEqual(['audit/0000000000000000001-0000000000000000003.jsonl']);
  expect(first.logs.join('\n')).toContain('"event":"audit_export_finished"');
});

test('it is not on the web', async () => {
  const { host } = await createWorld();

  expect((await fetch(host.webUrl('control/backup'))).status).toBe(404);
});

test('its role reads the audit and notes exports, and can change, decide or read nothing else', async () => {
  const { backupUrl } = await createWorld();
  const database = createDatabase({ url: backupUrl });
  try {
    expect((await database.query('select from audit')).rowCount).toBe(3);
    for (const statement of [
      `insert into audit (seq) values (9)`,
      'update audit set event = event',
      'delete from audit_exports',
      'update audit_exports set head_seq = head_seq',
      'select from keys',
      'select from directory_users',
      'select from leases',
      'select from quarantines',
    ])
      await expect(database.query(statement), statement).rejects.toMatchObject({ code: '42501' });
  } finally {
    await database.close();
  }
});

test.each([
  [
    'wrong settings',
    { SPACES_BUCKET: 'UPPER_case', SPACES_ENDPOINT: 'nowhere' },
    'CONFIG_INVALID: The environment has 2 problems',
  ],
  [
    'a control database that is away',
    { BACKUP_DATABASE_URL: 'postgres://b:password-plaintext@127.0.0.1:1/control' },
    'STORE_UNAVAILABLE',
  ],
  ['a wrong Spaces key', { SPACES_SECRET_ACCESS_KEY: 'wrong-plaintext' }, 'OBJECTS_DENIED'],
  ['a bucket that is not there', { SPACES_BUCKET: 'no-such-bucket' }, 'OBJECTS_DENIED'],
])(
  '%s fail the activation with the code and the next step, and show no secret',
  async (_what, changes, expected) => {
    const { host } = await createWorld(changes as Record<string, string>);

    const activation = await host.invoke('control/backup', {}).ended;

    expect(activation.status).toBe('application error');
    expect(JSON.stringify(activation.result)).toContain(expected);
    expect(JSON.stringify(activation)).not.toContain('plaintext');
  },
);
