// kill -9 of the deployed function at random points, on the real LiteLLM: whatever was done or not, one clean run
// ends in what Entra asks for, with one live key for each person and team.

import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { createEscrowKeyPair } from '../../lib/keys/escrow.ts';
import { verifyAudit } from '../../lib/store/audit.ts';
import type { Database } from '../../lib/store/database.ts';
import { listKeys } from '../../lib/store/keys.ts';
import { buildFunctions } from '../../scripts/build.ts';
import { TELLS_NOBODY, unusedSettings } from '../control/unused-settings.ts';
import { type ControlDatabase, openControlDatabase } from '../store/database-fixture.ts';
import { createLocalFunctionsHost, type LocalFunctionsHost } from '../world/functions-host/host.ts';
import { COMPANY_GROUP_IDS, seedUserId } from '../world/tenant/seed.ts';
import { type RunningTenant, startTenant } from '../world/tenant/tenant.ts';
import { createDatabaseUrl } from './control-database.ts';

const KILLS = 50;
/** A whole run with work to do takes about this long here; some kills come before it begins, some after it ended. */
const LONGEST_DELAY_MS = 900;
const SEED = Number(process.env.KILL_SEED ?? 20261123);

const world = inject('world');
const root = path.resolve(import.meta.dirname, '..', '..');
const application = { tenantId: randomUUID(), clientId: randomUUID(), clientSecret: 'a-secret-of-the-test' };
const opened: Database[] = [];
let control: ControlDatabase;
let tenant: RunningTenant;
let host: LocalFunctionsHost;
let functionsDir: string;

beforeAll(async () => {
  const url = await createDatabaseUrl(world.controlDatabaseUrl);
  control = await openControlDatabase(url, opened);
  functionsDir = await mkdtemp(path.join(tmpdir(), 'lcp-functions-'));
  const policyFile = path.join(functionsDir, 'policy.yml');
  const policy = await readFile(path.join(root, 'test/world/policy.yml'), 'utf8');
  // The guard would hold some of the many leavers, and which ones would depend on the kills.
  await writeFile(
    policyFile,
    policy.replace(/max_count: \d+, max_percent: \d+/g, 'max_count: 1000, max_percent: 100'),
  );
  await buildFunctions({ root, policyFile, outDir: functionsDir });
  tenant = await startTenant(application);
  host = await createLocalFunctionsHost({
    projectFile: path.join(root, 'project.yml'),
    functionsDir,
    schedule: false,
    extraChildEnv: { NODE_EXTRA_CA_CERTS: tenant.caFile },
    env: {
      ...(await unusedSettings()),
      AZURE_TENANT_ID: application.tenantId,
      AZURE_CLIENT_ID: application.clientId,
      AZURE_CLIENT_SECRET: application.clientSecret,
      AZURE_AUTHORITY_HOST: tenant.baseUrl,
      GRAPH_BASE_URL: `${tenant.graphUrl}/v1.0`,
      LITELLM_BASE_URL: world.litellmBaseUrl,
      LITELLM_ADMIN_KEY: world.litellmAdminKey,
      LITELLM_DATABASE_URL: world.litellmDatabaseUrl,
      CONTROL_DATABASE_URL: url.reveal(),
      WEBHOOK_DATABASE_URL: url.reveal(),
      GRAPH_CLIENT_STATE: randomBytes(32).toString('hex'),
      ...TELLS_NOBODY,
      KEY_ESCROW_PUBLIC_KEY: (await createEscrowKeyPair()).publicKey,
    },
  });
}, 120_000);

afterAll(async () => {
  await host?.stop();
  await tenant?.close();
  await Promise.all(opened.map((database) => database.close()));
  await rm(functionsDir, { recursive: true, force: true });
});

test(`${KILLS} kills at random points, then one clean run: the desired state, one live key each, an intact audit`, {
  timeout: 300_000,
}, async () => {
  const random = createRandom(SEED);
  let killed = 0;
  for (let i = 0; i < KILLS; i += 1) {
    // A few joins and leaves before each run, so that there is always work to be cut off in.
    for (let n = 0; n < 4; n += 1) flipMembership(random);
    const { activationId, ended } = host.invoke('control/sync', { trigger: 'manual' });
    await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, random() * LONGEST_DELAY_MS))]);
    if (host.kill(activationId)) killed += 1;
    await ended;
    // A killed run keeps others out for a minute; that minute passes here at once.
    await control.database.query('update leases set expires_at = clock_timestamp()');
  }
  const activation = await host.invoke('control/sync', { trigger: 'manual' }).ended;

  const context = `seed ${SEED}, ${killed} killed, ${JSON.stringify(activation.result)}`;
  expect(activation.result.body, context).toMatchObject({ status: 'succeeded', failed: {}, left: {} });
  expect(killed, context).toBeGreaterThan(KILLS / 2);
  expect(await listLivePairs(), context).toEqual(wantedPairs());
  expect(await listWorkingPairs(), context).toEqual(wantedPairs());
  expect(await verifyAudit(control.database)).toMatchObject({ status: 'intact' });
});

const { product, devops, engineering, admins } = COMPANY_GROUP_IDS;

function flipMembership(random: () => number): void {
  const groupId = [product, devops][Math.floor(random() * 2)] ?? product;
  // Neither the first, who is protected and would stay, nor the last, who is a guest.
  const userId = seedUserId(2 + Math.floor(random() * 23));
  const isMember = tenant.tenant.findGroup(groupId)?.memberIds.includes(userId);
  if (isMember) tenant.tenant.removeMember(groupId, userId);
  else tenant.tenant.addMember(groupId, userId);
}

function wantedPairs(): string[] {
  const people = new Set(
    tenant.tenant
      .listUsers()
      .filter((user) => user.userType === 'Member')
      .map((user) => user.id),
  );
  return [engineering, product, devops, admins]
    .flatMap((teamId) =>
      [...tenant.tenant.listTransitiveMemberIds(teamId)]
        .filter((id) => people.has(id))
        .map((id) => `${teamId}/${id}`),
    )
    .sort();
}

async function listLivePairs(): Promise<string[]> {
  const keys = await listKeys(control.database);
  return keys
    .filter((key) => key.status === 'live')
    .map((key) => `${key.teamId}/${key.userId}`)
    .sort();
}

/** What LiteLLM itself would let in: keys of these teams that are not blocked. */
async function listWorkingPairs(): Promise<string[]> {
  const client = new pg.Client({ connectionString: world.litellmDatabaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ pair: string }>(
      `select team_id || '/' || user_id as pair from "LiteLLM_VerificationToken" where team_id = any($1) and blocked is not true`,
      [[engineering, product, devops, admins]],
    );
    return rows.map((row) => row.pair).sort();
  } finally {
    await client.end();
  }
}

/** mulberry32: small, seeded, good enough to choose moments. */
function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
