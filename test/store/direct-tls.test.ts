// The control database as on the droplet: TLS from the first byte, a certificate of our authority, TLS 1.3.

import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type Server } from 'node:tls';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { MutualTls } from '../../lib/mutual-tls.ts';
import { Secret } from '../../lib/secret.ts';
import { createDatabase, type Database } from '../../lib/store/database.ts';
import { applyMigrations } from '../../lib/store/migrate.ts';
import { findSchemaLevel, SCHEMA_LEVEL } from '../../lib/store/schema.ts';
import { startTcpProxy, type TcpProxy } from '../control/tcp-proxy.ts';
import { type Postgres, startPostgres } from '../world/postgres.ts';
import { requireCertificates } from '../world/postgres-tls.ts';
import {
  createPrivateAuthority,
  EXPIRED,
  type IssuedCertificate,
  type PrivateAuthority,
} from '../world/private-authority.ts';
import { makeThrowAwayFolder } from '../world/throw-away-folder.ts';

const folder = makeThrowAwayFolder();
let postgres: Postgres;
let authority: PrivateAuthority;
let stranger: PrivateAuthority;
let client: IssuedCertificate;
const opened: Database[] = [];
const ends: (() => Promise<void>)[] = [];

beforeAll(async () => {
  authority = await createPrivateAuthority();
  stranger = await createPrivateAuthority('Another authority');
  client = await authority.issueClient('control-sync');
  postgres = await startPostgres({ dir: folder.path, log: () => undefined });
  await postgres.createRole('control_plane');
  await postgres.createDatabase('control');
  const server = await authority.issueServer(['localhost']);
  await requireCertificates(postgres, folder.path, { caPem: authority.caPem, ...server });
});
afterEach(async () => {
  for (const database of opened.splice(0)) await database.close();
  for (const end of ends.splice(0)) await end();
});
afterAll(async () => {
  await postgres?.stop();
  folder.remove();
});

const identify = (
  { certPem, keyPem }: IssuedCertificate,
  { caPem }: PrivateAuthority = authority,
): MutualTls => ({ ca: caPem, certificate: certPem, key: new Secret(keyPem) });

/** By the name in the certificate. */
function urlOf(role: string, search = '', port = postgres.port): Secret {
  const url = new URL(postgres.url('control', role));
  url.hostname = 'localhost';
  url.port = String(port);
  url.search = search;
  return new Secret(url.href);
}

function open(tls: MutualTls | undefined, changes: Partial<Parameters<typeof createDatabase>[0]> = {}) {
  const database = createDatabase({ url: urlOf('control_plane'), tls, ...changes });
  opened.push(database);
  return database;
}

async function openProxy(): Promise<TcpProxy> {
  const proxy = await startTcpProxy(postgres.port);
  ends.push(() => proxy.close());
  return proxy;
}

async function startTlsServer({ certPem, keyPem }: IssuedCertificate): Promise<Server> {
  const server = createServer({ cert: certPem, key: keyPem, ALPNProtocols: ['postgresql'] });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ends.push(async () => {
    server.close();
    await once(server, 'close');
  });
  return server;
}

const askTls = (database: Database) =>
  database.query<{ version: string; subject: string }>(
    'select version, client_dn as subject from pg_stat_ssl where pid = pg_backend_pid()',
  );

test('with our certificate and the password the connection is TLS 1.3, and the server knows who calls', async () => {
  const { rows } = await askTls(open(identify(client)));

  expect(rows).toEqual([{ version: 'TLSv1.3', subject: '/CN=control-sync' }]);
});

test('many connections at once and one after the other are let in alike', async () => {
  const database = open(identify(client), { maxConnections: 4 });

  const answers = await Promise.all(Array.from({ length: 20 }, () => askTls(database)));

  expect(new Set(answers.map(({ rows }) => rows[0]?.version))).toEqual(new Set(['TLSv1.3']));
});

