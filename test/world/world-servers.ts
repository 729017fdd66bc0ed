// The servers of a local world, each started on what the last world left: the databases with their roles, LiteLLM
// or its fake, and the tenant with its people.

import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Client, escapeIdentifier } from 'pg';
import { Secret } from '../../lib/secret.ts';
import { createDatabase } from '../../lib/store/database.ts';
import { grantAgentFunction, grantBackup, grantDropletAgent, grantPortal } from '../../lib/store/grants.ts';
import { applyMigrations } from '../../lib/store/migrate.ts';
import type { LoggedRequest } from './litellm/request-log.ts';
import { startLiteLLM } from './litellm/start.ts';
import { type FakeLiteLLM, startFakeLiteLLM } from './litellm-fake/start.ts';
import { type Postgres, startPostgres } from './postgres.ts';
import { keepSnapshot } from './snapshot.ts';
import type { Registration } from './tenant/registration.ts';
import type { TenantSeed } from './tenant/state.ts';
import { type RunningTenant, startTenant } from './tenant/tenant.ts';
import type { UsePort } from './world-ports.ts';
import type { WorldSecrets } from './world-secrets.ts';

export type ServerContext = {
  readonly folder: string;
  readonly cacheDir: string;
  readonly secrets: WorldSecrets;
  readonly usePort: UsePort;
  readonly isFresh: boolean;
  readonly log: (line: string) => void;
  /** Each server adds what ends it, as soon as it runs. */
  readonly ends: (() => void | Promise<void>)[];
};

export type WorldLiteLLM = {
  readonly baseUrl: string;
  readonly adminKey: Secret;
  /** The in-process one, in a fast world, with its state, faults and requests. */
  readonly fake: FakeLiteLLM | undefined;
  /** Its log and access log, in a real world. */
  readonly logFile: string | undefined;
  /** Requests answered since this start, oldest first. */
  readRequestLog(): readonly LoggedRequest[];
};

export type WorldDatabases = {
  readonly postgres: Postgres;
  readonly urls: {
    readonly litellm: Secret;
    readonly litellmReader: Secret;
    readonly control: Secret;
    readonly webhook: Secret;
    readonly portal: Secret;
    readonly agent: Secret;
    readonly dropletAgent: Secret;
    readonly backup: Secret;
  };
};

const CONTROL_ROLE = 'control_plane';
const READER_ROLE = 'litellm_reader';
const WEBHOOK_ROLE = 'control_webhook';
const PORTAL_ROLE = 'control_portal';
const AGENT_ROLE = 'control_agent';
/** Of the agent on the droplet. */
const DROPLET_AGENT_ROLE = 'droplet_agent';
const BACKUP_ROLE = 'control_backup';

/** PostgreSQL with the databases `litellm` and `control`; the latter is migrated and owned by a role of its own. */
export async function openDatabases(context: ServerContext): Promise<WorldDatabases> {
  const { folder, usePort, isFresh, log, ends } = context;
  const postgres = await usePort('postgres', (port) =>
    startPostgres({ dir: join(folder, 'postgres'), port, log }),
  );
  ends.push(() => postgres.stop());
  for (const database of ['litellm', 'control']) {
    if (isFresh) await postgres.dropDatabase(database);
    await postgres.createDatabase(database);
  }
  const functionRoles = [WEBHOOK_ROLE, PORTAL_ROLE, BACKUP_ROLE, AGENT_ROLE];
  for (const role of [CONTROL_ROLE, READER_ROLE, ...functionRoles, DROPLET_AGENT_ROLE])
    await postgres.createRole(role);
  await ask(postgres.url('postgres'), `alter database control owner to ${CONTROL_ROLE}`);
  const control = new Secret(postgres.url('control', CONTROL_ROLE));
  const applied = await applyMigrations(control);
  const owner = createDatabase({ url: control });
  try {
    // One after the other: PostgreSQL refuses two grants on one table at the same time.
    await grantPortal(owner, PORTAL_ROLE);
    await grantBackup(owner, BACKUP_ROLE);
    await grantAgentFunction(owner, AGENT_ROLE);
    await grantDropletAgent(owner, DROPLET_AGENT_ROLE);
  } finally {
    await owner.close();
  }
  if (applied.length > 0) log(`Control database: applied ${applied.length} migrations`);
  return {
    postgres,
    urls: {
      litellm: new Secret(postgres.url('litellm')),
      litellmReader: new Secret(postgres.url('litellm', READER_ROLE)),
      control,
      webhook: new Secret(postgres.url('control', WEBHOOK_ROLE)),
      portal: new Secret(postgres.url('control', PORTAL_ROLE)),
      agent: new Secret(postgres.url('control', AGENT_ROLE)),
      dropletAgent: new Secret(postgres.url('control', DROPLET_AGENT_ROLE)),
      backup: new Secret(postgres.url('control', BACKUP_ROLE)),
    },
  };
}

