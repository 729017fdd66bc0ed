// Stands where LiteLLM stands, and does what a test tells it: shows what arrives, and holds an answer open.

import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type UpstreamStandIn = {
  /** `host:port`. */
  readonly address: string;
  /** What arrived, oldest first. */
  readonly requests: IncomingMessage[];
  /** Answers to `POST /v1/chat/completions` whose first piece is sent and whose last waits for `finish`. */
  readonly open: { finish(): void }[];
  /** Nobody answers at the address until `resume`. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  close(): Promise<void>;
};

export const FIRST_PIECE = 'data: {"piece":"first"}\n\n';
export const LAST_PIECE = 'data: [DONE]\n\n';

export async function startUpstreamStandIn(): Promise<UpstreamStandIn> {
  const requests: IncomingMessage[] = [];
  const open: { finish(): void }[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    if (request.url?.startsWith('/v1/chat/completions')) return stream(response, open);
    request.resume();
    request.on('end', () => response.end(JSON.stringify({ path: request.url })));
  });
  const listen = async (port: number) => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  };
  const port = await listen(0);
  const stop = async () => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  };
  return {
    address: `127.0.0.1:${port}`,
    requests,
    open,
    pause: stop,
    resume: async () => {
      await listen(port);
    },
    close: stop,
  };
}

function stream(response: ServerResponse, open: { finish(): void }[]): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write(FIRST_PIECE);
  open.push({ finish: () => response.end(LAST_PIECE) });
}
