// The portal in this process, before a simulated tenant, on a clock that the test moves.

import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import type { Clock } from '../../lib/clock.ts';
import { createLog } from '../../lib/log.ts';
import { createPortal, type PortalOptions } from '../../lib/portal/app.ts';
import { CALLBACK } from '../../lib/portal/return-to.ts';
import { createSignIn, type SignInOptions } from '../../lib/portal/sign-in.ts';
import { Secret } from '../../lib/secret.ts';
import { APPLICATION, startTrustedTenant } from '../directory/tenant-fixture.ts';
import { COMPANY_GROUP_IDS, seedUserId } from '../world/tenant/seed.ts';
import type { RunningTenant } from '../world/tenant/tenant.ts';
import { createVisitor, type Visitor } from './visitor.ts';

export const ORIGIN = 'https://llm.example.com';
/** Ada and Bruno are Admins, person 9 is in DevOps, Chloe has no app role. */
export const [ADMIN, DEVOPS, MEMBER] = [seedUserId(1), seedUserId(9), seedUserId(3)];
export const PORTAL_APPLICATION = {
  clientId: '11111111-0000-4000-8000-000000000003',
  clientSecret: 'portal-secret-plaintext',
  appRoles: { [COMPANY_GROUP_IDS.admins]: 'Admin', [COMPANY_GROUP_IDS.devops]: 'DevOps' },
};
const STARTED_AT = Date.UTC(2026, 0, 5, 9);

export type PortalUnderTest = {
  readonly visitor: Visitor;
  /** Another browser. */
  newVisitor(): Visitor;
  /** What was logged, one line each. */
  readonly lines: string[];
};

export type TestPortal = {
  tenant(): RunningTenant;
  advance(durationMs: number): void;
  open(
    options?: Partial<PortalOptions> & { readonly signInOptions?: Partial<SignInOptions> },
  ): PortalUnderTest;
};

/** Call it at the top of a test file. */
export function usePortal(): TestPortal {
  let nowMs = STARTED_AT;
  let tenant: RunningTenant;
  const clock: Clock = { now: () => new Date(nowMs), sleep: async () => undefined };
  const sessionKey = newKey();

  beforeAll(async () => {
    const portal = { ...PORTAL_APPLICATION, redirectUris: [`${ORIGIN}${CALLBACK}`] };
    tenant = await startTrustedTenant({ portal, clock });
  });
  beforeEach(() => {
    nowMs = STARTED_AT;
    tenant.damageTokens(undefined);
    tenant.faults.clear();
  });
  afterAll(() => tenant?.close());

  return {
    tenant: () => tenant,
    advance: (durationMs) => {
      nowMs += durationMs;
    },
    open({ signInOptions = {}, ...options } = {}) {
      const lines: string[] = [];
      const log = createLog({}, { write: (line) => void lines.push(line) });
      const app = createPortal({
        publicBaseUrl: ORIGIN,
        tenantId: APPLICATION.tenantId,
        sessionKey,
        signIn: createSignIn({
          authorityHost: tenant.baseUrl,
          tenantId: APPLICATION.tenantId,
          clientId: PORTAL_APPLICATION.clientId,
          clientSecret: new Secret(PORTAL_APPLICATION.clientSecret),
          redirectUri: `${ORIGIN}${CALLBACK}`,
          clock,
          ...signInOptions,
        }),
        clock,
        randomText: () => randomBytes(32).toString('base64url'),
        ...options,
      });
      const newVisitor = () => createVisitor(ORIGIN, (request) => app.fetch(request, { log }));
      return { visitor: newVisitor(), newVisitor, lines };
    },
  };
}

export function newKey(): Secret {
  return new Secret(randomBytes(32).toString('base64url'));
}
