// The functions' way to Managed PostgreSQL, with the shipped stunnel configuration between the client of the control
// plane and a PostgreSQL that stands for DigitalOcean's: TLS as it negotiates it, another authority, passwords only.

import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Child, startChild } from '../world/child.ts';
import {
  createDropletCertificates,
  type DropletCertificates,
  issueForeignClient,
  type Pair,
} from '../world/droplet-certificates.ts';
import { findFreePort } from '../world/port.ts';
import { type Postgres, startPostgres } from '../world/postgres.ts';
import { makeThrowAwayFolder } from '../world/throw-away-folder.ts';
import { waitUntil } from '../world/wait-until.ts';
import { DROPLET } from './paths.ts';

const PHASE_2 = join(DROPLET, 'scale', 'phase-2');
const START_LIMIT_MS = 10_000;
/** What DigitalOcean's plan with 4 GB allows: 25 a GB less 3 (docs/scale.md). */
const PLAN_CONNECTIONS = 97;
const PUBLIC_HOST = 'llm.example.com';
const PASSWORD = 'a-password-of-the-roles-of-the-tests-0001';
const ROLES = [
  'litellm',
  'litellm_reader',
  'control_plane',
  'control_webhook',
  'control_portal',
  'control_agent',
  'control_backup',
  'droplet_agent',
];

const folder = makeThrowAwayFolder();
const ends: (() => Promise<void>)[] = [];
let ours: DropletCertificates;
let managedDir: string;
let postgres: Postgres;
let gatewayPort: number;

beforeAll(async () => {
  ours = await createDropletCertificates(makeFolder('ours'), PUBLIC_HOST);
  managedDir = makeFolder('managed');
  // Its site of the name `localhost` is the cluster of DigitalOcean here, of another authority than ours.
  await createDropletCertificates(managedDir, 'localhost');
  postgres = await startPostgres({ dir: join(folder.path, 'postgres'), log: () => undefined });
  ends.push(postgres.stop);
  await speakTlsAsDigitalOcean();
  applyRoles();
  gatewayPort = await startGateway('localhost', 'gateway');
}, 120_000);

afterAll(async () => {
  for (const end of ends.reverse()) await end();
  folder.remove();
});

describe('the roles', () => {
  test('are made by an administrator who is no superuser, and again without a difference', () => {
    expect(applyRoles()).toBe(0);
  });

  test('may together hold fewer connections than the plan allows', async () => {
    const rows = await ask(
      postgres.url('postgres'),
      'select sum(rolconnlimit) from pg_roles where rolname = any($1)',
      [ROLES],
    );

    expect(Number(rows[0]?.sum)).toBe(74);
    expect(Number(rows[0]?.sum)).toBeLessThan(PLAN_CONNECTIONS);
  });

  test('reach no database but their own', async () => {
    const url = (role: string, database: string) =>
      `postgres://${role}:${PASSWORD}@127.0.0.1:${postgres.port}/${database}`;

    expect(await ask(url('control_webhook', 'control'), 'select 1 as one')).toEqual([{ one: 1 }]);
    await expect(ask(url('control_webhook', 'litellm'), 'select 1')).rejects.toMatchObject({ code: '42501' });
    await expect(ask(url('litellm', 'control'), 'select 1')).rejects.toMatchObject({ code: '42501' });
  });
});

describe('through the gateway', () => {
  test('a role with its password and a certificate of ours is let in, with its own limits in force', async () => {
    const rows = await askThrough(await ours.issueClient('control-webhook'), 'control_webhook');

    expect(rows).toEqual([{ who: 'control_webhook', limit: '4s', tls: true }]);
  });

  test('a certificate does not stand for a password', async () => {
    await expect(
      askThrough(await ours.issueClient('control-sync'), 'control_plane', 'guessed'),
    ).rejects.toMatchObject({
      code: '28P01',
    });
  });

  test('a password does not stand for a certificate: none, or a stranger’s, sees nothing of PostgreSQL', async () => {
    await expect(askThrough(undefined, 'control_plane')).rejects.not.toHaveProperty('severity');
    await expect(
      askThrough(await issueForeignClient('control-sync'), 'control_plane'),
    ).rejects.not.toHaveProperty('severity');
  });

  test('what answers under another name than DigitalOcean’s is told nothing', async () => {
    gatewayPort = await startGateway('127.0.0.1', 'other-name');

    await expect(
      askThrough(await ours.issueClient('control-backup'), 'control_backup'),
    ).rejects.not.toHaveProperty('severity');
  });
});

function makeFolder(name: string): string {
  const path = join(folder.path, name);
  mkdirSync(path);
  return path;
}

