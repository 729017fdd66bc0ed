// Puts the parts of a reconcile run together from settings: the one place where features and clients meet, shared
// by the function and the CLI.

import { randomBytes } from 'node:crypto';
import { deliverAlerts } from './alerts/deliver.ts';
import { createTeamsChannel } from './alerts/teams.ts';
import { type ApprovalLink, signApprovalLink } from './approvals/link.ts';
import type { Clock } from './clock.ts';
import type { Settings, VariableName } from './config.ts';
import { createDirectoryClient, type DirectoryClient } from './directory/client.ts';
import { createDirectory } from './directory/create-directory.ts';
import type { TokenSource } from './directory/token.ts';
import { type CertifiedFetch, createCertifiedFetch } from './gateway/certified-fetch.ts';
import { createGateway, type Gateway } from './gateway/client.ts';
import { mapGateway } from './gateway/mapped-gateway.ts';
import type { GatewayState } from './gateway/state.ts';
import { readKeysFromApi, readStateFromApi } from './gateway/state-from-api.ts';
import {
  readKeysFromDatabase,
  readStateDigest,
  readStateFromDatabase,
} from './gateway/state-from-database.ts';
import type { KeyHash } from './ids.ts';
import { mintKey } from './keys/mint.ts';
import type { Log } from './log.ts';
import type { MutualTls } from './mutual-tls.ts';
import type { Policy } from './policy/schema.ts';
import { listAdoptions } from './store/adoptions.ts';
import { createDatabase, type Database } from './store/database.ts';
import { createSubscriptionKeeper, subscriptionTarget } from './sync/keep-subscriptions.ts';
import type { ReconcileDependencies } from './sync/run.ts';

/** What a run needs, whoever starts it. */
const RUN_SETTINGS = [
  'AZURE_TENANT_ID',
  'AZURE_CLIENT_ID',
  'AZURE_CLIENT_SECRET',
  'AZURE_AUTHORITY_HOST',
  'GRAPH_BASE_URL',
  'GRAPH_CLIENT_STATE',
  'DO_API_HOST',
  'DO_NAMESPACE',
  'LITELLM_BASE_URL',
  'LITELLM_ADMIN_KEY',
  'LITELLM_DATABASE_URL',
  'CONTROL_DATABASE_URL',
  'KEY_ESCROW_PUBLIC_KEY',
  'TEAMS_WEBHOOK_URL',
  'APPROVAL_LINK_KEY',
  'PUBLIC_BASE_URL',
  'DATA_PLANE_CA',
] as const satisfies readonly VariableName[];

export const SYNC_SETTINGS = [
  ...RUN_SETTINGS,
  'SYNC_CLIENT_IDENTITY',
] as const satisfies readonly VariableName[];
/** The same run by hand: `lcp` has an identity of its own. */
export const OPERATOR_SETTINGS = [
  ...RUN_SETTINGS,
  'OPERATOR_CLIENT_IDENTITY',
] as const satisfies readonly VariableName[];

export type RunSettings = Settings<(typeof RUN_SETTINGS)[number]>;

/** Eight at once keep LiteLLM's one worker busy; more only queue there (measured, `npm run bench -- first-sync`). */
const GATEWAY_CONCURRENCY = 8;
/** Adding 100 members takes LiteLLM about two seconds; ten times that is broken, not slow. */
const GATEWAY_TIMEOUT_MS = 20_000;

export type CompositionOptions = {
  readonly settings: RunSettings;
  /** Undefined where the data plane asks for no certificate. */
  readonly tls: MutualTls | undefined;
  readonly policy: Policy;
  readonly clock: Clock;
  readonly log: Log;
  readonly deadlineAt: Date;
  /** Of this deployment; another one plans anew. */
  readonly codeVersion: string;
  /** Shared by warm invocations, so that a run does not sign in anew. */
  readonly tokens?: TokenSource;
  /** Shared by warm invocations as well: connecting is a third of what a leaver waits for. Made here without. */
  readonly databases?: Databases;
  /** And as well: a handshake with certificates is three round trips. Made here without. */
  readonly controlHost?: CertifiedFetch | undefined;
};

/** Ours, and LiteLLM's through the read-only role where there is one. */
export type Databases = { readonly control: Database; readonly gateway: Database | undefined };

/** Nothing is connected before it is used, and what rests for ten seconds is let go. */
export function createDatabases(
  settings: Pick<RunSettings, 'CONTROL_DATABASE_URL' | 'LITELLM_DATABASE_URL'>,
  tls: MutualTls | undefined,
): Databases {
  const gatewayUrl = settings.LITELLM_DATABASE_URL;
  return {
    control: createDatabase({ url: settings.CONTROL_DATABASE_URL, tls }),
    gateway: gatewayUrl && createDatabase({ url: gatewayUrl, maxConnections: 1, tls }),
  };
}

