// `lcp deploy` against a double of the cloud and a stand-in for doctl: what runs afterwards, and what is said about it.

import { readdirSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { Secret } from '../../lib/secret.ts';
import { applyMigrations } from '../../lib/store/migrate.ts';
import { expectGolden } from '../golden.ts';
import { type Postgres, startPostgres } from '../world/postgres.ts';
import { makeThrowAwayFolder } from '../world/throw-away-folder.ts';
import { type Deployer, FUNCTIONS, makeDeployer, renderProject } from './deploy-fixture.ts';

const folder = makeThrowAwayFolder();
let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres({ dir: folder.path, log: () => undefined });
  await postgres.createDatabase('control');
  await postgres.createDatabase('empty');
  await applyMigrations(new Secret(postgres.url('control')));
});
afterAll(async () => {
  await postgres?.stop();
  folder.remove();
});

async function makeOne(): Promise<Deployer> {
  const deployer = await makeDeployer(postgres.url('control'));
  onTestFinished(() => deployer.stop());
  return deployer;
}

const annotation = ({ cloud }: Deployer, name: string, key: string) =>
  cloud.actions.get(name)?.annotations.find((one) => one.key === key)?.value;
const codeOf = ({ cloud }: Deployer, name: string) =>
  Buffer.from(String(cloud.actions.get(name)?.exec.code), 'base64').toString();
const isWhole = (deployer: Deployer, code: string) => {
  expect(FUNCTIONS.map((name) => codeOf(deployer, name))).toEqual(FUNCTIONS.map((name) => `${code} ${name}`));
  expect(FUNCTIONS.map((name) => annotation(deployer, name, 'web-export'))).toEqual([false, true, true]);
  expect(FUNCTIONS.map((name) => annotation(deployer, name, 'raw-http'))).toEqual([false, true, true]);
  expect([...deployer.cloud.triggers.values()]).toEqual([
    {
      name: 'sync-every-5-minutes',
      function: 'control/sync',
      is_enabled: true,
      scheduled_details: { cron: '*/5 * * * *', body: {} },
    },
  ]);
};
const writes = ({ cloud }: Deployer) => cloud.requests.filter((request) => !request.startsWith('GET'));
/** Ports and digests are of this run. */
const steady = (text: string) =>
  text
    .replace(/http:\/\/127\.0\.0\.1:\d+/g, 'https://faas.example.com')
    .replace(/\b[0-9a-f]{12}\b/g, (id) => (id === '000000000006' ? id : '<id>'));

test('a first deployment brings every function and trigger, off the web where project.yml says so', async () => {
  const deployer = await makeOne();

  const { code, out } = await deployer.run();

  expect(code).toBe(0);
  isWhole(deployer, 'first');
  expectGolden('deploy-first.txt', steady(out));
});

test('--dry-run shows what would change and changes nothing', async () => {
  const deployer = await makeOne();
  await deployer.run();
  deployer.setCode('second');
  deployer.cloud.triggers.clear();
  const before = writes(deployer).length;

  const { code, out } = await deployer.run({ dryRun: true });

  expect(code).toBe(0);
  expect(writes(deployer)).toHaveLength(before);
  expectGolden('deploy-plan.txt', steady(out));
});

test('without a terminal and without --yes nothing is deployed', async () => {
  const deployer = await makeOne();

  const { code, err } = await deployer.run({ yes: false });

  expect([code, err]).toEqual([1, expect.stringContaining('pass --yes')]);
  expect(writes(deployer)).toEqual([]);
});

test('a second deployment of the same does nothing', async () => {
  const deployer = await makeOne();
  await deployer.run();
  const before = writes(deployer).length;

  const { code, out } = await deployer.run();

  expect(code).toBe(0);
  expect(out).toContain('control/sync (not on the web): as it should be');
  expect(writes(deployer)).toHaveLength(before);
});

test('a changed setting alone is deployed', async () => {
  const deployer = await makeOne();
  await deployer.run();
  deployer.values.LITELLM_ADMIN_KEY = 'sk-another-key-of-the-tests';

  const { code, out } = await deployer.run();

  expect(code).toBe(0);
  expect(out).toContain('its LITELLM_ADMIN_KEY is another');
  expect(out).not.toContain('sk-another');
  const { parameters } = deployer.cloud.actions.get('control/sync') ?? {};
  expect(parameters).toContainEqual({
    key: 'LITELLM_ADMIN_KEY',
    value: 'sk-another-key-of-the-tests',
    init: true,
  });
});

