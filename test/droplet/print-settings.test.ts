// What `lcp provision` reads over SSH: whole or nothing, and as the settings of the functions parse it.

import { X509Certificate } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DATA_PLANE_VARIABLES } from '../../lib/settings/data-plane.ts';
import { type InstallRoot, makeInstallRoot, PUBLIC_HOST } from './install-root.ts';

let root: InstallRoot;

beforeAll(async () => {
  root = makeInstallRoot();
  await root.run('steps/30-secrets');
  await root.run('issue-certificates');
  await root.run('steps/75-agent', {}, [root.standIns]);
});
afterAll(() => root.remove());

const parse = (text: string) =>
  new Map(
    text
      .trimEnd()
      .split('\n')
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );

test('the settings name the hosts, the roles and the databases of this droplet', async () => {
  const { status, stdout } = await root.run('print-settings');

  const settings = parse(stdout);
  const urls = [...settings].filter(([name]) => name.endsWith('_DATABASE_URL'));
  expect(status).toBe(0);
  expect(settings.get('PUBLIC_BASE_URL')).toBe(`https://${PUBLIC_HOST}`);
  expect(settings.get('LITELLM_BASE_URL')).toBe(`https://control.${PUBLIC_HOST}`);
  expect(settings.get('LITELLM_ADMIN_KEY')).toMatch(/^sk-[0-9a-f]{64}$/);
  expect(
    urls.map(([name, text]) => {
      const url = new URL(text);
      expect([url.protocol, url.host]).toEqual(['postgres:', `db.${PUBLIC_HOST}:443`]);
      expect(url.password).toBe(root.readVariables('roles.env')[`${url.username.toUpperCase()}_PASSWORD`]);
      return [name, url.username, url.pathname];
    }),
  ).toEqual([
    ['LITELLM_DATABASE_URL', 'litellm_reader', '/litellm'],
    ['CONTROL_DATABASE_URL', 'control_plane', '/control'],
    ['WEBHOOK_DATABASE_URL', 'control_webhook', '/control'],
    ['PORTAL_DATABASE_URL', 'control_portal', '/control'],
    ['AGENT_DATABASE_URL', 'control_agent', '/control'],
    ['BACKUP_DATABASE_URL', 'control_backup', '/control'],
  ]);
});

test('authority and identities come as base64 in one line, each with its own key', async () => {
  const settings = parse((await root.run('print-settings')).stdout);
  const decode = (name: string) => Buffer.from(settings.get(name) ?? '', 'base64').toString();

  const authority = new X509Certificate(decode('DATA_PLANE_CA'));
  const identities = [...settings.keys()].filter((name) => name.endsWith('_CLIENT_IDENTITY'));
  expect(identities.map((name) => [name, new X509Certificate(decode(name)).subject])).toEqual([
    ['SYNC_CLIENT_IDENTITY', 'CN=control-sync'],
    ['WEBHOOK_CLIENT_IDENTITY', 'CN=control-webhook'],
    ['PORTAL_CLIENT_IDENTITY', 'CN=control-portal'],
    ['AGENT_CLIENT_IDENTITY', 'CN=control-agent'],
    ['BACKUP_CLIENT_IDENTITY', 'CN=control-backup'],
    ['OPERATOR_CLIENT_IDENTITY', 'CN=operator'],
  ]);
  for (const name of identities) {
    expect(decode(name)).toContain('-----BEGIN PRIVATE KEY-----');
    expect(new X509Certificate(decode(name)).verify(authority.publicKey)).toBe(true);
  }
});

test('every setting that says where the data plane is and with what it is opened is printed, in the form it is parsed in', async () => {
  const settings = parse((await root.run('print-settings')).stdout);

  for (const [name, { schema }] of Object.entries(DATA_PLANE_VARIABLES)) {
    expect([name, schema.safeParse(settings.get(name)).success]).toEqual([name, true]);
  }
});

test('no value holds what project.yml cannot carry, and the person is told that all of it is secret', async () => {
  const { stdout, stderr } = await root.run('print-settings');

  expect([...parse(stdout).values()].filter((value) => value === '' || /['"\s$\\]/.test(value))).toEqual([]);
  expect(stderr).toContain('is secret');
});

test('the salt key, the master key and the authority’s key are not among them', async () => {
  const { stdout } = await root.run('print-settings');
  const { LITELLM_SALT_KEY = '-', LITELLM_MASTER_KEY = '-' } = root.readVariables('litellm.env');

  expect(stdout).not.toContain(LITELLM_SALT_KEY);
  expect(stdout).not.toContain(LITELLM_MASTER_KEY);
  expect(Buffer.from(parse(stdout).get('DATA_PLANE_CA') ?? '', 'base64').toString()).not.toContain('PRIVATE');
});

test('with a part missing nothing is printed, and the next step is said', async () => {
  rmSync(join(root.etc, 'identities', 'operator.pem'));

  const { status, stdout, stderr } = await root.run('print-settings');

  expect([status, stdout]).toEqual([1, '']);
  expect(stderr).toContain('Run install/install.sh to its end first.');
});
