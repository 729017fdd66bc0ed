// A road to a server that can be closed, and that can fall silent under the connections on it, as it does for a
// container that was frozen while its connection died: nothing is refused, nothing is answered.

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export type TcpProxy = {
  readonly port: number;
  /** Connections that ever came. */
  readonly connectionCount: () => number;
  /** Connections that are open now hear nothing any more; new ones work. */
  silenceOpen(): void;
  /** New connections are taken and never answered, until reopen(). */
  swallowNew(): void;
  /** Ends all connections and refuses new ones, until reopen(). */
  close(): Promise<void>;
  reopen(): Promise<void>;
};

export async function startTcpProxy(targetPort: number): Promise<TcpProxy> {
  const open = new Set<Socket>();
  let connectionCount = 0;
  let isSwallowing = false;
  const accept = (client: Socket) => {
    connectionCount += 1;
    track(client);
    if (isSwallowing) return;
    const server = connect(targetPort, '127.0.0.1');
    track(server);
    client.pipe(server).pipe(client);
  };
  const track = (socket: Socket) => {
    open.add(socket);
    socket.on('error', () => socket.destroy()).on('close', () => open.delete(socket));
  };
  let listener = createServer(accept).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;

  return {
    port,
    connectionCount: () => connectionCount,
    silenceOpen() {
      for (const socket of open) socket.unpipe().pause();
    },
    swallowNew() {
      isSwallowing = true;
    },
    async close() {
      const closed = once(listener, 'close');
      listener.close();
      for (const socket of open) socket.destroy();
      await closed;
    },
    async reopen() {
      isSwallowing = false;
      if (listener.listening) return;
      listener = createServer(accept).listen(port, '127.0.0.1');
      await once(listener, 'listening');
    },
  };
}
