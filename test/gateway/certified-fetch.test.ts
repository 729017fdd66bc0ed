// The way to the control host with a client certificate, against a real TLS server that asks for one.

import { once } from 'node:events';
import http, { type RequestListener, type Server } from 'node:http';
import https, { type ServerOptions } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { inspect } from 'node:util';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import { type CertifiedFetch, createCertifiedFetch } from '../../lib/gateway/certified-fetch.ts';
import { createGateway } from '../../lib/gateway/client.ts';
import type { MutualTls } from '../../lib/mutual-tls.ts';
import { Secret } from '../../lib/secret.ts';
import {
  createPrivateAuthority,
  EXPIRED,
  type IssuedCertificate,
  type PrivateAuthority,
} from '../world/private-authority.ts';
import { describeFetch } from './fetch.contract.ts';

let authority: PrivateAuthority;
let stranger: PrivateAuthority;
let server: IssuedCertificate;
let client: IssuedCertificate;
const ends: (() => Promise<void> | void)[] = [];

beforeAll(async () => {
  authority = await createPrivateAuthority();
  stranger = await createPrivateAuthority('Another authority');
  server = await authority.issueServer(['localhost']);
  client = await authority.issueClient('control-sync');
});
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

const identify = (
  { certPem, keyPem }: IssuedCertificate,
  { caPem }: PrivateAuthority = authority,
): MutualTls => ({ ca: caPem, certificate: certPem, key: new Secret(keyPem) });

function connect(tls: MutualTls = identify(client)): CertifiedFetch {
  const certified = createCertifiedFetch(tls, { maxSockets: 8 });
  ends.push(() => certified.close());
  return certified;
}

async function listen(listener: Server | https.Server): Promise<number> {
  const sockets = new Set<Socket>();
  listener.on('connection', (socket) => sockets.add(socket));
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  ends.push(async () => {
    for (const socket of sockets) socket.destroy();
    listener.close();
    await once(listener, 'close');
  });
  return (listener.address() as AddressInfo).port;
}

async function serve(answer: RequestListener, changes: ServerOptions = {}) {
  const own = { cert: server.certPem, key: server.keyPem, ca: authority.caPem, requestCert: true };
  const listener = https.createServer({ ...own, ...changes }, answer);
  return { url: `https://localhost:${await listen(listener)}`, listener };
}

describe('fetch with a certificate', () => {
  describeFetch(() => ({ fetch: connect().fetch, serve }));
});

describe('Node’s own fetch', () => {
  describeFetch(() => ({
    fetch: globalThis.fetch,
    serve: async (answer) => ({ url: `http://localhost:${await listen(http.createServer(answer))}` }),
  }));
});

