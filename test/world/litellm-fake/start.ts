// An in-process LiteLLM for speed and for faults: the endpoints we use over real HTTP, state as plain maps. It
// earns its trust by test/gateway/gateway.contract.ts, which runs on the real one as well.

import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type HttpBindings, type ServerType, serve } from '@hono/node-server';
import { Hono } from 'hono';
import { HTTPException } from 'hono/http-exception';
import { Secret } from '../../../lib/secret.ts';
import { WORLD_MODELS } from '../litellm/config.ts';
import { LITELLM_VERSION } from '../litellm/install.ts';
import { requireAdmin } from './access.ts';
import { applyFault } from './apply-fault.ts';
import { createChatRoutes } from './chat.ts';
import { createFaults, type Faults } from './faults.ts';
import { createKeyRoutes } from './keys.ts';
import { createFakeState, type FakeState } from './state.ts';
import { createTeamRoutes } from './teams.ts';
import { createUserRoutes } from './users.ts';

export type FakeLiteLLMOptions = {
  readonly port?: number;
  readonly masterKey: string;
  readonly models?: readonly string[];
};

export type FakeRequest = { readonly method: string; readonly path: string; status: number | null };

export type FakeLiteLLM = {
  readonly baseUrl: string;
  readonly adminKey: Secret;
  readonly state: FakeState;
  readonly faults: Faults;
  /** Every request in the order it came; status null while, or when, no answer was sent. */
  readonly requests: FakeRequest[];
  close(): Promise<void>;
};

export async function startFakeLiteLLM(options: FakeLiteLLMOptions): Promise<FakeLiteLLM> {
  const { masterKey, models = WORLD_MODELS } = options;
  const state = createFakeState();
  const faults = createFaults();
  const requests: FakeRequest[] = [];
  const app = new Hono<{ Bindings: HttpBindings }>();

  app.use('*', async (context, next) => {
    const request: FakeRequest = { method: context.req.method, path: context.req.path, status: null };
    requests.push(request);
    await applyFault(faults.take(context.req.path), context, next, state);
    request.status = context.res.status;
  });
  app.get('/health/readiness', (context) => context.json({ status: 'healthy', db: 'connected' }));
  app.route('/', createChatRoutes({ state, masterKey, models }));
  app.use('*', async (context, next) => {
    requireAdmin(context.req.header('authorization'), masterKey, state, context.req.path);
    await next();
  });
  app.get('/health/readiness/details', (context) =>
    context.json({
      status: 'healthy',
      db: 'connected',
      cache: null,
      litellm_version: LITELLM_VERSION,
      is_detailed_debug: false,
      show_no_redis_warning: true,
    }),
  );
  app.get('/config/list', (context) =>
    context.json([
      { field_name: 'store_prompts_in_spend_logs', field_value: null },
      { field_name: 'maximum_spend_logs_retention_period', field_value: null },
    ]),
  );
  app.route('/', createTeamRoutes(state));
  app.route('/', createUserRoutes(state));
  app.route('/', createKeyRoutes(state));
  app.onError((error) => {
    if (error instanceof HTTPException) return error.getResponse();
    throw error;
  });

  const server = serve({ fetch: app.fetch, port: options.port ?? 0, hostname: '127.0.0.1' });
  if (!server.listening) await once(server, 'listening');
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    adminKey: new Secret(masterKey),
    state,
    faults,
    requests,
    close: () => close(server),
  };
}

async function close(server: ServerType): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  if ('closeAllConnections' in server) server.closeAllConnections();
  await closed;
}