/** The way to the control host; undefined where it asks for no certificate. */
export function createControlHost(tls: MutualTls | undefined): CertifiedFetch | undefined {
  return tls && createCertifiedFetch(tls, { maxSockets: GATEWAY_CONCURRENCY });
}

export type Composition = ReconcileDependencies & {
  readonly directoryClient: DirectoryClient;
  readonly gateway: Gateway;
  readonly database: Database;
  /** LiteLLM under its own ids: for `lcp adopt` alone. */
  readonly unmapped: {
    readonly gateway: Gateway;
    readonly readGatewayState: (signal: AbortSignal) => Promise<GatewayState>;
  };
  /** Ends the connections made here. */
  close(): Promise<void>;
};

/** The parts of one run. Nothing is connected before it is used. */
export function composeSync({
  settings,
  tls,
  policy,
  clock,
  log,
  deadlineAt,
  codeVersion,
  tokens,
  databases,
  controlHost,
}: CompositionOptions): Composition {
  const { control: database, gateway: gatewayDatabase } = databases ?? createDatabases(settings, tls);
  const certified = controlHost ?? createControlHost(tls);
  const client = createGateway({
    baseUrl: settings.LITELLM_BASE_URL,
    adminKey: settings.LITELLM_ADMIN_KEY,
    clock,
    timeoutMs: GATEWAY_TIMEOUT_MS,
    maxConcurrency: GATEWAY_CONCURRENCY,
    ...(certified ? { fetch: certified.fetch } : {}),
  });
  const unmapped = {
    gateway: client,
    readGatewayState: (signal: AbortSignal) =>
      gatewayDatabase ? readStateFromDatabase(gatewayDatabase, signal) : readStateFromApi(client, signal),
    readGatewayKeys: (keyHashes: readonly KeyHash[], signal: AbortSignal) =>
      gatewayDatabase
        ? readKeysFromDatabase(gatewayDatabase, keyHashes, signal)
        : readKeysFromApi(client, keyHashes, signal),
  };
  const { gateway, readGatewayState, readGatewayKeys } = mapGateway(unmapped, () => listAdoptions(database));
  const directoryClient = createDirectoryClient({
    ...directorySettings(settings),
    clock,
    deadlineAt,
    ...(tokens ? { tokens } : {}),
  });
  const escrowPublicKey = settings.KEY_ESCROW_PUBLIC_KEY;
  return {
    policy,
    codeVersion,
    directoryClient,
    directory: createDirectory(directoryClient),
    readGatewayState,
    readGatewayKeys,
    unmapped,
    readGatewayDigest: async (signal) => (gatewayDatabase ? readStateDigest(gatewayDatabase, signal) : null),
    database,
    gateway,
    mintKey: (owner) => mintKey(owner, { escrowPublicKey, randomBytes }),
    keepSubscriptions: createSubscriptionKeeper({
      client: directoryClient,
      database,
      clock,
      log,
      target: subscriptionTarget(settings.DO_API_HOST, settings.DO_NAMESPACE, settings.GRAPH_CLIENT_STATE),
    }),
    tellTeams: (signal) =>
      deliverAlerts(
        {
          database,
          log,
          post: settings.TEAMS_WEBHOOK_URL && createTeamsChannel(settings.TEAMS_WEBHOOK_URL),
          linkTo: (held) => approvalUrl(settings, held, expiryOf(policy, clock.now())),
        },
        signal,
      ),
    clock,
    log,
    concurrency: GATEWAY_CONCURRENCY,
    close: async () => {
      if (!controlHost) certified?.close();
      if (!databases) await Promise.all([database.close(), gatewayDatabase?.close()]);
    },
  };
}

/** The page that decides about held removals, by a link that is good until they are announced again. */
async function approvalUrl(
  settings: Pick<RunSettings, 'APPROVAL_LINK_KEY' | 'PUBLIC_BASE_URL'>,
  held: ApprovalLink,
  expiresAt: Date,
): Promise<string> {
  const token = await signApprovalLink(settings.APPROVAL_LINK_KEY, held, expiresAt);
  return `${settings.PUBLIC_BASE_URL}/dashboard/held?link=${token}`;
}

function expiryOf({ quarantine }: Policy, now: Date): Date {
  return new Date(now.getTime() + quarantine.raise_again_hours * 60 * 60 * 1000);
}

/** What the Graph client needs of the settings. */
export function directorySettings(settings: RunSettings) {
  return {
    tenantId: settings.AZURE_TENANT_ID,
    clientId: settings.AZURE_CLIENT_ID,
    clientSecret: settings.AZURE_CLIENT_SECRET,
    authorityHost: settings.AZURE_AUTHORITY_HOST,
    graphBaseUrl: settings.GRAPH_BASE_URL,
  };
}