describe('the certificates of both sides', () => {
  const ask = ({ fetch }: CertifiedFetch, url: string) =>
    fetch(new URL(url), {
      method: 'GET',
      headers: { authorization: 'Bearer sk-1' },
      redirect: 'error',
      signal: new AbortController().signal,
    });
  /** How nginx answers with `ssl_verify_client on`: the handshake succeeds, and the page says why not. */
  const likeNginx: RequestListener = (request, response) => {
    const { authorized } = request.socket as unknown as { authorized: boolean };
    if (authorized) response.end('{}');
    else response.writeHead(400, { 'content-type': 'text/html' }).end('<h1>400 Bad Request</h1>');
  };

  test('a right one comes in over TLS 1.3, and the server knows who calls', async () => {
    let seen: unknown;
    const { url } = await serve(({ socket }, response) => {
      const tls = socket as import('node:tls').TLSSocket;
      seen = [tls.authorized, tls.getPeerCertificate().subject.CN, tls.getProtocol()];
      response.end();
    });

    await ask(connect(), url);

    expect(seen).toEqual([true, 'control-sync', 'TLSv1.3']);
  });

  test('a missing, an expired and a stranger’s one end a handshake that insists', async () => {
    const { url } = await serve(likeNginx, { rejectUnauthorized: true });
    const expired = await authority.issueClient('control-sync', EXPIRED);
    const foreign = await stranger.issueClient('control-sync');

    expect((await ask(connect(), url)).status).toBe(200);
    for (const certificate of [expired, foreign]) {
      await expect(ask(connect(identify(certificate)), url)).rejects.toThrow();
    }
  });

  test('a server of another authority, of another name, expired or with TLS 1.2 alone is told nothing', async () => {
    const asked: string[] = [];
    const listener: RequestListener = (request, response) => {
      asked.push(request.url ?? '');
      response.end();
    };
    const expired = await authority.issueServer(['localhost'], EXPIRED);
    const misnamed = await authority.issueServer(['elsewhere.example'], { ip: false });
    const foreign = await stranger.issueServer(['localhost']);
    const servers = await Promise.all([
      ...[expired, misnamed, foreign].map(({ certPem, keyPem }) =>
        serve(listener, { cert: certPem, key: keyPem }),
      ),
      serve(listener, { maxVersion: 'TLSv1.2' }),
    ]);

    for (const { url } of servers) await expect(ask(connect(), url)).rejects.toThrow();
    expect(asked).toEqual([]);
  });

  test('plain http is not asked at all', async () => {
    await expect(ask(connect(), 'http://localhost:1')).rejects.toThrow(TypeError);
  });

  test('the gateway says GATEWAY_DENIED once, and whose certificate it was', async () => {
    const { url } = await serve(likeNginx, { rejectUnauthorized: false });
    const expired = await authority.issueClient('control-sync', EXPIRED);
    const readWith = (baseUrl: string, tls: MutualTls) =>
      createGateway({
        baseUrl,
        adminKey: new Secret('sk-1'),
        clock: systemClock,
        timeoutMs: 5_000,
        maxConcurrency: 1,
        fetch: connect(tls).fetch,
      }).listTeams(new AbortController().signal);

    await expect(readWith(url, identify(expired))).rejects.toMatchObject({
      code: 'GATEWAY_DENIED',
      retryable: false,
      details: { certificate: 'ours' },
    });
    await expect(readWith(url, identify(client, stranger))).rejects.toMatchObject({
      code: 'GATEWAY_DENIED',
      details: { certificate: 'theirs' },
    });
  });

  test('a right certificate of somebody who may not come in is told from a key without the right', async () => {
    const refusal = (code: string) =>
      JSON.stringify({ error: { message: '', type: 'permission_error', code } });
    const answers = [refusal('forbidden'), refusal('403')];
    const { url } = await serve((_, response) => {
      response.writeHead(403, { 'content-type': 'application/json' }).end(answers.shift());
    });
    const read = () =>
      createGateway({
        baseUrl: url,
        adminKey: new Secret('sk-1'),
        clock: systemClock,
        timeoutMs: 5_000,
        maxConcurrency: 1,
        fetch: connect().fetch,
      }).listTeams(new AbortController().signal);

    await expect(read()).rejects.toMatchObject({ code: 'GATEWAY_DENIED', details: { certificate: 'ours' } });
    await expect(read()).rejects.toMatchObject({ code: 'GATEWAY_DENIED', details: { status: 403 } });
  });

  test('no error shows the key of the certificate or of LiteLLM', async () => {
    const foreign = await stranger.issueClient('control-sync');
    const { url } = await serve(likeNginx, { rejectUnauthorized: true });

    const error = await ask(connect(identify(foreign)), url).catch((reason: unknown) => reason);

    const shown = inspect(error, { depth: 10 });
    expect(shown).not.toContain('PRIVATE KEY');
    expect(shown).not.toContain('sk-1');
  });
});

describe('connections', () => {
  const init = () => ({
    method: 'GET',
    headers: {},
    redirect: 'error' as const,
    signal: new AbortController().signal,
  });

  test('are used again, and never more than allowed at once', async () => {
    const sockets = new Set<Socket>();
    const { url } = await serve((request, response) => {
      sockets.add(request.socket);
      response.end('{}');
    });
    const { fetch } = connect();

    await Promise.all(Array.from({ length: 40 }, () => fetch(new URL(url), init())));

    expect(sockets.size).toBeLessThanOrEqual(8);
  });

  test('keep no process alive while they rest', async () => {
    const { url } = await serve((_, response) => response.end('{}'));

    await connect().fetch(new URL(url), init());

    const resting = process.getActiveResourcesInfo().filter((name) => name === 'TLSSocketWrap');
    expect(resting).toEqual([]);
  });

  test('an answer without end is given up before it fills the memory', async () => {
    const piece = Buffer.alloc(1_000_000);
    const { url } = await serve((_, response) => {
      const more = () => {
        while (!response.destroyed && response.write(piece));
        if (!response.destroyed) response.once('drain', more);
      };
      more();
    });

    await expect(connect().fetch(new URL(url), init())).rejects.toThrow(RangeError);
  });
});