test('what the URL says about TLS does not weaken it', async () => {
  const weaker = open(identify(client), { url: urlOf('control_plane', '?sslmode=no-verify') });
  const wrong = open(identify(client, stranger), { url: urlOf('control_plane', '?sslmode=no-verify') });
  const off = open(identify(client), { url: urlOf('control_plane', '?sslmode=disable&ssl=false') });

  expect((await askTls(weaker)).rows[0]?.version).toBe('TLSv1.3');
  await expect(askTls(wrong)).rejects.toMatchObject({ code: 'STORE_DENIED' });
  expect((await askTls(off)).rows[0]?.version).toBe('TLSv1.3');
});

test('a URL may ask for the older beginning, which managed databases speak', async () => {
  const database = open(identify(client), { url: urlOf('control_plane', '?sslnegotiation=postgres') });

  expect((await askTls(database)).rows[0]?.version).toBe('TLSv1.3');
});

test('the wrong password is refused in spite of the certificate', async () => {
  const url = new URL(urlOf('control_plane').reveal());
  url.password = 'guessed';

  await expect(askTls(open(identify(client), { url: new Secret(url.href) }))).rejects.toMatchObject({
    code: 'STORE_DENIED',
    details: { sqlState: '28P01' },
  });
});

test('without TLS the right password opens nothing', async () => {
  await expect(askTls(open(undefined))).rejects.toMatchObject({
    code: 'STORE_DENIED',
    details: { sqlState: '28000' },
  });
});

test('an expired certificate and one of another authority are refused for good, as ours', async () => {
  const expired = await authority.issueClient('control-sync', EXPIRED);
  const foreign = await stranger.issueClient('control-sync');

  for (const certificate of [expired, foreign]) {
    await expect(askTls(open(identify(certificate)))).rejects.toMatchObject({
      code: 'STORE_DENIED',
      retryable: false,
      details: { certificate: 'ours' },
    });
  }
});

test('a server of another authority or another name is told nothing, not even the role', async () => {
  const heard: Buffer[] = [];
  const elsewhere = await startTlsServer(
    await authority.issueServer(['db.elsewhere.example'], { ip: false }),
  );
  elsewhere.on('secureConnection', (socket) => socket.on('data', (data) => heard.push(data)));
  const { port } = elsewhere.address() as AddressInfo;
  const unknown = open(identify(client, stranger));
  const misnamed = open(identify(client), { url: urlOf('control_plane', '', port) });

  for (const database of [unknown, misnamed]) {
    await expect(askTls(database)).rejects.toMatchObject({
      code: 'STORE_DENIED',
      details: { certificate: 'theirs' },
    });
  }
  expect(heard).toEqual([]);
});

test('a server that takes the connection and says nothing is left after the time for connecting', async () => {
  const proxy = await openProxy();
  proxy.swallowNew();
  const database = open(identify(client), {
    url: urlOf('control_plane', '', proxy.port),
    connectTimeoutMs: 200,
  });

  await expect(askTls(database)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', retryable: true });
});

test('a warm connection that died silently is left after the time for an answer, and the next query has a new one', async () => {
  const proxy = await openProxy();
  const database = open(identify(client), {
    url: urlOf('control_plane', '', proxy.port),
    maxConnections: 1,
    answerTimeoutMs: 500,
  });
  await askTls(database);
  proxy.silenceOpen();

  await expect(askTls(database)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  expect((await askTls(database)).rows[0]?.version).toBe('TLSv1.3');
});

test('migrations come in the same way', async () => {
  await postgres.createDatabase('fresh');
  const url = new URL(urlOf('postgres').reveal());
  url.pathname = '/fresh';
  const database = open(identify(client), { url: new Secret(url.href) });

  const applied = await applyMigrations(new Secret(url.href), identify(client));

  expect(applied).toContain(SCHEMA_LEVEL);
  expect(await findSchemaLevel(database)).toBe(SCHEMA_LEVEL);
});
