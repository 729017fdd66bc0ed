// What the benches of whole runs need: PostgreSQL, the real LiteLLM and a tenant of their own, apart from the local
// world and the tests, and the settings that join them. LiteLLM starts on an empty database every time.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { createEscrowKeyPair } from '../../lib/keys/escrow.ts';
import { Secret } from '../../lib/secret.ts';
import { applyMigrations } from '../../lib/store/migrate.ts';
import { digestOfClientState, subscriptionTarget } from '../../lib/sync/keep-subscriptions.ts';
import { claimFolder } from '../world/claim-folder.ts';
import { type LiteLLM, startLiteLLM } from '../world/litellm/start.ts';
import { type Postgres, startPostgres } from '../world/postgres.ts';
import type { TenantSeed } from '../world/tenant/state.ts';
import { type RunningTenant, startTenant } from '../world/tenant/tenant.ts';
import type { BenchContext } from './bench.ts';
import { bundleProgram } from './bundle-program.ts';

export type Servers = {
  readonly litellm: LiteLLM;
  readonly postgres: Postgres;
  /** PostgreSQL's own log; see statement-log. */
  readonly postgresLogFile: string;
  readonly litellmDatabaseUrl: string;
  /** For a role that may only read. */
  readonly litellmReaderUrl: string;
  readonly escrowPublicKey: string;
  /** An empty, migrated control database. */
  createControlDatabase(name: string): Promise<string>;
  startTenant(seed: TenantSeed): Promise<RunningTenant>;
  /** Bundled anew for this start; see sync-process. */
  readonly syncProgram: string;
  stop(): Promise<void>;
};

export const APPLICATION = {
  tenantId: '11111111-0000-4000-8000-000000000001',
  clientId: '11111111-0000-4000-8000-000000000002',
  clientSecret: 'client-secret-of-the-bench',
} as const;

/** What the runs are told of their webhook; nobody posts to it. */
export const NOTIFIED = {
  GRAPH_CLIENT_STATE: 'client-state-of-the-bench-0123456789',
  DO_API_HOST: 'http://127.0.0.1:9',
  DO_NAMESPACE: 'bench',
} as const;

const MASTER_KEY = 'sk-master-of-the-bench';
const READER_ROLE = 'litellm_reader';
/** Graph's own, so that the number of calls is Graph's as well. */
const TENANT_PAGE_SIZE = 999;

/** Starts all; what has started is stopped when the rest cannot be. */
export async function startServers({ workDir, cacheDir, log }: BenchContext): Promise<Servers> {
  const dir = join(workDir, 'postgres');
  await mkdir(dir, { recursive: true });
  const ends: (() => void | Promise<void>)[] = [await claimFolder(dir)];
  const stop = async () => {
    for (const end of ends.splice(0).reverse()) await end();
  };
  try {
    const postgres = await startPostgres({ dir, log });
    ends.push(() => postgres.stop());
    await postgres.dropDatabase('litellm');
    await postgres.createDatabase('litellm');
    await postgres.createRole(READER_ROLE);
    const litellm = await startLiteLLM({
      cacheDir,
      workDir: join(workDir, 'litellm'),
      databaseUrl: postgres.url('litellm'),
      masterKey: MASTER_KEY,
      log,
    });
    ends.push(() => litellm.stop());
    await runSql(postgres.url('litellm'), `grant select on all tables in schema public to ${READER_ROLE}`);
    const { publicKey } = await createEscrowKeyPair();
    const syncProgram = await bundleProgram('sync-child', workDir);
    return {
      litellm,
      postgres,
      postgresLogFile: join(dir, 'postgres.log'),
      litellmDatabaseUrl: postgres.url('litellm'),
      litellmReaderUrl: postgres.url('litellm', READER_ROLE),
      escrowPublicKey: publicKey,
      syncProgram,
      createControlDatabase: async (name) => {
        await postgres.dropDatabase(name);
        await postgres.createDatabase(name);
        await applyMigrations(new Secret(postgres.url(name)));
        await insertSubscriptions(postgres.url(name));
        return postgres.url(name);
      },
      startTenant: async (seed) => {
        const tenant = await startTenant({ ...APPLICATION, seed, pageSize: TENANT_PAGE_SIZE });
        ends.push(() => tenant.close());
        return tenant;
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** As if Microsoft notified us already: a run then has no reason to look at its subscriptions. */
async function insertSubscriptions(url: string): Promise<void> {
  const clientState = new Secret(NOTIFIED.GRAPH_CLIENT_STATE);
  const target = subscriptionTarget(NOTIFIED.DO_API_HOST, NOTIFIED.DO_NAMESPACE, [clientState]);
  await runSql(
    url,
    `insert into subscriptions (subscription_id, resource, notification_url, client_state_digest, expires_at)
     select gen_random_uuid(), resource, $1, $2, now() + interval '3 days' from unnest(array['groups', 'users']) as resource`,
    [target.notificationUrl, digestOfClientState(clientState)],
  );
  await runSql(url, 'update subscription_checks set checked_at = now()');
}

/** Runs `text`, one or several statements, and ends the connection. */
export async function runSql(url: string, text: string, values?: readonly unknown[]): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(text, values === undefined ? undefined : [...values]);
  } finally {
    await client.end();
  }
}
