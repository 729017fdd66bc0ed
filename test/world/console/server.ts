// Starts the console of a local world on 127.0.0.1: a page on which one plays joiner and leaver and watches.

import { once } from 'node:events';
import { type ServerType, serve } from '@hono/node-server';
import { systemClock } from '../../../lib/clock.ts';
import { createGateway } from '../../../lib/gateway/client.ts';
import { readStateFromDatabase } from '../../../lib/gateway/state-from-database.ts';
import { Secret } from '../../../lib/secret.ts';
import { createDatabase } from '../../../lib/store/database.ts';
import { listKeys } from '../../../lib/store/keys.ts';
import type { World } from '../world.ts';
import { createConsoleActions } from './actions.ts';
import { createConsoleApp } from './app.ts';
import { createKeyDesk } from './key-desk.ts';
import { readView } from './read-view.ts';

export type Console = { readonly url: string; close(): Promise<void> };

const LITELLM_LIMIT_MS = 10_000;

/** `port` must be free. */
export async function startConsole(world: World, port: number): Promise<Console> {
  const clock = systemClock;
  const database = createDatabase({ url: world.controlDatabaseUrl });
  const { LITELLM_DATABASE_URL: litellmUrl } = world.environment;
  const litellmDatabase =
    litellmUrl === 'none' ? undefined : createDatabase({ url: new Secret(litellmUrl), maxConnections: 1 });
  const { baseUrl, adminKey } = world.litellm;
  const gateway = createGateway({ baseUrl, adminKey, clock, timeoutMs: LITELLM_LIMIT_MS, maxConcurrency: 2 });
  const signal = () => AbortSignal.timeout(LITELLM_LIMIT_MS);

  const listGatewayKeys = async () =>
    litellmDatabase === undefined
      ? gateway.listKeys(signal())
      : [...(await readStateFromDatabase(litellmDatabase, signal())).keys.values()];
  const faultTexts = new Map<string, string>();
  const actions = createConsoleActions({
    world,
    desk: createKeyDesk(world, database, clock),
    findKeyHash: async ({ userId, teamId }) =>
      (await listKeys(database)).findLast((key) => key.userId === userId && key.teamId === teamId)?.keyHash,
    deleteKey: async (keyHash) => void (await gateway.deleteKeys([keyHash], signal())),
    faultTexts,
    clock,
  });
  const app = createConsoleApp({
    port,
    actions,
    readView: (runId) => readView({ world, database, listGatewayKeys, faultTexts }, runId),
    models: [...new Set(world.policy.groups.flatMap((group) => group.models))],
    about: { litellm: baseUrl, isFake: world.litellm.fake !== undefined },
  });

  const server = serve({ fetch: app.fetch, port, hostname: '127.0.0.1' });
  if (!server.listening) await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${port}`,
    close: async () => {
      await closeServer(server);
      await Promise.all([database.close(), litellmDatabase?.close()]);
    },
  };
}

async function closeServer(server: ServerType): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  if ('closeAllConnections' in server) server.closeAllConnections();
  await closed;
}
