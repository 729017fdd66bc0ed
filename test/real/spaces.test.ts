// The bucket, and the daily export of the audit by the built control/backup, on a real Ceph RGW, which is what Spaces
// runs.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { runCli } from '../../lib/cli/lcp.ts';
import { systemClock } from '../../lib/clock.ts';
import { createBucket } from '../../lib/objects/bucket.ts';
import { Secret } from '../../lib/secret.ts';
import { recordAudit } from '../../lib/store/audit.ts';
import type { Database } from '../../lib/store/database.ts';
import { buildFunctions } from '../../scripts/build.ts';
import { unusedSettings } from '../control/unused-settings.ts';
import { describeBucketContract } from '../objects/bucket.contract.ts';
import { openControlDatabase } from '../store/database-fixture.ts';
import { createLocalFunctionsHost } from '../world/functions-host/host.ts';
import { makeBucket } from '../world/make-bucket.ts';
import { type Rgw, startRgw } from '../world/rgw.ts';
import { makeThrowAwayFolder } from '../world/throw-away-folder.ts';
import { createDatabaseUrl } from './control-database.ts';

const folder = makeThrowAwayFolder();
const BUCKET = 'control-plane';
let rgw: Rgw;

beforeAll(async () => {
  rgw = await startRgw(folder.path, ['owner', 'stranger']);
  await makeBucket(rgw, BUCKET);
});
afterAll(async () => {
  await rgw?.stop();
  folder.remove();
});

const options = (user = 0) => ({
  endpoint: rgw.endpoint,
  region: 'us-east-1',
  bucket: BUCKET,
  accessKeyId: new Secret(rgw.users[user]?.accessKeyId ?? ''),
  secretAccessKey: new Secret(rgw.users[user]?.secretAccessKey ?? ''),
});

describeBucketContract('a real Ceph RGW', { options });

test('a user who does not own the bucket can neither read, list nor write it', async () => {
  const stranger = createBucket({ ...options(1), clock: systemClock, timeoutMs: 10_000 });
  const signal = new AbortController().signal;
  for (const call of [
    () => stranger.list('', signal),
    () => stranger.find('audit/x', signal),
    () => stranger.storeOnce('audit/x', Buffer.from('x'), signal),
  ])
    await expect(call()).rejects.toMatchObject({ code: 'OBJECTS_DENIED' });
});

test('two nights of control/backup are two objects, and `lcp audit verify --spaces` finds a past that was rewritten', async () => {
  const functionsDir = await mkdtemp(path.join(tmpdir(), 'lcp-spaces-'));
  const opened: Database[] = [];
  const own = await createDatabaseUrl(inject('world').controlDatabaseUrl);
  const { url, database } = await openControlDatabase(own, opened);
  const root = path.resolve(import.meta.dirname, '..', '..');
  await buildFunctions({ root, policyFile: path.join(root, 'test/world/policy.yml'), outDir: functionsDir });
  const { accessKeyId, secretAccessKey, endpoint, region, bucket } = options();
  const variables = {
    CONTROL_DATABASE_URL: url.reveal(),
    DATA_PLANE_CA: 'none',
    OPERATOR_CLIENT_IDENTITY: 'none',
    BACKUP_DATABASE_URL: url.reveal(),
    SPACES_ENDPOINT: endpoint,
    SPACES_REGION: region,
    SPACES_BUCKET: bucket,
    SPACES_ACCESS_KEY_ID: accessKeyId.reveal(),
    SPACES_SECRET_ACCESS_KEY: secretAccessKey.reveal(),
  };
  const host = await createLocalFunctionsHost({
    projectFile: path.join(root, 'project.yml'),
    functionsDir,
    schedule: false,
    env: { ...(await unusedSettings()), ...variables },
  });
  const append = (count: number) =>
    database.transaction((transaction) =>
      recordAudit(
        transaction,
        Array.from({ length: count }, (_, i) => ({ actor: 'test', event: `event ${i}` })),
        systemClock.now(),
      ),
    );
  const verify = async () => {
    let out = '';
    const print = (text: string) => (out += text);
    const code = await runCli(['audit', 'verify', '--spaces'], {
      variables,
      clock: systemClock,
      print,
      printError: print,
      actor: 'test',
    });
    return `${code} ${out}`;
  };
  try {
    await append(6_000);
    const first = await host.fireTrigger('backup-daily').ended;
    await append(10);
    const second = await host.fireTrigger('backup-daily').ended;
    const intact = await verify();
    await database.query('alter table audit disable trigger audit_append_only');
    await database.query('delete from audit where seq > 6005');
    await append(5);

    expect([first, second].map(({ result }) => result.body)).toMatchObject([
      { audit: { objectCount: 2, rowCount: 6_000 } },
      { audit: { objectCount: 1, rowCount: 10 } },
    ]);
    expect(intact).toMatch(/^0 intact: 3 exports .* 6010 rows,.*continue the exports by 0/s);
    expect(await verify()).toMatch(/^1 .*BROKEN: row 6006 is another one in the export/s);
    const third = await host.fireTrigger('backup-daily').ended;
    expect(JSON.stringify(third.result)).toContain('AUDIT_BROKEN');
  } finally {
    await host.stop();
    await Promise.all(opened.map((one) => one.close()));
    await rm(functionsDir, { recursive: true, force: true });
  }
});