/** The real LiteLLM on its database, readable by the read-only role; or the fake one with what it knew before. */
export async function startWorldLiteLLM(
  context: ServerContext & { readonly mode: 'real' | 'fast'; readonly databases: WorldDatabases },
): Promise<WorldLiteLLM> {
  const { folder, cacheDir, secrets, usePort, log, ends, databases } = context;
  const masterKey = secrets.masterKey.reveal();
  if (context.mode === 'fast') return startKeptFake(context, masterKey);
  const databaseUrl = databases.urls.litellm.reveal();
  const litellm = await usePort('litellm', (port) =>
    startLiteLLM({ cacheDir, workDir: join(folder, 'litellm'), databaseUrl, port, masterKey, log }),
  );
  ends.push(() => litellm.stop());
  await ask(databaseUrl, `grant select on all tables in schema public to ${escapeIdentifier(READER_ROLE)}`);
  return { ...litellm, fake: undefined };
}

async function startKeptFake(
  { folder, usePort, isFresh, log, ends }: ServerContext,
  masterKey: string,
): Promise<WorldLiteLLM> {
  const fake = await usePort('litellm', (port) => startFakeLiteLLM({ masterKey, port }));
  ends.push(() => fake.close());
  const file = join(folder, 'litellm-fake.json');
  const maps = Object.entries(fake.state) as [string, Map<string, unknown>][];
  const kept = isFresh ? undefined : readJson<Record<string, [string, unknown][]>>(file);
  for (const [name, map] of maps) for (const [id, row] of kept?.[name] ?? []) map.set(id, row);
  const value = () => Object.fromEntries(maps.map(([name, map]) => [name, [...map]]));
  ends.push(keepSnapshot({ file, version: () => JSON.stringify(value()), value }));
  log(`LiteLLM: the in-process fake is ready on ${fake.baseUrl}`);
  return {
    baseUrl: fake.baseUrl,
    adminKey: fake.adminKey,
    fake,
    logFile: undefined,
    readRequestLog: () =>
      fake.requests.flatMap(({ status, ...request }) => (status === null ? [] : [{ ...request, status }])),
  };
}

/** The tenant with the people of the last world, or with `seed`. */
export async function startWorldTenant(
  context: ServerContext & {
    readonly application: { readonly tenantId: string; readonly clientId: string };
    readonly seed: TenantSeed | undefined;
    readonly portal: Registration;
  },
): Promise<RunningTenant & { readonly isSeeded: boolean }> {
  const { folder, secrets, usePort, isFresh, log, ends } = context;
  const file = join(folder, 'tenant.json');
  if (isFresh) rmSync(file, { force: true });
  const kept = readJson<TenantSeed>(file);
  const seed = kept ?? context.seed;
  const tenant = await usePort('tenant', (port) =>
    startTenant({
      ...context.application,
      clientSecret: secrets.clientSecret.reveal(),
      portal: context.portal,
      controlToken: secrets.tenantControlToken.reveal(),
      // Microsoft notifies over https only; the functions of this machine have no certificate.
      allowsHttpTargets: true,
      port,
      ...(seed === undefined ? {} : { seed }),
    }),
  );
  ends.push(() => tenant.close());
  const { tenant: people } = tenant;
  const value = (): TenantSeed => ({ users: people.listUsers(), groups: people.listGroups() });
  ends.push(keepSnapshot({ file, version: people.lastSequence, value }));
  log(`Microsoft 365: ${kept === undefined ? 'a new' : 'the last'} company is ready on ${tenant.baseUrl}`);
  return { ...tenant, isSeeded: kept === undefined };
}

function readJson<T>(file: string): T | undefined {
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as T) : undefined;
}

async function ask(url: string, text: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(text);
  } finally {
    await client.end();
  }
}