/** Puts the certificate of `localhost` into the server, as a cluster of DigitalOcean has one of DigitalOcean's. */
async function speakTlsAsDigitalOcean(): Promise<void> {
  const [{ data_directory: data } = { data_directory: '' }] = await ask(
    postgres.url('postgres'),
    'show data_directory',
  );
  const pair = readFileSync(join(managedDir, 'public.pem'), 'utf8');
  for (const name of ['server.crt', 'server.key']) {
    const file = join(String(data), name);
    // PostgreSQL takes from a file what it looks for there.
    writeFileSync(file, pair, { mode: 0o600 });
    const { uid, gid } = statSync(String(data));
    if (process.getuid?.() === 0) chownSync(file, uid, gid);
  }
  const administrator = `create role doadmin login createrole createdb password '${PASSWORD}'`;
  for (const text of ['alter system set ssl = on', administrator, 'select pg_reload_conf()'])
    await ask(postgres.url('postgres'), text);
  await waitUntil(async () => (await ask(postgres.url('postgres'), 'show ssl'))[0]?.ssl === 'on', {
    what: 'PostgreSQL does not speak TLS',
    limitMs: START_LIMIT_MS,
    everyMs: 50,
  });
}

/** Runs the shipped apply-roles as the administrator of a managed cluster; its exit code. */
function applyRoles(): number | null {
  const passwords = Object.fromEntries(ROLES.map((role) => [`${role.toUpperCase()}_PASSWORD`, PASSWORD]));
  const { status, stderr } = spawnSync(join(DROPLET, 'postgres', 'apply-roles'), {
    encoding: 'utf8',
    env: {
      ...process.env,
      ...passwords,
      ROLES_SQL: join(PHASE_2, 'postgres', 'roles.sql'),
      PSQL: `psql --host=127.0.0.1 --port=${postgres.port} --username=doadmin`,
      PGPASSWORD: PASSWORD,
    },
  });
  if (status !== 0) throw new Error(stderr);
  return status;
}

/** The shipped configuration with the folders and the port of this test; answers the port that nginx would pass on to. */
async function startGateway(managedHost: string, name: string): Promise<number> {
  const run = join(folder.path, name);
  mkdirSync(run);
  const server = ['db.key', 'db.crt'].map((file) => readFileSync(join(ours.dir, file), 'utf8'));
  writeFileSync(join(run, 'database.pem'), server.join(''));
  const port = await findFreePort();
  const shipped = readFileSync(join(PHASE_2, 'database-gateway.conf'), 'utf8');
  const configuration = shipped
    .replaceAll('MANAGED_HOST:25060', `127.0.0.1:${postgres.port}`)
    .replaceAll('MANAGED_HOST', managedHost)
    .replaceAll('/etc/litellm/managed/database.pem', join(run, 'database.pem'))
    .replaceAll('/etc/litellm/managed/database-ca.crt', join(managedDir, 'functions-ca.pem'))
    .replaceAll('/etc/litellm/tls/ca.pem', join(ours.dir, 'ca.pem'))
    .replaceAll('/run/litellm-database/from-nginx.sock', `127.0.0.1:${port}`)
    .replaceAll('/run/litellm-database', run)
    .replace(/^set[ug]id = .*$/gm, '');
  writeFileSync(join(run, 'gateway.conf'), configuration);
  chmodSync(run, 0o755);
  const child: Child = startChild({
    command: 'stunnel4',
    args: [join(run, 'gateway.conf')],
    env: process.env,
    logFile: join(run, 'gateway.log'),
    stopSignal: 'TERM',
  });
  ends.push(child.stop);
  await waitUntil(async () => child.hasExited() || (await isOpen(port)), {
    what: 'The gateway did not start',
    limitMs: START_LIMIT_MS,
    everyMs: 20,
    explain: () => readFileSync(join(run, 'gateway.log'), 'utf8'),
  });
  return port;
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => resolve(true));
    socket.on('error', () => resolve(false));
    socket.on('close', () => resolve(false)).end();
  });
}

async function ask(url: string, text: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return (await client.query(text, values)).rows;
  } finally {
    await client.end();
  }
}

/** As a function does: TLS at once, our authority, a certificate, a role's password, a limit of its own. */
async function askThrough(
  certificate: Pair | undefined,
  role: string,
  password = PASSWORD,
): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({
    host: '127.0.0.1',
    port: gatewayPort,
    user: role,
    password,
    database: 'control',
    statement_timeout: 4_000,
    connectionTimeoutMillis: START_LIMIT_MS,
    sslnegotiation: 'direct',
    ssl: {
      ca: ours.ca,
      servername: `db.${PUBLIC_HOST}`,
      ...certificate,
    },
  } as pg.ClientConfig);
  client.on('error', () => undefined);
  // One that was never connected has no goodbye to wait for: pg would wait for it.
  await client.connect();
  try {
    const { rows } = await client.query(
      `select current_user as who, current_setting('statement_timeout') as limit, ssl as tls
         from pg_stat_ssl where pid = pg_backend_pid()`,
    );
    return rows;
  } finally {
    await client.end();
  }
}
