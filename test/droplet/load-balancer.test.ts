// The shipped nginx behind a load balancer that passes TCP on with a PROXY line, as DigitalOcean's does: who the client
// is, whether a droplet is ready, and challenges of Let's Encrypt that another droplet began.

import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createDropletCertificates } from '../world/droplet-certificates.ts';
import { type Nginx, startNginx } from '../world/nginx.ts';
import { makeThrowAwayFolder } from '../world/throw-away-folder.ts';

const PUBLIC_HOST = 'llm.example.com';
const CLIENT = '203.0.113.7';
const THUMBPRINT = 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs';

const folder = makeThrowAwayFolder();
let litellm: Server;
let nginx: Nginx;
let isDatabaseThere = true;
const forwardedFor: (string | string[] | undefined)[] = [];

beforeAll(async () => {
  const certificates = await createDropletCertificates(folder.path, PUBLIC_HOST);
  litellm = createServer((request, response) => {
    forwardedFor.push(request.headers['x-forwarded-for']);
    response.statusCode = request.url === '/health/readiness' && !isDatabaseThere ? 503 : 200;
    response.end('{}');
  }).listen(0, '127.0.0.1');
  await once(litellm, 'listening');
  nginx = await startNginx({
    dir: folder.path,
    publicHost: PUBLIC_HOST,
    litellmAddress: `127.0.0.1:${(litellm.address() as AddressInfo).port}`,
    postgresAddress: '127.0.0.1:9',
    portalWebUrl: 'none',
    tlsDir: certificates.dir,
    publicCertificate: join(certificates.dir, 'public.pem'),
    isBehindLoadBalancer: true,
    settings: { ACME_THUMBPRINT: THUMBPRINT },
  });
});

afterAll(async () => {
  await nginx?.stop();
  litellm?.close();
  folder.remove();
});

test('LiteLLM and the log are told the client’s address, not the load balancer’s, over TLS that nobody opened before', async () => {
  const answer = await ask({ port: nginx.httpsPort, host: PUBLIC_HOST, path: '/health/liveliness' });

  expect(answer.status).toBe(200);
  expect(forwardedFor.at(-1)).toBe(CLIENT);
  expect(nginx.readAccessLog().at(-1)).toMatchObject({ client: CLIENT, path: '/health/liveliness' });
});

test('what a client says of its address in headers is not believed', async () => {
  const answer = await ask({
    port: nginx.httpsPort,
    host: PUBLIC_HOST,
    path: '/health/liveliness',
    headers: ['X-Forwarded-For: 198.51.100.9', 'X-Real-IP: 198.51.100.9'],
  });

  expect(answer.status).toBe(200);
  expect(forwardedFor.at(-1)).toBe(CLIENT);
});

test('without the line of the load balancer nobody is served', async () => {
  await expect(
    ask({ port: nginx.httpPort, host: PUBLIC_HOST, path: '/x', isAnnounced: false }),
  ).rejects.toThrow();
});

test('a droplet is ready while its LiteLLM is, and while it does not leave', async () => {
  const ready = () =>
    ask({ port: nginx.httpPort, host: '10.0.0.9', path: '/-/ready' }).then(({ status }) => status);
  const leaving = join(folder.path, 'run', 'leaving');

  expect(await ready()).toBe(200);
  isDatabaseThere = false;
  expect(await ready()).toBe(503);
  isDatabaseThere = true;
  writeFileSync(leaving, '');
  expect(await ready()).toBe(503);
  const others = { port: nginx.httpsPort, host: PUBLIC_HOST, path: '/health/liveliness' };
  expect((await ask(others)).status).toBe(200);
  rmSync(leaving);
  expect(await ready()).toBe(200);
});

test('by address there is nothing else to see', async () => {
  await expect(ask({ port: nginx.httpPort, host: '10.0.0.9', path: '/health/readiness' })).rejects.toThrow();
});

test('a challenge that another droplet began is answered for the shared account, and nothing else', async () => {
  const challenge = (token: string) =>
    ask({ port: nginx.httpPort, host: PUBLIC_HOST, path: `/.well-known/acme-challenge/${token}` });

  expect(await challenge('evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA')).toMatchObject({
    status: 200,
    body: `evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA.${THUMBPRINT}`,
  });
  expect((await challenge('with.a.dot')).status).toBe(404);
});

type Question = {
  readonly port: number;
  readonly host: string;
  readonly path: string;
  readonly headers?: readonly string[];
  readonly isAnnounced?: boolean;
};

/** As the load balancer passes a client on: one line, then its bytes. Rejects when nothing is answered. */
async function ask({ port, host, path, headers = [], isAnnounced = true }: Question) {
  const plain: Socket = connect({ port, host: '127.0.0.1' });
  plain.on('error', () => undefined);
  await once(plain, 'connect');
  if (isAnnounced) plain.write(`PROXY TCP4 ${CLIENT} 10.0.0.2 50000 ${port}\r\n`);
  const socket =
    port === nginx.httpsPort
      ? connectTls({ socket: plain, servername: host, rejectUnauthorized: false })
      : plain;
  socket.write(
    [`GET ${path} HTTP/1.1`, `Host: ${host}`, ...headers, 'Connection: close', '', ''].join('\r\n'),
  );
  const answer = await text(socket);
  const status = /^HTTP\/1.1 (\d+)/.exec(answer)?.[1];
  if (status === undefined) throw new Error('No answer.');
  return { status: Number(status), body: answer.slice(answer.indexOf('\r\n\r\n') + 4) };
}
