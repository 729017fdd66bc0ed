// The local world: Microsoft 365, PostgreSQL, LiteLLM and the functions host on this machine, joined by the settings
// a deployment would have. A second start finds everything as the last one left it: people, databases and keys
// persist together in one folder, because the one without the others would look like a company that changed overnight.

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Clock, systemClock } from '../../lib/clock.ts';
import type { SYNC_SETTINGS } from '../../lib/composition.ts';
import {
  type AGENT_SETTINGS,
  type BACKUP_SETTINGS,
  type PORTAL_SETTINGS,
  parseSettings,
  SPACES_SETTINGS,
  type VariableName,
  type WEBHOOK_SETTINGS,
} from '../../lib/config.ts';
import { createLog } from '../../lib/log.ts';
import type { Bucket } from '../../lib/objects/bucket.ts';
import { createSpacesBucket } from '../../lib/objects/spaces.ts';
import { parsePolicyText } from '../../lib/policy/policy.ts';
import type { Policy } from '../../lib/policy/schema.ts';
import { CALLBACK, HOME } from '../../lib/portal/return-to.ts';
import type { Secret } from '../../lib/secret.ts';
import { buildFunctions } from '../../scripts/build.ts';
import { readAgentPublicKey, startWorldAgent, type WorldAgent } from './agent.ts';
import { callModel, type ModelAnswer } from './call-model.ts';
import { claimFolder } from './claim-folder.ts';
import { createLocalFunctionsHost, type LocalFunctionsHost } from './functions-host/host.ts';
import type { Postgres } from './postgres.ts';
import { startPublicSite } from './public-site.ts';
import { type S3Double, startS3Double } from './s3/double.ts';
import { type SyncOutcome, syncNow } from './sync-now.ts';
import { startTeamsChannel, type TeamsChannel } from './teams/channel.ts';
import { COMPANY_GROUP_IDS } from './tenant/seed.ts';
import type { TenantSeed } from './tenant/state.ts';
import type { RunningTenant } from './tenant/tenant.ts';
import { createPortChooser, type UsePort, type WorldPorts } from './world-ports.ts';
import { readWorldSecrets } from './world-secrets.ts';
import { openDatabases, startWorldLiteLLM, startWorldTenant, type WorldLiteLLM } from './world-servers.ts';

export type WorldMode = 'real' | 'fast';

export type WorldOptions = {
  /** Keeps the world; `.world` of the checkout by default. */
  readonly stateDir?: string;
  /** Its folder there; the mode by default. Worlds of different names can run side by side. */
  readonly name?: string;
  /** `fast` has the in-process LiteLLM. Each mode has a world of its own in the folder. */
  readonly mode: WorldMode;
  /** Receives each line of progress. */
  readonly log: (line: string) => void;
  /** Wishes, any free port without one; a port that is taken is replaced, and `log` says so. */
  readonly ports?: Partial<WorldPorts>;
  /** Whether control/sync also runs every five minutes. */
  readonly schedule: boolean;
  /** Whether the droplet's agent runs and reports; not unless asked. */
  readonly withAgent?: boolean;
  /** The company of a fresh world; 25 people by default. */
  readonly seed?: TenantSeed;
  readonly policyFile?: string;
  /** Forgets what the last world left. */
  readonly fresh?: boolean;
  readonly clock?: Clock;
};

export type WorldEnvironment = Readonly<
  Record<
    | (typeof SYNC_SETTINGS)[number]
    | (typeof WEBHOOK_SETTINGS)[number]
    | (typeof PORTAL_SETTINGS)[number]
    | (typeof AGENT_SETTINGS)[number]
    | (typeof BACKUP_SETTINGS)[number]
    | Extract<VariableName, 'KEY_ESCROW_PRIVATE_KEY' | 'OPERATOR_CLIENT_IDENTITY'>
    | 'NODE_EXTRA_CA_CERTS',
    string
  >
>;

export type World = {
  readonly mode: WorldMode;
  readonly isFirstStart: boolean;
  /** Starts something more, such as the console, on the port wished for it. */
  readonly usePort: UsePort;
  readonly addresses: {
    readonly litellm: string;
    readonly functions: string;
    readonly tenant: string;
    readonly postgres: string;
    /** The portal on the public site. */
    readonly portal: string;
    readonly teams: string;
  };
  readonly tenant: RunningTenant;
  readonly teams: TeamsChannel;
  readonly spaces: S3Double;
  readonly litellm: WorldLiteLLM;
  readonly postgres: Postgres;
  readonly host: LocalFunctionsHost;
  /** In a world that was asked for one. */
  readonly agent: WorldAgent | undefined;
  readonly policy: Policy;
  readonly secrets: { readonly escrowPublicKey: string; readonly escrowPrivateKey: Secret };
  /** What control/sync and `lcp` need to work on this world, as environment variables. */
  readonly environment: WorldEnvironment;
  /** The same, as a file for `node --env-file`, readable by its owner; gone after stop(). */
  readonly environmentFile: string;
  readonly controlDatabaseUrl: Secret;
  /** Invokes control/sync through the functions API and waits for its end. */
  syncNow(): Promise<SyncOutcome>;
  /** Resolves when Microsoft has nothing left to notify and no function is at work. */
  quiet(): Promise<void>;
  /** Spaces, as control/backup sees it. */
  openBucket(): Bucket;
  /** Asks LiteLLM for a completion with `key`. */
  callModel(request: { readonly key: Secret; readonly model: string }): Promise<ModelAnswer>;
  /** Ends everything this world started. A repeat waits for the same end. */
  stop(): Promise<void>;
};

