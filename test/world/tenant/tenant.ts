// The simulated Microsoft 365 tenant: Entra's token endpoint and Graph on one TLS port of this machine, with a
// control panel to play joiner, leaver and failing vendor.

import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, systemClock } from '../../../lib/clock.ts';
import { createWorldCertificate } from './certificate.ts';
import { createDeliveries, DELIVERY_RULES, type DeliveryRules } from './delivery.ts';
import { postOverHttp } from './delivery-post.ts';
import { createPublisher, observeChanges } from './delivery-publish.ts';
import { createFaults } from './faults.ts';
import type { Permission } from './graph.ts';
import type { DeltaQuirks } from './graph-delta.ts';
import { createListener } from './listener.ts';
import type { Registration } from './registration.ts';
import { createRequests } from './requests.ts';
import { seedCompany } from './seed.ts';
import { createSignIn } from './sign-in.ts';
import { createTenantState, type TenantSeed } from './state.ts';
import { createSubscriptions } from './subscriptions.ts';
import { createSubscriptionsPanel } from './subscriptions-panel.ts';
import { createTokenSigner } from './token-signer.ts';
import { createUserSignIn } from './user-sign-in.ts';

export type TenantOptions = {
  readonly tenantId: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** The application that people sign in to; without one nobody can. */
  readonly portal?: Registration;
  /** A free port by default. */
  readonly port?: number;
  readonly seed?: TenantSeed;
  /** The most items on a page, whatever $top asks for. */
  readonly pageSize?: number;
  /** Expected in the header x-control-token; random by default. */
  readonly controlToken?: string;
  readonly clock?: Clock;
  /** Microsoft notifies over https only; a local world has no certificate on its functions. */
  readonly allowsHttpTargets?: boolean;
  /** Whether a second subscription with the same changeType and resource is 409, as the vendor's page says, or 201,
   *  as people report. */
  readonly refusesDuplicates?: boolean;
  /** How many subscriptions the application may have. */
  readonly subscriptionQuota?: number;
  /** Where a test needs other numbers than the vendor's. */
  readonly delivery?: Partial<DeliveryRules>;
};

export type RunningTenant = Awaited<ReturnType<typeof startTenant>>;

const GRAPH_PAGE_SIZE = 100;
/** https://learn.microsoft.com/graph/change-notifications-overview: per application and tenant. */
const SUBSCRIPTION_QUOTA = 100;

/** Starts the tenant and resolves when it answers. Child processes trust it with NODE_EXTRA_CA_CERTS=caFile. */
export async function startTenant(options: TenantOptions) {
  const { caPem, certPem, keyPem } = await createWorldCertificate();
  const folder = await mkdtemp(join(tmpdir(), 'lcp-tenant-'));
  const caFile = join(folder, 'ca.pem');
  await writeFile(caFile, caPem);

  const server = createServer({ cert: certPem, key: keyPem });
  const baseUrl = `https://localhost:${await listen(server, options.port ?? 0)}`;
  const clock = options.clock ?? systemClock;
  const controlToken = options.controlToken ?? randomBytes(24).toString('base64url');
  const subscriptions = createSubscriptions(clock);
  const deliveries = createDeliveries(clock, postOverHttp, { ...DELIVERY_RULES, ...options.delivery });
  const publisher = createPublisher(subscriptions, deliveries, options.tenantId);
  const panel = createSubscriptionsPanel(subscriptions, publisher);
  const tenant = observeChanges(
    createTenantState(options.seed ?? seedCompany(), clock.now),
    publisher.publish,
  );
  const permissions = new Set<Permission>(['GroupMember.Read.All', 'User.Read.All', 'Group.Read.All']);
  const faults = createFaults();
  const requests = createRequests();
  const issuer = `${baseUrl}/${options.tenantId}/v2.0`;
  const signer = await createTokenSigner(clock);
  const signIn = createSignIn(options, { baseUrl, issuer, signer, clock });
  const userSignIn = createUserSignIn({
    tenantId: options.tenantId,
    issuer,
    registration: options.portal,
    tenant,
    signer,
    clock,
  });
  const pageSize = options.pageSize ?? GRAPH_PAGE_SIZE;
  const quirks: DeltaQuirks = { hasEmptyPages: false, isReplaying: false, lagCount: 0, staleCount: 0 };
  const world = { tenant, graphUrl: baseUrl, pageSize, permissions, clock, quirks };
  const subscriptionRules = {
    subscriptions,
    clientId: options.clientId,
    allowsHttpTargets: options.allowsHttpTargets ?? false,
    refusesDuplicates: options.refusesDuplicates ?? false,
    subscriptionQuota: options.subscriptionQuota ?? SUBSCRIPTION_QUOTA,
    post: postOverHttp,
    signal: deliveries.signal,
    now: clock.now,
  };
  const parts = {
    world,
    faults,
    requests,
    signIn,
    userSignIn,
    tenantId: options.tenantId,
    controlToken,
    clock,
    subscriptionRules,
    subscriptions: panel,
    deliveries,
  };
  server.on('request', createListener(parts));

  return {
    /** AZURE_AUTHORITY_HOST */
    baseUrl,
    /** GRAPH_BASE_URL; the same server. */
    graphUrl: baseUrl,
    caFile,
    caPem,
    controlToken,
    tenant,
    permissions,
    quirks,
    faults,
    requests,
    subscriptions: panel,
    /** Makes id tokens wrong, for attacks. */
    damageTokens: userSignIn.damageTokens,
    deliveries: { list: deliveries.list, settled: deliveries.settled, faults: deliveries.faults },
    /** Ends deliveries and open connections too, and removes the certificate. */
    async close(): Promise<void> {
      await deliveries.close();
      await new Promise<void>((resolve, reject) => {
        server.close((error) => (error ? reject(error) : resolve()));
        server.closeAllConnections();
      });
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    // Loopback only: this is a play tenant with a known secret.
    server.listen({ port, host: 'localhost' }, () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}
