// PostgreSQL behind the shipped nginx: on the same port as the websites, TLS from end to end, for holders of a
// certificate of our own authority and the role's password together.

import { chownSync, copyFileSync, writeFileSync } from 'node:fs';
import { Socket, type TcpSocketConnectOpts } from 'node:net';
import { join } from 'node:path';
import { Client, type ClientConfig } from 'pg';
import { afterAll, expect, test } from 'vitest';
import { issueForeignClient } from '../world/droplet-certificates.ts';
import { type Postgres, startPostgres } from '../world/postgres.ts';
import { preparePostgresHome } from '../world/postgres-home.ts';
import { makeThrowAwayFolder } from '../world/throw-away-folder.ts';
import { waitUntil } from '../world/wait-until.ts';
import { DATABASE_HOST, PUBLIC_HOST, useEdge } from './edge-fixture.ts';

const ROLE = 'control_plane';
const CONNECTIONS = 3;
// The test's own superuser comes in beside nginx, without TLS.
const HBA = `hostnossl all postgres 127.0.0.1/32 scram-sha-256
hostssl all ${ROLE} all scram-sha-256 clientcert=verify-ca
`;
const folder = makeThrowAwayFolder();
let postgres: Postgres;
const edge = useEdge(async (certificates) => {
  const { user } = preparePostgresHome(folder.path);
  const file = (name: string) => join(folder.path, name);
  writeFileSync(file('pg_hba.conf'), HBA);
  for (const name of ['db.crt', 'db.key', 'ca.pem']) {
    copyFileSync(join(certificates.dir, name), file(name));
    if (user !== undefined) chownSync(file(name), user.uid, user.gid);
  }
  postgres = await startPostgres({
    dir: folder.path,
    settings: [
      'ssl=on',
      'ssl_min_protocol_version=TLSv1.3',
      `ssl_cert_file=${file('db.crt')}`,
      `ssl_key_file=${file('db.key')}`,
      `ssl_ca_file=${file('ca.pem')}`,
      `hba_file=${file('pg_hba.conf')}`,
    ],
    log: () => undefined,
  });
  await postgres.createRole(ROLE);
  return {
    litellmAddress: '127.0.0.1:9',
    postgresAddress: `127.0.0.1:${postgres.port}`,
    settings: { DATABASE_CONNECTIONS: `${CONNECTIONS}` },
  };
});
afterAll(async () => {
  await postgres?.stop();
  folder.remove();
});

test('a function connects with its certificate and the password of its role, by TLS that PostgreSQL itself ends', async () => {
  const row = await ask({ ssl: await identity(), from: '127.0.0.77' });

  expect(row).toEqual({ role: ROLE, ssl: true, version: 'TLSv1.3', client_dn: '/CN=control-sync' });
  const line = await waitUntil(
    async () =>
      edge.nginx.readAccessLog().find(({ site, client }) => site === 'database' && client === '127.0.0.77'),
    { what: 'nginx logged no connection to PostgreSQL from there', limitMs: 5_000, everyMs: 20 },
  );
  expect(line).toMatchObject({ status: 200 });
});

test('PostgreSQL’s own first message leads to it under another name too', async () => {
  // Then its certificate is another host's, which the client must be told to expect.
  const ssl = { ...(await identity('control-sync', PUBLIC_HOST)), checkServerIdentity: () => undefined };

  expect(await ask({ ssl })).toMatchObject({ role: ROLE });
});

test('without a certificate of ours nobody comes to the question of the password', async () => {
  const ours = await identity();
  const { servername, ca } = ours;
  const expired = { notBeforeDate: new Date(Date.UTC(2024, 0)), notAfterDate: new Date(Date.UTC(2025, 0)) };

  // SQLSTATE 28000: invalid_authorization_specification
  await expect(ask({ ssl: { servername, ca } })).rejects.toMatchObject({ code: '28000' });
  // An authority of the same name, whose signature is another.
  await expect(
    ask({ ssl: { servername, ca, ...(await issueForeignClient('control-sync')) } }),
  ).rejects.toMatchObject({ code: 'ERR_SSL_TLSV1_ALERT_DECRYPT_ERROR' });
  await expect(
    ask({ ssl: { ...ours, ...(await edge.certificates.issueClient('control-sync', expired)) } }),
  ).rejects.toMatchObject({ code: expect.stringMatching(/ALERT_CERTIFICATE_EXPIRED$/) });
  expect(await ask({ ssl: ours })).toMatchObject({ role: ROLE });
});

test('a certificate alone opens nothing, and no role but those named may come from outside', async () => {
  const ssl = await identity();

  // SQLSTATE 28P01: invalid_password
  await expect(ask({ ssl, password: 'guessed' })).rejects.toMatchObject({ code: '28P01' });
  await expect(ask({ ssl, user: 'postgres' })).rejects.toMatchObject({ code: '28000' });
});

test('who asks for TLS in PostgreSQL’s old way, or for none, reaches no database', async () => {
  const ssl = await identity();

  await expect(ask({ ssl, sslnegotiation: 'postgres' })).rejects.toThrow();
  await expect(ask({ sslnegotiation: 'postgres', ssl: false })).rejects.toThrow();
});

test('one address has only so many connections, and leaves the others theirs', async () => {
  const from = '127.0.0.78';
  const ssl = await identity();
  const open: Client[] = [];
  for (let count = 0; count < CONNECTIONS; count += 1) open.push(await connect({ ssl, from }));

  await expect(ask({ ssl, from })).rejects.toThrow();
  expect(await ask({ ssl, from: '127.0.0.79' })).toMatchObject({ role: ROLE });
  for (const client of open) await client.end();
});

/** Connects through port 443 as our functions do; `ssl` and the rest override that. */
async function ask(config: ClientConfig & { readonly from?: string } = {}): Promise<unknown> {
  const client = await connect(config);
  try {
    const { rows } = await client.query(
      'select current_user as role, ssl, version, client_dn from pg_stat_ssl where pid = pg_backend_pid()',
    );
    return rows[0];
  } finally {
    await client.end();
  }
}

async function connect({ from, ...config }: ClientConfig & { readonly from?: string } = {}): Promise<Client> {
  const { password } = new URL(postgres.url('postgres'));
  const client = new Client({
    host: '127.0.0.1',
    port: edge.nginx.httpsPort,
    database: 'postgres',
    user: ROLE,
    password,
    sslnegotiation: 'direct',
    connectionTimeoutMillis: 5_000,
    ...(from === undefined ? {} : { stream: () => new SocketFrom(from) }),
    ...config,
  });
  // What ends a connection that the server refuses is told by `connect` too.
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

/** The TLS part of a function's connection. */
async function identity(commonName = 'control-sync', servername = DATABASE_HOST) {
  return { servername, ca: edge.certificates.ca, ...(await edge.certificates.issueClient(commonName)) };
}

class SocketFrom extends Socket {
  readonly #from: string;

  constructor(from: string) {
    super();
    this.#from = from;
  }

  override connect(port: unknown, host?: unknown): this {
    const options: TcpSocketConnectOpts = {
      port: Number(port),
      host: String(host),
      localAddress: this.#from,
    };
    return super.connect(options);
  }
}
