// Everything that `lcp doctor` looks at, in the order in which a request from outside would meet it.

import path from 'node:path';
import type { Clock } from '../../clock.ts';
import type { Composition, RunSettings } from '../../composition.ts';
import { parseSettings } from '../../config.ts';
import { createCertifiedFetch } from '../../gateway/certified-fetch.ts';
import { type GatewaySettings, readGatewaySettings } from '../../gateway/settings.ts';
import { createTransport } from '../../gateway/transport.ts';
import type { MutualTls } from '../../mutual-tls.ts';
import type { Policy } from '../../policy/schema.ts';
import { type CliEnvironment, openBucket } from '../environment.ts';
import type { Area, Check } from './check.ts';
import { controlHostChecks } from './control-host.ts';
import { dataPlaneChecks } from './data-plane.ts';
import { databaseHostChecks } from './database.ts';
import { type Edge, findEdge, isLocalUrl } from './edge.ts';
import { entraChecks } from './entra.ts';
import { functionsArea } from './functions.ts';
import { litellmChecks } from './litellm.ts';
import { nameChecks } from './names.ts';
import type { Network } from './network.ts';
import { notificationChecks } from './notifications.ts';
import { portChecks } from './ports.ts';
import { publicSiteChecks } from './public-site.ts';
import { roleChecks } from './roles.ts';
import { settingsChecks } from './settings.ts';
import { spacesChecks } from './spaces.ts';
import { storeChecks } from './store.ts';
import { teamsChecks } from './teams.ts';

export type Own = { readonly settings: RunSettings; readonly tls: MutualTls | undefined };

export type DoctorContext = {
  readonly environment: CliEnvironment;
  readonly policyFile: string;
  readonly isSending: boolean;
  readonly network: Network;
  /** Undefined where the settings of lcp are not right; every check that asks for them needs `settings-lcp`. */
  readonly own: Own | undefined;
  readonly parts: Composition | undefined;
  readonly policy: Policy | undefined;
};

const GATEWAY_TIMEOUT_MS = 20_000;
const PROJECT_FILE = path.resolve(import.meta.dirname, '..', '..', '..', 'project.yml');

export function listAreas(context: DoctorContext): readonly Area[] {
  const { environment, network, own, parts, policy } = context;
  const { variables, clock } = environment;
  const settings = () => required(own).settings;
  const database = () => required(parts).database;
  const outside = own && findEdge(own.settings, own.tls, network);
  const edge = (): Edge => {
    if (outside === undefined || !('edge' in outside)) throw new Error('There is no droplet.');
    return outside.edge;
  };
  const ofDroplet = (title: string, checks: readonly Check[]): Area => ({
    title,
    checks,
    ...(outside !== undefined && 'notChecked' in outside ? outside : {}),
  });
  const readWebhookIdentity = () =>
    variables.WEBHOOK_CLIENT_IDENTITY
      ? parseSettings(['WEBHOOK_CLIENT_IDENTITY'], variables).WEBHOOK_CLIENT_IDENTITY
      : undefined;
  const groupIds = (policy?.groups ?? []).map((group) => group.entra_group);

  return [
    { title: 'Settings', checks: settingsChecks(environment, context.policyFile) },
    ofDroplet('The way to the droplet', [
      ...nameChecks(edge),
      ...portChecks(edge),
      ...publicSiteChecks(edge, clock),
      ...controlHostChecks(edge, readWebhookIdentity),
      ...databaseHostChecks(edge, () => settings().CONTROL_DATABASE_URL),
    ]),
    { title: 'PostgreSQL', checks: [...storeChecks(database), ...roleChecks(environment)] },
    {
      title: 'LiteLLM',
      checks: litellmChecks(
        () => required(parts),
        (signal) => readLiteLLMSettings(required(own), clock, signal),
        { readsDatabase: own?.settings.LITELLM_DATABASE_URL !== undefined },
      ),
    },
    {
      title: 'The machines',
      checks: dataPlaneChecks({
        dataPlane: policy?.data_plane,
        now: clock.now,
        database,
        readHealth: (signal) => required(parts).gateway.readHealth(signal),
      }),
    },
    { title: 'Spaces', checks: spacesChecks(() => openBucket(environment), database) },
    { title: 'Microsoft Entra', checks: entraChecks(() => required(parts).directoryClient, groupIds) },
    functionsArea(environment, { projectFile: PROJECT_FILE, isLocal: isLocalUrl(variables.DO_API_HOST) }),
    { title: 'Notifications from Microsoft', checks: notificationChecks(environment, database) },
    {
      title: 'Microsoft Teams',
      checks: teamsChecks(() => settings().TEAMS_WEBHOOK_URL, clock, context),
    },
  ];
}

function required<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('The settings of lcp are not complete.');
  return value;
}

async function readLiteLLMSettings(
  { settings, tls }: Own,
  clock: Clock,
  signal: AbortSignal,
): Promise<GatewaySettings> {
  const certified = tls && createCertifiedFetch(tls, { maxSockets: 2 });
  try {
    const transport = createTransport({
      baseUrl: settings.LITELLM_BASE_URL,
      adminKey: settings.LITELLM_ADMIN_KEY,
      clock,
      timeoutMs: GATEWAY_TIMEOUT_MS,
      maxConcurrency: 2,
      ...(certified ? { fetch: certified.fetch } : {}),
    });
    return await readGatewaySettings(transport, signal);
  } finally {
    certified?.close();
  }
}