const ROOT = resolve(import.meta.dirname, '..', '..');
const APPLICATION = {
  tenantId: '11111111-0000-4000-8000-000000000001',
  clientId: '11111111-0000-4000-8000-000000000002',
};
const PORTAL_CLIENT_ID = '11111111-0000-4000-8000-000000000003';

/** Starts the world and resolves when all of it answers; what it has started ends when it cannot be completed. */
export async function startWorld(options: WorldOptions): Promise<World> {
  const { mode, clock = systemClock } = options;
  const cacheDir = resolve(options.stateDir ?? join(ROOT, '.world'), 'cache');
  const folder = resolve(options.stateDir ?? join(ROOT, '.world'), options.name ?? mode);
  const policyFile = options.policyFile ?? join(import.meta.dirname, 'policy.yml');
  const policy = parsePolicyText(readFileSync(policyFile, 'utf8'));
  const startedAt = clock.now().getTime();
  const log = (line: string) => options.log(`${elapsed(clock.now().getTime() - startedAt)}  ${line}`);

  mkdirSync(folder, { recursive: true });
  const ends: (() => void | Promise<void>)[] = [await claimFolder(folder)];
  const stop = once(() => endAll(ends));
  try {
    const secrets = await readWorldSecrets(join(folder, 'secrets.json'));
    const usePort = createPortChooser(options.ports ?? {}, log);
    const isFresh = options.fresh ?? false;
    const functionsDir = join(folder, 'functions');
    const context = { folder, cacheDir, secrets, usePort, isFresh, log, ends };

    const site = await usePort('site', startPublicSite);
    ends.push(() => site.close());
    const teams = await usePort('teams', (port) =>
      startTeamsChannel(port, { signature: secrets.teamsSignature.reveal(), now: () => clock.now() }),
    );
    ends.push(() => teams.close());
    const spaces = await usePort('spaces', (port) => {
      const credentials = { accessKeyId: 'AKWORLD', secretAccessKey: secrets.spacesSecret.reveal() };
      const dir = join(folder, 'spaces');
      if (isFresh) rmSync(dir, { recursive: true, force: true });
      return startS3Double({ port, credentials, dir, clock });
    });
    ends.push(() => spaces.close());
    const portal = {
      clientId: PORTAL_CLIENT_ID,
      clientSecret: secrets.portalClientSecret.reveal(),
      redirectUris: [`${site.url}${CALLBACK}`],
      appRoles: { [COMPANY_GROUP_IDS.admins]: 'Admin', [COMPANY_GROUP_IDS.devops]: 'DevOps' },
    };

    const [tenant, { postgres, urls, litellm }] = await settleAll([
      startWorldTenant({ ...context, application: APPLICATION, portal, seed: options.seed }),
      openDatabases(context).then(async (databases) => ({
        ...databases,
        litellm: await startWorldLiteLLM({ ...context, mode, databases }),
      })),
      buildWorldFunctions(functionsDir, policyFile).then(() => log('Functions: built')),
    ]);

    const settings = {
      AZURE_TENANT_ID: APPLICATION.tenantId,
      AZURE_CLIENT_ID: APPLICATION.clientId,
      AZURE_CLIENT_SECRET: secrets.clientSecret.reveal(),
      AZURE_AUTHORITY_HOST: tenant.baseUrl,
      GRAPH_BASE_URL: `${tenant.graphUrl}/v1.0`,
      GRAPH_CLIENT_STATE: secrets.graphClientState.reveal(),
      LITELLM_BASE_URL: litellm.baseUrl,
      LITELLM_ADMIN_KEY: litellm.adminKey.reveal(),
      LITELLM_DATABASE_URL: mode === 'real' ? urls.litellmReader.reveal() : 'none',
      CONTROL_DATABASE_URL: urls.control.reveal(),
      WEBHOOK_DATABASE_URL: urls.webhook.reveal(),
      DATA_PLANE_CA: 'none',
      SYNC_CLIENT_IDENTITY: 'none',
      WEBHOOK_CLIENT_IDENTITY: 'none',
      PORTAL_CLIENT_IDENTITY: 'none',
      BACKUP_CLIENT_IDENTITY: 'none',
      AGENT_CLIENT_IDENTITY: 'none',
      KEY_ESCROW_PUBLIC_KEY: secrets.escrowPublicKey,
      PUBLIC_BASE_URL: site.url,
      PORTAL_CLIENT_ID: portal.clientId,
      PORTAL_CLIENT_SECRET: portal.clientSecret,
      PORTAL_SESSION_KEY: secrets.portalSessionKey.reveal(),
      PORTAL_DATABASE_URL: urls.portal.reveal(),
      AGENT_PUBLIC_KEY: readAgentPublicKey(folder),
      AGENT_DATABASE_URL: urls.agent.reveal(),
      APPROVAL_LINK_KEY: secrets.approvalLinkKey.reveal(),
      TEAMS_WEBHOOK_URL: teams.webhookUrl,
      BACKUP_DATABASE_URL: urls.backup.reveal(),
      SPACES_ENDPOINT: spaces.endpoint,
      SPACES_REGION: 'fra1',
      SPACES_BUCKET: spaces.bucket,
      SPACES_ACCESS_KEY_ID: spaces.credentials.accessKeyId,
      SPACES_SECRET_ACCESS_KEY: spaces.credentials.secretAccessKey,
    };
    const write = (line: string) => writeFileSync(join(folder, 'functions.log'), line, { flag: 'a' });
    const host = await usePort('functions', (port) =>
      createLocalFunctionsHost({
        projectFile: join(ROOT, 'project.yml'),
        functionsDir,
        env: settings,
        extraChildEnv: { NODE_EXTRA_CA_CERTS: tenant.caFile },
        schedule: options.schedule,
        port,
        clock,
        log: createLog({}, { write }),
      }),
    );
    ends.push(() => host.stop());
    site.connect(host.webUrl('control/portal'));
    log(`Functions: ready on ${host.apiHost}`);
    const url = host.webUrl('control/agent');
    const agent = options.withAgent
      ? await startWorldAgent({ folder, url, databaseUrl: urls.dropletAgent, clock })
      : undefined;
    if (agent) ends.push(() => agent.stop());

    const environment: WorldEnvironment = {
      ...settings,
      OPERATOR_CLIENT_IDENTITY: 'none',
      KEY_ESCROW_PRIVATE_KEY: secrets.escrowPrivateKey.reveal(),
      DO_API_HOST: host.apiHost,
      DO_NAMESPACE: host.namespace,
      DO_FUNCTIONS_KEY: host.key.reveal(),
      NODE_EXTRA_CA_CERTS: tenant.caFile,
    };
    const environmentFile = join(folder, 'world.env');
    writeEnvironment(environmentFile, environment);
    ends.push(() => rmSync(environmentFile, { force: true }));

    return {
      mode,
      isFirstStart: tenant.isSeeded,
      usePort,
      addresses: {
        litellm: litellm.baseUrl,
        functions: host.apiHost,
        tenant: tenant.baseUrl,
        postgres: `127.0.0.1:${postgres.port}`,
        portal: `${site.url}${HOME}`,
        teams: teams.url,
      },
      tenant,
      teams,
      spaces,
      litellm,
      postgres,
      host,
      agent,
      policy,
      secrets,
      environment,
      environmentFile,
      controlDatabaseUrl: urls.control,
      syncNow: () => syncNow(host),
      quiet: () => untilQuiet(tenant, host),
      openBucket: () => createSpacesBucket(parseSettings(SPACES_SETTINGS, settings), clock),
      callModel: (request) => callModel(litellm.baseUrl, request),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function untilQuiet({ deliveries }: RunningTenant, host: LocalFunctionsHost): Promise<void> {
  do {
    await deliveries.settled();
    await Promise.all(host.running().map((activationId) => host.ended(activationId)));
  } while (host.running().length > 0);
}

async function buildWorldFunctions(functionsDir: string, policyFile: string): Promise<void> {
  await buildFunctions({ root: ROOT, policyFile, outDir: functionsDir });
  // The platform unpacks a bundle into a folder of its own; ours lies inside a package of ES modules.
  writeFileSync(join(functionsDir, 'package.json'), '{"type":"commonjs"}');
}

/** Waits for all, so that nothing is still starting when a failure ends the world; then the first failure, if any. */
async function settleAll<T extends readonly unknown[]>(
  work: {
    readonly [K in keyof T]: Promise<T[K]>;
  },
): Promise<T> {
  await Promise.allSettled(work);
  return (await Promise.all(work)) as unknown as T;
}

/** In reverse order; one that fails does not keep the others running, and the first failure is thrown at the end. */
async function endAll(ends: readonly (() => void | Promise<void>)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const end of ends.toReversed()) {
    try {
      await end();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}

function once(work: () => Promise<void>): () => Promise<void> {
  let ending: Promise<void> | undefined;
  return () => {
    ending ??= work();
    return ending;
  };
}

function writeEnvironment(file: string, environment: WorldEnvironment): void {
  const lines = Object.entries(environment).map(([name, value]) => `${name}=${value}\n`);
  rmSync(file, { force: true });
  writeFileSync(file, lines.join(''), { mode: 0o600 });
}

function elapsed(durationMs: number): string {
  return `${(durationMs / 1000).toFixed(1).padStart(5)} s`;
}