test('what is exported in the terminal does not win over the file', async () => {
  const deployer = await makeOne();
  deployer.variables.LITELLM_ADMIN_KEY = 'sk-forgotten-in-the-terminal';

  const { code } = await deployer.run();

  expect(code).toBe(0);
  const { parameters } = deployer.cloud.actions.get('control/sync') ?? {};
  expect(parameters).toContainEqual({
    key: 'LITELLM_ADMIN_KEY',
    value: 'sk-admin-key-of-the-tests',
    init: true,
  });
});

test('functions and triggers that project.yml does not name are pointed at and left', async () => {
  const deployer = await makeOne();
  await deployer.run();
  const stray = structuredClone(deployer.cloud.actions.get('control/portal'));
  if (stray) deployer.cloud.actions.set('control/old', stray);
  deployer.cloud.triggers.set('old-trigger', {
    name: 'old-trigger',
    function: 'control/old',
    is_enabled: true,
    scheduled_details: { cron: '0 0 * * *' },
  });
  deployer.setCode('second');

  const { code, out } = await deployer.run();

  expect(code).toBe(0);
  expect(out).toContain('function control/old (on the web)');
  expect(out).toContain('trigger old-trigger (starts control/old)');
  expect(deployer.cloud.actions.get('control/old')).toEqual(stray);
  expect(deployer.cloud.triggers.has('old-trigger')).toBe(true);
});

test('a doctl that is connected to another namespace deploys nothing', async () => {
  const deployer = await makeOne();
  deployer.connectTo('fn-of-somebody-else');

  const { code, err } = await deployer.run();

  expect(code).toBe('DEPLOY_REFUSED');
  expect(err).toContain('doctl is connected to fn-of-somebody-else');
  expect(writes(deployer)).toEqual([]);
});

test('a missing doctl is one clear error', async () => {
  const deployer = await makeOne();
  deployer.variables.PATH = '/nowhere';

  const { code, err } = await deployer.run();

  expect([code, err]).toEqual(['DEPLOY_REFUSED', expect.stringContaining('doctl is not installed')]);
});

test('a setting that a function cannot start with, an unset one, and an empty database stop before anything is sent', async () => {
  const deployer = await makeOne();
  const attempt = async (name: string, value: string) => {
    const before = deployer.values[name] ?? '';
    deployer.values[name] = value;
    const { code, err } = await deployer.run();
    deployer.values[name] = before;
    return [code, err];
  };

  expect(await attempt('LITELLM_ADMIN_KEY', 'no-key')).toEqual([
    'CONFIG_INVALID',
    expect.stringContaining('LITELLM_ADMIN_KEY: Expected a LiteLLM key'),
  ]);
  expect(await attempt('GRAPH_CLIENT_STATE', '')).toEqual([
    'CONFIG_INVALID',
    expect.stringContaining('GRAPH_CLIENT_STATE: It is unset or empty'),
  ]);
  expect(await attempt('CONTROL_DATABASE_URL', postgres.url('empty'))).toEqual([
    'STORE_SCHEMA_MISMATCH',
    expect.stringContaining('lcp migrate'),
  ]);
  expect(deployer.cloud.requests).toEqual([]);
});

test('what was deployed is kept with its version, five times at most', async () => {
  const deployer = await makeOne();
  for (const code of ['1', '2', '3', '4', '5', '6', '7']) {
    deployer.setCode(code);
    expect((await deployer.run()).code).toBe(0);
  }

  const kept = readdirSync(path.join(deployer.root, 'dist', 'deployments'), { withFileTypes: true });

  expect(kept.filter((entry) => entry.isDirectory())).toHaveLength(5);
});

test('a step back is a deployment like any other', async () => {
  const deployer = await makeOne();
  await deployer.run();
  deployer.setCode('second');
  deployer.setProject(renderProject(512));
  await deployer.run();
  expect(deployer.cloud.actions.get('control/sync')?.limits.memory).toBe(512);

  deployer.setCode('first');
  deployer.setProject(renderProject());
  const { code } = await deployer.run();

  expect(code).toBe(0);
  isWhole(deployer, 'first');
  expect(deployer.cloud.actions.get('control/sync')?.limits.memory).toBe(256);
});
