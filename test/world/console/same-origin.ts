// Keeps other web sites out of the console: they cannot reach it by a name of their own (DNS rebinding), nor make the
// browser post to it. It has no sign-in, because it listens on this machine only.

import type { MiddlewareHandler } from 'hono';

/** Refuses a foreign Host, and a change whose Origin is not the console itself. */
export function requireSameOrigin(port: number): MiddlewareHandler {
  const hosts = new Set([`127.0.0.1:${port}`, `localhost:${port}`]);
  return async (context, next) => {
    const host = context.req.header('host') ?? '';
    if (!hosts.has(host))
      return context.text('Open the console by the address that `npm start` printed.', 421);
    const isChange = context.req.method !== 'GET' && context.req.method !== 'HEAD';
    // Browsers send Origin with every POST; whoever sends none is no page of ours.
    if (isChange && context.req.header('origin') !== `http://${host}`) {
      return context.text('Only the console itself may change the world.', 403);
    }
    return next();
  };
}
