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
import { createFaults } from './faults.ts';
import type { Permission } from './graph.ts';
import { createListener } from './listener.ts';
import { createRequests } from './requests.ts';
import { seedCompany } from './seed.ts';
import { createSignIn } from './sign-in.ts';
import { createTenantState, type TenantSeed } from './state.ts';

export type TenantOptions = {
  readonly tenantId: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** A free port by default. */
  readonly port?: number;
  readonly seed?: TenantSeed;
  /** The most items on a page, whatever $top asks for. */
  readonly pageSize?: number;
  /** Expected in the header x-control-token; random by default. */
  readonly controlToken?: string;
  readonly clock?: Clock;
};

export type RunningTenant = Awaited<ReturnType<typeof startTenant>>;

const GRAPH_PAGE_SIZE = 100;

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
  const tenant = createTenantState(options.seed ?? seedCompany());
  const permissions = new Set<Permission>(['GroupMember.Read.All', 'User.Read.All']);
  const faults = createFaults();
  const requests = createRequests();
  const signIn = await createSignIn(options, baseUrl, clock);
  const world = { tenant, graphUrl: baseUrl, pageSize: options.pageSize ?? GRAPH_PAGE_SIZE, permissions };
  const parts = { world, faults, requests, signIn, tenantId: options.tenantId, controlToken, clock };
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
    faults,
    requests,
    /** Ends open connections too, and removes the certificate. */
    async close(): Promise<void> {
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
