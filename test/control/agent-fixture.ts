// control/agent as it is deployed, on a real PostgreSQL through a role of its own that may only leave reports.

import path from 'node:path';
import { afterEach } from 'vitest';
import type { Database } from '../../lib/store/database.ts';
import { grantAgentFunction } from '../../lib/store/grants.ts';
import { type AgentKeys, createAgentKeys } from '../health/report-fixture.ts';
import { useControlDatabases } from '../store/database-fixture.ts';
import { createGrantedUrl } from '../store/granted-role.ts';
import { createLocalFunctionsHost, type LocalFunctionsHost } from '../world/functions-host/host.ts';
import { useBuiltFunctions } from './built-functions.ts';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';
import { unusedSettings } from './unused-settings.ts';

const root = path.resolve(import.meta.dirname, '..', '..');

export type AgentFunction = {
  readonly host: LocalFunctionsHost;
  readonly database: Database;
  /** Stands between the function and PostgreSQL. */
  readonly store: TcpProxy;
  /** The one that is believed. */
  readonly keys: AgentKeys;
  /** Its address, also the audience of tokens. */
  readonly url: string;
  post(
    body: string,
    options?: { path?: string; method?: string; headers?: Record<string, string> },
  ): Promise<{ readonly status: number; readonly body: string; readonly retryAfter: string | null }>;
  logs(): string;
};

/** Call it at the top of a test file; the function it returns starts control/agent, which ends with the test.
 *  `moreKeys` are believed as well. */
export function useAgentFunction(): (options?: { moreKeys?: readonly string[] }) => Promise<AgentFunction> {
  const createControlDatabase = useControlDatabases();
  const open: (() => Promise<unknown>)[] = [];
  const functionsDir = useBuiltFunctions();

  afterEach(async () => {
    for (const close of open.splice(0)) await close();
  });

  return async ({ moreKeys = [] } = {}) => {
    const { url: ownerUrl, database } = await createControlDatabase();
    const store = await startTcpProxy(Number(new URL(ownerUrl.reveal()).port));
    const storeUrl = new URL((await createGrantedUrl(database, ownerUrl, grantAgentFunction)).reveal());
    storeUrl.port = String(store.port);
    const keys = createAgentKeys();
    const host = await createLocalFunctionsHost({
      projectFile: path.join(root, 'project.yml'),
      functionsDir: functionsDir(),
      schedule: false,
      limits: { perMinuteCount: 10_000 },
      env: {
        ...(await unusedSettings()),
        AGENT_PUBLIC_KEY: [keys.x, ...moreKeys].join(','),
        AGENT_DATABASE_URL: storeUrl.href,
        DATA_PLANE_CA: 'none',
        AGENT_CLIENT_IDENTITY: 'none',
      },
    });
    open.push(
      () => host.stop(),
      async () => {
        await store.reopen();
        await store.close();
      },
    );
    const url = host.webUrl('control/agent');
    return {
      host,
      database,
      store,
      keys,
      url,
      post: async (body, { path: rest = '', method = 'POST', headers = {} } = {}) => {
        const response = await fetch(`${url}${rest}`, {
          method,
          headers: { 'content-type': 'application/jwt', ...headers },
          ...(method === 'GET' || method === 'HEAD' ? {} : { body }),
        });
        const retryAfter = response.headers.get('retry-after');
        return { status: response.status, body: await response.text(), retryAfter };
      },
      logs: () =>
        host
          .activations()
          .flatMap(({ logs }) => logs)
          .join('\n'),
    };
  };
}
