// Finds a free port on the loopback address.

import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';

/** `wanted` when it is free, else one the system chooses. Another program may still take it before its user does. */
export async function findFreePort(wanted = 0): Promise<number> {
  const server = createServer();
  try {
    server.listen(wanted, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  } catch (error) {
    if (wanted === 0 || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    return findFreePort();
  } finally {
    server.close();
  }
}
