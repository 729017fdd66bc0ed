// A simulated tenant that this process trusts, and the directory as a function would build it on top.

import tls from 'node:tls';
import { systemClock } from '../../lib/clock.ts';
import { createDirectoryClient } from '../../lib/directory/client.ts';
import { createDirectory } from '../../lib/directory/create-directory.ts';
import type { TokenSource } from '../../lib/directory/token.ts';
import { Secret } from '../../lib/secret.ts';
import { type RunningTenant, startTenant, type TenantOptions } from '../world/tenant/tenant.ts';

export const APPLICATION = {
  tenantId: '11111111-0000-4000-8000-000000000001',
  clientId: '11111111-0000-4000-8000-000000000002',
  clientSecret: 'not-so-secret-client-secret',
} as const;

/** Starts a tenant with small pages, so that every group of some people has several. */
export async function startTrustedTenant(options: Partial<TenantOptions> = {}): Promise<RunningTenant> {
  const tenant = await startTenant({ ...APPLICATION, pageSize: 4, ...options });
  // NODE_EXTRA_CA_CERTS is read at process start only; child processes use that instead.
  tls.setDefaultCACertificates([...tls.getCACertificates('default'), tenant.caPem]);
  return tenant;
}

export type ClientOverrides = {
  readonly clientSecret?: string;
  readonly runMs?: number;
  readonly tokens?: TokenSource;
};

/** A client for one run against `tenant`. */
export function clientFor(tenant: RunningTenant, overrides: ClientOverrides = {}) {
  return createDirectoryClient({
    tenantId: APPLICATION.tenantId,
    clientId: APPLICATION.clientId,
    clientSecret: new Secret(overrides.clientSecret ?? APPLICATION.clientSecret),
    authorityHost: tenant.baseUrl,
    graphBaseUrl: tenant.graphUrl,
    clock: systemClock,
    deadlineAt: new Date(systemClock.now().getTime() + (overrides.runMs ?? 20_000)),
    ...(overrides.tokens === undefined ? {} : { tokens: overrides.tokens }),
  });
}

/** A directory over such a client. */
export function directoryFor(tenant: RunningTenant, overrides: ClientOverrides = {}) {
  return createDirectory(clientFor(tenant, overrides));
}

/** A token as the tenant's own token endpoint issues it. */
export async function fetchToken(tenant: RunningTenant): Promise<string> {
  const response = await fetch(`${tenant.baseUrl}/${APPLICATION.tenantId}/oauth2/v2.0/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: APPLICATION.clientId,
      client_secret: APPLICATION.clientSecret,
      scope: 'https://graph.microsoft.com/.default',
    }),
  });
  const body = (await response.json()) as { access_token: string };
  return body.access_token;
}
