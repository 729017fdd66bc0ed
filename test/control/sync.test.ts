// control/sync as it is deployed: the built bundle in a child process under the platform's contract, and what it
// answers when it cannot do its work.

import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createEscrowKeyPair } from '../../lib/keys/escrow.ts';
import { acquireLease } from '../../lib/store/lease.ts';
import { listRuns } from '../../lib/store/runs.ts';
import { buildFunctions } from '../../scripts/build.ts';
import { useControlDatabases } from '../store/database-fixture.ts';
import { createLocalFunctionsHost, type LocalFunctionsHost } from '../world/functions-host/host.ts';
import { type FakeLiteLLM, startFakeLiteLLM } from '../world/litellm-fake/start.ts';
import { type RunningTenant, startTenant } from '../world/tenant/tenant.ts';
import { TELLS_NOBODY, unusedSettings } from './unused-settings.ts';

const createControlDatabase = useControlDatabases();
const root = path.resolve(import.meta.dirname, '..', '..');
const application = {
  tenantId: randomUUID(),
  clientId: randomUUID(),
  clientSecret: 'client-secret-plaintext',
};
const hosts: LocalFunctionsHost[] = [];
let functionsDir: string;
let litellm: FakeLiteLLM;
let tenant: RunningTenant;
let settings: Record<string, string>;

beforeAll(async () => {
  functionsDir = await mkdtemp(path.join(tmpdir(), 'lcp-control-'));
  await buildFunctions({ root, policyFile: path.join(root, 'test/world/policy.yml'), outDir: functionsDir });
  litellm = await startFakeLiteLLM({ masterKey: 'sk-master-plaintext' });
  tenant = await startTenant({ ...application, allowsHttpTargets: true });
  settings = {
    AZURE_TENANT_ID: application.tenantId,
    AZURE_CLIENT_ID: application.clientId,
    AZURE_CLIENT_SECRET: application.clientSecret,
    AZURE_AUTHORITY_HOST: tenant.baseUrl,
    GRAPH_BASE_URL: `${tenant.graphUrl}/v1.0`,
    GRAPH_CLIENT_STATE: 'client-state-plaintext-0123456789abcdef',
    WEBHOOK_DATABASE_URL: '',
    LITELLM_BASE_URL: litellm.baseUrl,
    LITELLM_ADMIN_KEY: 'sk-master-plaintext',
    LITELLM_DATABASE_URL: 'none',
    CONTROL_DATABASE_URL: '',
    ...TELLS_NOBODY,
    KEY_ESCROW_PUBLIC_KEY: (await createEscrowKeyPair()).publicKey,
  };
});

afterAll(async () => {
  await Promise.all(hosts.map((host) => host.stop()));
  await Promise.all([litellm?.close(), tenant?.close(), rm(functionsDir, { recursive: true, force: true })]);
});

async function createHost(changes: Record<string, string>): Promise<LocalFunctionsHost> {
  const host = await createLocalFunctionsHost({
    projectFile: path.join(root, 'project.yml'),
    functionsDir,
    schedule: false,
    extraChildEnv: { NODE_EXTRA_CA_CERTS: tenant.caFile },
    env: {
      ...(await unusedSettings()),
      ...settings,
      WEBHOOK_DATABASE_URL: changes.CONTROL_DATABASE_URL,
      ...changes,
    },
  });
  hosts.push(host);
  return host;
}

const run = async (host: LocalFunctionsHost, event = {}) => host.invoke('control/sync', event).ended;

test('its schedule fires it, and it answers the report of a whole run', async () => {
  const { url, database } = await createControlDatabase();
  const host = await createHost({ CONTROL_DATABASE_URL: url.reveal() });

  const activation = await host.fireTrigger('sync-every-5-minutes').ended;

  expect(activation.status).toBe('success');
  expect(activation.result.body).toMatchObject({
    status: 'succeeded',
    trigger: 'schedule',
    done: { create_team: 4, mint_key: 26 },
  });
  expect(await listRuns(database, 5)).toMatchObject([{ status: 'succeeded', trigger: 'schedule' }]);
  expect(activation.logs.join('\n')).toContain('"event":"run_finished"');
});

test('it is not on the web', async () => {
  const { url } = await createControlDatabase();
  const host = await createHost({ CONTROL_DATABASE_URL: url.reveal() });

  expect((await fetch(host.webUrl('control/sync'))).status).toBe(404);
});

test('while another run is at work it ends quietly and changes nothing', async () => {
  const { url, database } = await createControlDatabase();
  await acquireLease(database, 'sync', 'another run', 60_000);
  const activation = await run(await createHost({ CONTROL_DATABASE_URL: url.reveal() }), {
    trigger: 'manual',
  });

  expect(activation).toMatchObject({
    status: 'success',
    result: { body: { status: 'skipped', code: 'LEASE_HELD' } },
  });
  expect(await listRuns(database, 5)).toEqual([]);
});

test.each([
  [
    'wrong settings',
    { AZURE_TENANT_ID: 'not-a-guid', LITELLM_ADMIN_KEY: 'no-prefix-plaintext' },
    'CONFIG_INVALID: The environment has 2 problems',
  ],
  [
    'a control database that is away',
    { CONTROL_DATABASE_URL: 'postgres://control:password-plaintext@127.0.0.1:1/control' },
    'STORE_UNAVAILABLE',
  ],
  ['a LiteLLM that is away', { LITELLM_BASE_URL: 'http://127.0.0.1:1' }, 'GATEWAY_UNAVAILABLE'],
  ['a LiteLLM that refuses the key', { LITELLM_ADMIN_KEY: 'sk-wrong-plaintext' }, 'GATEWAY_DENIED'],
])(
  '%s fail the activation with the code and the next step, and show no secret',
  async (_name, changes, expected) => {
    const { url } = await createControlDatabase();
    const activation = await run(await createHost({ CONTROL_DATABASE_URL: url.reveal(), ...changes }));

    expect(activation.status).toBe('application error');
    expect(JSON.stringify(activation.result)).toContain(expected);
    expect(JSON.stringify(activation)).not.toContain('plaintext');
  },
);

test('an event that names no known trigger is refused before anything is read', async () => {
  const { url } = await createControlDatabase();
  const before = litellm.requests.length;
  const activation = await run(await createHost({ CONTROL_DATABASE_URL: url.reveal() }), {
    trigger: { $ne: null },
  });

  expect(JSON.stringify(activation.result)).toContain('CONFIG_INVALID');
  expect(litellm.requests.length).toBe(before);
});

test('when Entra refuses the credentials nobody is removed and the run says so', async () => {
  const { url } = await createControlDatabase();
  await run(await createHost({ CONTROL_DATABASE_URL: url.reveal() }));
  const activation = await run(
    await createHost({ CONTROL_DATABASE_URL: url.reveal(), AZURE_CLIENT_SECRET: 'wrong-plaintext' }),
  );

  expect(activation.result.body).toMatchObject({
    status: 'partial',
    done: {},
    notices: { group_read_incomplete: 4 },
  });
  expect(JSON.stringify(activation)).not.toContain('plaintext');
});
