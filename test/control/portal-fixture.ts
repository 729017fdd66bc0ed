// control/portal as it is deployed: the built bundle on the functions host, behind the public site, before a tenant.

import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { CALLBACK } from '../../lib/portal/return-to.ts';
import { buildFunctions } from '../../scripts/build.ts';
import { APPLICATION, startTrustedTenant } from '../directory/tenant-fixture.ts';
import { PORTAL_APPLICATION } from '../portal/portal-fixture.ts';
import { createVisitor, type Visitor } from '../portal/visitor.ts';
import { createLocalFunctionsHost, type LocalFunctionsHost } from '../world/functions-host/host.ts';
import { findFreePort } from '../world/port.ts';
import { type PublicSite, startPublicSite } from '../world/public-site.ts';
import type { RunningTenant } from '../world/tenant/tenant.ts';
import { unusedSettings } from './unused-settings.ts';

export type DeployedPortal = {
  readonly host: LocalFunctionsHost;
  readonly site: PublicSite;
  readonly tenant: RunningTenant;
  newVisitor(): Visitor;
  /** What the function logged, all invocations. */
  logs(): string;
};

const root = path.resolve(import.meta.dirname, '..', '..');

/** Call it at the top of a test file; the function it returns gives the portal, shared by the file. */
export function useDeployedPortal(changes: Readonly<Record<string, string>> = {}): () => DeployedPortal {
  const ends: (() => Promise<unknown>)[] = [];
  let deployed: DeployedPortal;

  beforeAll(async () => {
    const functionsDir = await mkdtemp(path.join(tmpdir(), 'lcp-portal-'));
    ends.push(() => rm(functionsDir, { recursive: true, force: true }));
    await buildFunctions({
      root,
      policyFile: path.join(root, 'test/world/policy.yml'),
      outDir: functionsDir,
    });
    const site = await startPublicSite(await findFreePort());
    ends.push(() => site.close());
    const portal = { ...PORTAL_APPLICATION, redirectUris: [`${site.url}${CALLBACK}`] };
    const tenant = await startTrustedTenant({ portal });
    ends.push(() => tenant.close());
    const host = await createLocalFunctionsHost({
      projectFile: path.join(root, 'project.yml'),
      functionsDir,
      schedule: false,
      extraChildEnv: { NODE_EXTRA_CA_CERTS: tenant.caFile },
      env: {
        ...(await unusedSettings()),
        PUBLIC_BASE_URL: site.url,
        PORTAL_CLIENT_ID: PORTAL_APPLICATION.clientId,
        PORTAL_CLIENT_SECRET: PORTAL_APPLICATION.clientSecret,
        PORTAL_SESSION_KEY: randomBytes(32).toString('base64url'),
        PORTAL_DATABASE_URL: 'postgres://portal:unused@127.0.0.1:1/control',
        APPROVAL_LINK_KEY: '0'.repeat(64),
        AZURE_TENANT_ID: APPLICATION.tenantId,
        AZURE_AUTHORITY_HOST: tenant.baseUrl,
        ...changes,
      },
    });
    ends.push(() => host.stop());
    site.connect(host.webUrl('control/portal'));
    deployed = {
      host,
      site,
      tenant,
      newVisitor: () => createVisitor(site.url, (request) => fetch(request)),
      logs: () =>
        host
          .activations()
          .flatMap(({ logs }) => logs)
          .join('\n'),
    };
  });
  afterAll(async () => {
    for (const end of ends.toReversed()) await end();
  });

  return () => deployed;
}
