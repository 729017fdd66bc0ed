// The portal at its web address, as DigitalOcean would serve it: the real pages in this process behind TLS, without
// Entra, with a session for whoever the test wants to be.

import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { serve } from '@hono/node-server';
import { systemClock } from '../../lib/clock.ts';
import { parseEntraUserId } from '../../lib/ids.ts';
import { createLog } from '../../lib/log.ts';
import { createPortal } from '../../lib/portal/app.ts';
import type { Role } from '../../lib/portal/role.ts';
import { beginSession, sealSession } from '../../lib/portal/session.ts';
import { newKey } from '../portal/portal-fixture.ts';
import type { Pair } from '../world/droplet-certificates.ts';

const TENANT_ID = '22222222-0000-4000-8000-000000000001';
const OID = parseEntraUserId('22222222-0000-4000-8000-000000000002');
const PREFIX = '/api/v1/web/fn-0000/control/portal';
const SECRET = 'x'.repeat(43);

export type PortalStandIn = {
  /** PORTAL_WEB_URL. */
  readonly url: string;
  /** What it was asked, oldest first. */
  readonly requests: Request[];
  /** The cookie of somebody in `role` who signed in just now; another one each time. */
  cookieOf(role: Role): Promise<string>;
  /** From now on nobody answers at the address. */
  close(): Promise<void>;
};

export async function startPortalStandIn(publicHost: string, certificate: Pair): Promise<PortalStandIn> {
  const sessionKey = newKey();
  const requests: Request[] = [];
  const publicBaseUrl = `https://${publicHost}`;
  const app = createPortal({
    publicBaseUrl,
    tenantId: TENANT_ID,
    sessionKey,
    signIn: {
      authorizeUrl: () => 'https://login.example/authorize',
      redeem: () => Promise.reject(new Error('Nobody signs in here.')),
      microsoftSignOutUrl: 'https://login.example/out',
    },
    clock: systemClock,
    randomText: () => SECRET,
  });
  const log = createLog({}, { write: () => undefined });
  const server = serve({
    fetch: (request) => {
      const { pathname, search } = new URL(request.url);
      if (!pathname.startsWith(PREFIX)) return new Response('Another function.', { status: 404 });
      requests.push(request);
      const { method, headers } = request;
      const asked = new Request(`${publicBaseUrl}${pathname.slice(PREFIX.length)}${search}`, {
        method,
        headers,
      });
      return app.fetch(asked, { log });
    },
    createServer,
    serverOptions: certificate,
    port: 0,
    hostname: '127.0.0.1',
  });
  if (!server.listening) await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `https://127.0.0.1:${port}${PREFIX}`,
    requests,
    async cookieOf(role) {
      const identity = { oid: OID, tid: TENANT_ID, name: 'Somebody', role };
      const session = beginSession(identity, {
        signInState: SECRET,
        csrfSecret: SECRET,
        now: systemClock.now(),
      });
      return `__Host-session=${await sealSession(sessionKey, session)}`;
    },
    async close() {
      const closed = once(server, 'close');
      server.close();
      if ('closeAllConnections' in server) server.closeAllConnections();
      await closed;
    },
  };
}
