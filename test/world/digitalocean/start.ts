// A double of DigitalOcean's API for the parts that this project calls, after its public description
// (github.com/digitalocean/openapi at 7c1300c); each resource is a file of its own and names the operations. It answers
// in the process, by `fetch`, or over HTTP, by `listen`. It deletes nothing: a DELETE is 405, and `requests` shows it.

import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type HttpBindings, serve } from '@hono/node-server';
import { Hono } from 'hono';
import { HTTPException } from 'hono/http-exception';
import { Secret } from '../../../lib/secret.ts';
import { createAccountRoutes } from './account.ts';
import { applyFault, ConnectionReset } from './apply-fault.ts';
import { createDomainRoutes } from './domains.ts';
import { createDropletRoutes } from './droplets.ts';
import { createFaults, type Faults } from './faults.ts';
import { createFirewallRoutes } from './firewalls.ts';
import { createFunctionsRoutes } from './functions.ts';
import { problemResponse } from './problem.ts';
import { createReservedIpRoutes } from './reserved-ips.ts';
import { type CloudState, createCloudState } from './state.ts';
import { createTagRoutes } from './tags.ts';
import { createVolumeRoutes } from './volumes.ts';

export type CloudRequestSeen = { readonly method: string; readonly path: string; status: number | null };

export type DigitalOceanDouble = {
  readonly token: Secret;
  readonly state: CloudState;
  readonly faults: Faults;
  /** Every request in the order it came; status null when no answer was sent. */
  readonly requests: CloudRequestSeen[];
  readonly fetch: typeof globalThis.fetch;
  /** Answers on a free port of the loopback address from now on. */
  listen(): Promise<{ readonly baseUrl: string; close(): Promise<void> }>;
};

/** 5000 requests an hour (specification/shared/headers.yml). */
const HOURLY_LIMIT = 5_000;

export function createDigitalOceanDouble(): DigitalOceanDouble {
  const token = new Secret('dop_v1_a-token-of-the-double');
  const state = createCloudState();
  const faults = createFaults();
  const requests: CloudRequestSeen[] = [];
  const app = createApp(state, token);

  async function receive(request: Request): Promise<Response> {
    const seen: CloudRequestSeen = {
      method: request.method,
      path: new URL(request.url).pathname,
      status: null,
    };
    requests.push(seen);
    state.tick();
    const response = await applyFault(faults.take(seen.method, seen.path), request, async () =>
      app.fetch(request),
    );
    seen.status = response.status;
    response.headers.set('ratelimit-limit', String(HOURLY_LIMIT));
    response.headers.set('ratelimit-remaining', String(HOURLY_LIMIT - requests.length));
    response.headers.set('ratelimit-reset', '1798765200');
    return response;
  }

  return {
    token,
    state,
    faults,
    requests,
    fetch: async (input, init) => receive(new Request(input, init)),
    listen: async () => {
      const server = serve({
        hostname: '127.0.0.1',
        port: 0,
        fetch: async (request, env) => {
          try {
            return await receive(request);
          } catch (error) {
            if (!(error instanceof ConnectionReset)) throw error;
            (env as HttpBindings).incoming.socket.destroy();
            return new Response(null);
          }
        },
      });
      if (!server.listening) await once(server, 'listening');
      return {
        baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
        close: async () => {
          const closed = once(server, 'close');
          server.close();
          if ('closeAllConnections' in server) server.closeAllConnections();
          await closed;
        },
      };
    },
  };
}

function createApp(state: CloudState, token: Secret): Hono {
  const app = new Hono().basePath('/v2');
  app.use('*', async (context, next) => {
    if (context.req.header('authorization') !== `Bearer ${token.reveal()}`) {
      return problemResponse(401, 'Unable to authenticate you.');
    }
    if (context.req.method === 'DELETE') return problemResponse(405, 'The double deletes nothing.');
    await next();
  });
  app.route('/', createAccountRoutes(state));
  app.route('/', createTagRoutes(state));
  app.route('/', createDropletRoutes(state));
  app.route('/', createVolumeRoutes(state));
  app.route('/', createFirewallRoutes(state));
  app.route('/', createDomainRoutes(state));
  app.route('/', createReservedIpRoutes(state));
  app.route('/', createFunctionsRoutes(state));
  app.notFound(() => problemResponse(404, 'The resource you were accessing could not be found.'));
  app.onError((error) => {
    if (error instanceof HTTPException) return error.getResponse();
    throw error;
  });
  return app;
}
