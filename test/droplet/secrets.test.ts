// The step that makes the secrets, in a throw-away root: once, readable by root alone, and never a new salt key over
// data that was written with another.

import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type InstallRoot, makeInstallRoot } from './install-root.ts';

const STEP = 'steps/30-secrets';
let root: InstallRoot;

beforeEach(() => {
  root = makeInstallRoot();
});
afterEach(() => root.remove());

const contents = () =>
  Object.fromEntries(readdirSync(root.etc).map((name) => [name, readFileSync(join(root.etc, name), 'utf8')]));
function pretendData(): void {
  const cluster = join(root.data, 'postgres', '18', 'docker');
  mkdirSync(cluster, { recursive: true });
  writeFileSync(join(cluster, 'PG_VERSION'), '18\n');
}

test('every secret is made once: a second run changes no byte', async () => {
  const first = await root.run(STEP);
  const made = contents();
  const second = await root.run(STEP);

  expect([first.status, second.status]).toEqual([0, 0]);
  expect(contents()).toEqual(made);
  expect(Object.keys(made).sort()).toEqual([
    'admin-key.env',
    'agent-database-url',
    'droplet.env',
    'litellm.env',
    'postgres.env',
    'providers.env',
    'roles.env',
    'valkey.env',
  ]);
});

test('the secrets are all different, long, and readable by root alone, and none is printed', async () => {
  const { stdout, stderr } = await root.run(STEP);

  const roles = root.readVariables('roles.env');
  const { LITELLM_MASTER_KEY, LITELLM_SALT_KEY } = root.readVariables('litellm.env');
  const { LITELLM_ADMIN_KEY } = root.readVariables('admin-key.env');
  const secrets = [...Object.values(roles), LITELLM_MASTER_KEY, LITELLM_SALT_KEY, LITELLM_ADMIN_KEY];
  expect(Object.keys(roles)).toHaveLength(8);
  expect(new Set(secrets).size).toBe(secrets.length);
  expect(secrets.filter((secret) => !/^(sk-(salt-)?)?[0-9a-f]{64}$/.test(secret ?? ''))).toEqual([]);
  const written = readdirSync(root.etc).filter((name) => name !== 'droplet.env');
  expect(written.filter((name) => (statSync(join(root.etc, name)).mode & 0o777) !== 0o600)).toEqual([]);
  expect(stdout + stderr).toBe('');
});

test('what an Admin added to LiteLLM’s settings stays', async () => {
  await root.run(STEP);
  const file = join(root.etc, 'litellm.env');
  writeFileSync(file, `${readFileSync(file, 'utf8')}LITELLM_LOG=DEBUG\n`);
  const before = root.readVariables('litellm.env');

  await root.run(STEP);

  expect(root.readVariables('litellm.env')).toEqual(before);
});

test('what a run that was cut off left is completed, and what was there is kept', async () => {
  await root.run(STEP);
  const made = contents();
  rmSync(join(root.etc, 'valkey.env'));
  const lines = (made['roles.env'] ?? '').split('\n');
  writeFileSync(join(root.etc, 'roles.env'), lines.slice(0, 3).join('\n'));

  await root.run(STEP);

  const roles = root.readVariables('roles.env');
  expect(Object.keys(roles)).toHaveLength(8);
  expect(roles.CONTROL_PLANE_PASSWORD).toBe(lines[2]?.split('=')[1]);
  expect(contents()['litellm.env']).toBe(made['litellm.env']);
});

test('the vendors’ keys that the Admin wrote stay', async () => {
  writeFileSync(join(root.etc, 'providers.env'), 'OPENAI_API_KEY=sk-real\n');

  await root.run(STEP);

  expect(root.readVariables('providers.env')).toEqual({ OPENAI_API_KEY: 'sk-real' });
});

test('no salt key is made while the Volume holds a database, and the step says what to do', async () => {
  pretendData();

  const { status, stderr } = await root.run(STEP);

  expect(status).toBe(1);
  expect(stderr).toContain('LITELLM_SALT_KEY is missing');
  expect(stderr).toContain('from your recovery secrets');
  expect(readdirSync(root.etc)).toEqual(['droplet.env']);
});

test('a lost file of a running stack does not cost the salt key: it is restored and fits', async () => {
  await root.run(STEP);
  pretendData();
  const { LITELLM_SALT_KEY = '' } = root.readVariables('litellm.env');
  rmSync(join(root.etc, 'litellm.env'));

  const without = await root.run(STEP);
  writeFileSync(join(root.etc, 'litellm.env'), 'LITELLM_SALT_KEY=sk-salt-of-another\n');
  const withAnother = await root.run(STEP);
  writeFileSync(join(root.etc, 'litellm.env'), `LITELLM_SALT_KEY=${LITELLM_SALT_KEY}\n`);
  const withTheRight = await root.run(STEP);

  expect([without.status, withAnother.status, withTheRight.status]).toEqual([1, 1, 0]);
  expect(withAnother.stderr).toContain('is not the one that the database');
  expect(root.readVariables('litellm.env').LITELLM_SALT_KEY).toBe(LITELLM_SALT_KEY);
});

test('beside the data lies the digest of the salt key, not the key', async () => {
  await root.run(STEP);

  const { LITELLM_SALT_KEY = '' } = root.readVariables('litellm.env');
  const record = readFileSync(join(root.data, 'salt-key.sha256'), 'utf8').trim();
  expect(record).toBe(createHash('sha256').update(LITELLM_SALT_KEY).digest('hex'));
});
