// The public site of the local world: stands where nginx stands in front of a deployment, and passes what is below
// /dashboard to control/portal, with the path as it is.

import { once } from 'node:events';
import { type ServerType, serve } from '@hono/node-server';
import { Hono } from 'hono';
import { proxy } from 'hono/proxy';

export type PublicSite = {
  /** PUBLIC_BASE_URL. By the name `localhost`, to which browsers also give Secure cookies over http. */
  readonly url: string;
  /** From now on the portal is reached at this web address of the functions host; 503 before. */
  connect(portalUrl: string): void;
  close(): Promise<void>;
};

/** Starts before the functions do: they are told its address. `port` must be free. */
export async function startPublicSite(port: number): Promise<PublicSite> {
  const url = `http://localhost:${port}`;
  let portalUrl: string | undefined;
  const app = new Hono();
  app.get('/', (context) => context.redirect('/dashboard'));
  for (const path of ['/dashboard', '/dashboard/*']) {
    app.all(path, async (context): Promise<Response> => {
      if (portalUrl === undefined) return context.text('The functions are not ready yet.', 503);
      const { pathname, search } = new URL(context.req.url);
      // The browser follows redirects itself: they carry cookies.
      return proxy(`${portalUrl}${pathname}${search}`, { raw: context.req.raw, redirect: 'manual' });
    });
  }

  const server = serve({ fetch: app.fetch, port, hostname: '127.0.0.1' });
  if (!server.listening) await once(server, 'listening');
  return {
    url,
    connect: (address) => {
      portalUrl = address;
    },
    close: () => closeServer(server),
  };
}

async function closeServer(server: ServerType): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  if ('closeAllConnections' in server) server.closeAllConnections();
  await closed;
}
