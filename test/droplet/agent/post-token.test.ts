// What the other side may do to a post: whatever it is, the post ends and keeps nothing.

import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { postToken } from '../../../droplet/agent/post-token.ts';
import { findFreePort } from '../../world/port.ts';

const { signal } = new AbortController();
const post = (port: number, limitMs = 20_000) =>
  postToken(`http://127.0.0.1:${port}/agent`, 'e30.e30.x', signal, limitMs);

async function serve(answer: RequestListener): Promise<number> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

test('an answer gives its status, its wish and its clock', async () => {
  let received = '';
  const port = await serve(async (request, response) => {
    for await (const chunk of request.setEncoding('utf8')) received += chunk;
    response.writeHead(503, { 'retry-after': '30', date: 'Wed, 25 Nov 2026 12:00:00 GMT' }).end('away');
  });

  const outcome = await post(port);

  expect(received).toBe('e30.e30.x');
  expect(outcome).toEqual({
    status: 'answered',
    statusCode: 503,
    retryAfterSeconds: 30,
    answeredAt: new Date('2026-11-25T12:00:00Z'),
  });
});

test('an answer without end is cut when its status is known', async () => {
  const closed = new Promise<void>((resolve) => {
    void serve((_request, response) => {
      response.on('close', resolve);
      response.writeHead(202);
      const pour = () => {
        while (!response.destroyed && response.write('x'.repeat(65_536)));
      };
      response.on('drain', pour);
      pour();
    }).then(async (port) => {
      expect(await post(port)).toMatchObject({ status: 'answered', statusCode: 202 });
    });
  });

  await closed;
});

test('a wish that is no number of seconds, and a date that is none, are no wish and no date', async () => {
  const port = await serve((_request, response) => {
    response.writeHead(429, { 'retry-after': '1e9', date: 'now' }).end();
  });

  expect(await post(port)).toEqual({
    status: 'answered',
    statusCode: 429,
    retryAfterSeconds: undefined,
    answeredAt: undefined,
  });
});

test('a redirect is not followed: the token is for one address', async () => {
  let count = 0;
  const port = await serve((_request, response) => {
    count += 1;
    response.writeHead(307, { location: '/elsewhere' }).end();
  });

  expect(await post(port)).toMatchObject({ statusCode: 307 });
  expect(count).toBe(1);
});

test('nobody there, somebody who says nothing, and somebody who speaks no HTTP are failures with a code', async () => {
  const silent = await serve(() => undefined);
  const babble = createTcpServer((socket) => {
    socket.on('error', () => undefined);
    socket.end('SSH-2.0-OpenSSH_9.2\r\n');
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void babble.close());
  await once(babble, 'listening');

  const outcomes = [
    await post(await findFreePort()),
    await post(silent, 50),
    await post((babble.address() as AddressInfo).port),
  ];

  expect(outcomes).toEqual([
    { status: 'failed', code: 'ECONNREFUSED' },
    { status: 'failed', code: 'TIMEOUT' },
    { status: 'failed', code: 'HPE_INVALID_CONSTANT' },
  ]);
});
