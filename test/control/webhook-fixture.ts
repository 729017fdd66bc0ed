// control/webhook as it is deployed, on a real PostgreSQL through a role of its own, with a functions API that notes
// who was woken.

import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { afterEach } from 'vitest';
import type { Database } from '../../lib/store/database.ts';
import { claimHints, type Hint } from '../../lib/store/hints.ts';
import { CLIENT_STATE } from '../directory/notification-fixture.ts';
import { useControlDatabases } from '../store/database-fixture.ts';
import { createWebhookUrl } from '../store/webhook-role.ts';
import {
  createLocalFunctionsHost,
  type LocalFunctionsHost,
  type LocalFunctionsHostOptions,
} from '../world/functions-host/host.ts';
import { useBuiltFunctions } from './built-functions.ts';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';
import { unusedSettings } from './unused-settings.ts';

export const FUNCTIONS_KEY = 'dof_v1_plaintext:functions-key-plaintext';
const root = path.resolve(import.meta.dirname, '..', '..');

export type Reply = {
  readonly status: number;
  /** Without the date, sorted. */
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
};

export type FunctionsApi = {
  readonly url: string;
  /** What was asked of it, oldest first. */
  readonly calls: {
    readonly path: string;
    readonly authorization: string | undefined;
    readonly body: string;
  }[];
  /** Takes calls and does not answer them, or answers with this status. */
  answer: 'nothing' | number;
};

export type Webhook = {
  readonly host: LocalFunctionsHost;
  readonly database: Database;
  readonly api: FunctionsApi;
  /** Stands between the function and PostgreSQL. */
  readonly store: TcpProxy;
  post(
    body: string,
    options?: { path?: string; method?: string; headers?: Record<string, string> },
  ): Promise<Reply>;
  /** Every hint stored, oldest first; sync is not told. */
  hints(): Promise<Hint[]>;
  /** What the function logged, all invocations. */
  logs(): string;
};

export type WebhookOptions = {
  readonly env?: Readonly<Record<string, string>>;
  readonly host?: Partial<LocalFunctionsHostOptions>;
};

/** Call it at the top of a test file; the function it returns starts a webhook, which ends with the test. */
export function useWebhook(): (options?: WebhookOptions) => Promise<Webhook> {
  const createControlDatabase = useControlDatabases();
  const open: (() => Promise<unknown>)[] = [];
  const functionsDir = useBuiltFunctions();

  afterEach(async () => {
    for (const close of open.splice(0)) await close();
  });

  return async (options = {}) => {
    const { url, database } = await createControlDatabase();
    const store = await startTcpProxy(Number(new URL(url.reveal()).port));
    const storeUrl = new URL((await createWebhookUrl(database, url)).reveal());
    storeUrl.port = String(store.port);
    const { api, server } = await startFunctionsApi();
    const host = await createLocalFunctionsHost({
      projectFile: path.join(root, 'project.yml'),
      functionsDir: functionsDir(),
      schedule: false,
      limits: { perMinuteCount: 10_000 },
      ...options.host,
      env: {
        ...(await unusedSettings()),
        GRAPH_CLIENT_STATE: CLIENT_STATE,
        WEBHOOK_DATABASE_URL: storeUrl.href,
        DO_API_HOST: api.url,
        DO_NAMESPACE: 'fn-of-the-tests',
        DO_FUNCTIONS_KEY: FUNCTIONS_KEY,
        ...options.env,
      },
    });
    open.push(
      () => host.stop(),
      async () => {
        server.closeAllConnections();
        server.close();
        await store.reopen();
        await store.close();
      },
    );
    return {
      host,
      database,
      api,
      store,
      post: async (body, { path: rest = '', method = 'POST', headers = {} } = {}) =>
        readReply(
          await fetch(`${host.webUrl('control/webhook')}${rest}`, {
            method,
            headers: { 'content-type': 'application/json; charset=utf-8', ...headers },
            ...(method === 'GET' || method === 'HEAD' ? {} : { body }),
          }),
        ),
      // Claimed and rolled back, so that what sync would find is looked at and nothing is changed.
      hints: () => lookAtHints(database),
      logs: () =>
        host
          .activations()
          .flatMap(({ logs }) => logs)
          .join('\n'),
    };
  };
}

async function lookAtHints(database: Database): Promise<Hint[]> {
  let hints: Hint[] = [];
  const rollback = new Error('looked at');
  await database
    .transaction(async (transaction) => {
      hints = await claimHints(transaction);
      throw rollback;
    })
    .catch((error: unknown) => {
      if (error !== rollback) throw error;
    });
  return hints;
}

async function readReply(response: Response): Promise<Reply> {
  const headers = [...response.headers].filter(([name]) => name !== 'date').sort();
  return { status: response.status, headers, body: await response.text() };
}

async function startFunctionsApi(): Promise<{ api: FunctionsApi; server: Server }> {
  const calls: FunctionsApi['calls'] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    calls.push({ path: request.url ?? '', authorization: request.headers.authorization, body });
    if (api.answer === 'nothing') return;
    response.writeHead(api.answer, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ activationId: 'a'.repeat(32) }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const api: FunctionsApi = { url: `http://127.0.0.1:${port}`, calls, answer: 202 };
  return { api, server };
}
