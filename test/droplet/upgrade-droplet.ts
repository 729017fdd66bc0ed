// A droplet for the tests of upgrades: a real sshd, a real PostgreSQL with its pg_dump and pg_restore, the shipped
// scripts; Docker and systemd are stand-ins that keep what runs in files, because there is no engine here.
//
// PostgreSQL 15 is Debian's, and only its server and its pg_dump fit each other; the npm package brings no pg_dump.

import { spawnSync } from 'node:child_process';
import { chownSync, cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import pg from 'pg';
import type { SshTarget } from '../../lib/platform/ssh.ts';
import { type Child, startChild } from '../world/child.ts';
import { findFreePort } from '../world/port.ts';
import { startSshd } from '../world/sshd.ts';
import { makeThrowAwayFolder } from '../world/throw-away-folder.ts';
import { waitUntil } from '../world/wait-until.ts';
import { DROPLET } from './paths.ts';

const POSTGRES = '/usr/lib/postgresql/15/bin';
const IMAGE = 'ghcr.io/berriai/litellm-non_root';
const MASTER_KEY = 'sk-master-of-the-droplet';
/** What the archive of `lcp provision` brings, as far as an upgrade looks at it. */
const SHIPPED = ['compose.yml', 'images.env', 'install', 'litellm'];
const STAND_INS = path.join(import.meta.dirname, 'stand-ins');
const START_LIMIT_MS = 20_000;

export type UpgradeDroplet = {
  readonly target: SshTarget;
  /** For `lcp`: an ssh that knows this droplet. */
  readonly variables: Readonly<Record<string, string>>;
  /** A file or folder of the droplet, such as `etc/images.lock.env`. */
  path(name: string): string;
  read(name: string): string;
  /** The version in the container, undefined while none runs. */
  running(): string | undefined;
  /** What docker was asked, in short lines. */
  dockerCalls(): string[];
  /** Makes the docker stand-in fail there: `migrate`, `pg_dump`, `pg_restore`, `start-<version>`, `truncate`. */
  fail(what: string, isFailing?: boolean): void;
  /** The version that answers although it does not serve well. */
  breakVersion(version: string): void;
  query(text: string): Promise<Record<string, unknown>[]>;
  /** What a reboot does: the unit of the stack starts what the lock file says, unless it is held. */
  reboot(): void;
  /** Everything back to 1.106.2 with its rows. */
  reset(): Promise<void>;
  stop(): Promise<void>;
};

/** `postgres: false` is enough where only the agent is shipped. */
export async function startUpgradeDroplet({ postgres = true } = {}): Promise<UpgradeDroplet> {
  const folder = makeThrowAwayFolder();
  const at = (name: string) => path.join(folder.path, name);
  const children: Child[] = [];
  const broken = new Set<string>();
  const running = () =>
    existsSync(at('docker/running')) ? readFileSync(at('docker/running'), 'utf8') : undefined;
  const gate = await startGate(running, broken);
  const postgresPort = postgres ? await startPostgres15(at('postgres'), children) : 1;
  const query = async (text: string, database = 'litellm') => {
    const client = new pg.Client({
      connectionString: `postgres://postgres@127.0.0.1:${postgresPort}/${database}`,
    });
    await client.connect();
    try {
      return (await client.query(text)).rows as Record<string, unknown>[];
    } finally {
      await client.end();
    }
  };

  const settings = {
    PATH: `${STAND_INS}:${POSTGRES}:/usr/bin:/bin`,
    LITELLM_HOME: at('home'),
    LITELLM_ETC: at('etc'),
    LITELLM_STATE: at('state'),
    LITELLM_DATA: at('data'),
    LITELLM_UNITS: at('units'),
    LITELLM_GATE_WITHIN: '0',
    LITELLM_GATE_EVERY: '0',
    LITELLM_AGENT_HOME: at('agent-home'),
    LITELLM_AGENT_WATCH: '1',
    STAND_IN_STATE: at('docker'),
    STAND_IN_GATE_URL: gate.url,
    STAND_IN_MASTER_KEY: MASTER_KEY,
    PGHOST: '127.0.0.1',
    PGPORT: String(postgresPort),
  };
  const sshd = await startSshd({ folder: at('ssh'), environment: settings });
  let digests: string | undefined;
  /** As the installation does it. */
  const lockImages = () => {
    const locked = spawnSync(at('home/install/lock-images'), { env: settings, encoding: 'utf8' });
    if (locked.status !== 0) throw new Error(locked.stderr);
    return readFileSync(at('etc/images.lock.env'), 'utf8');
  };
  const reset = async () => {
    broken.clear();
    for (const name of ['home/install', 'home/postgres', 'etc', 'docker/fail', 'units'])
      mkdirSync(at(name), { recursive: true });
    const clear = ['state', 'data', 'docker/fail', 'units'].map(at);
    spawnSync('sh', ['-c', 'for folder; do rm -rf "$folder"; mkdir -p "$folder"; done', 'sh', ...clear]);
    writeFileSync(at('docker/calls'), '');
    writeFileSync(at('docker/running'), '1.106.2');
    for (const name of SHIPPED) cpSync(path.join(DROPLET, name), at(`home/${name}`), { recursive: true });
    digests ??= lockImages();
    writeFileSync(at('etc/images.lock.env'), digests);
    writeFileSync(at('docker/calls'), '');
    writeFileSync(
      at('home/postgres/reader-grants.sql'),
      'grant select on "LiteLLM_TeamTable" to litellm_reader;\n',
    );
    await query('drop database if exists litellm with (force)', 'postgres');
    await query('create database litellm template before', 'postgres');
  };
  const fillTemplate = async () => {
    await query('create role litellm_reader', 'postgres');
    await query('create database before', 'postgres');
    await query(
      `create table "LiteLLM_TeamTable" (team_id text primary key, spend float default 0);
      create table "LiteLLM_VerificationToken" (token text primary key, blocked boolean, note text);
      grant select on "LiteLLM_TeamTable" to litellm_reader;
      insert into "LiteLLM_TeamTable" select 'team-' || n, n from generate_series(1, 200) as n;
      insert into "LiteLLM_VerificationToken" select md5(n::text), n % 7 = 0, E'a tab\\tand a line\\nbreak, \\\\.' from generate_series(1, 500) as n`,
      'before',
    );
  };
  if (postgres) {
    await fillTemplate();
    await reset();
  }
  return {
    target: { address: sshd.address, pin: undefined, variables: sshd.variables() },
    variables: { ...sshd.variables(), DROPLET_SSH: sshd.address },
    path: at,
    read: (name) => readFileSync(at(name), 'utf8'),
    running,
    dockerCalls: () => readFileSync(at('docker/calls'), 'utf8').split('\n').slice(0, -1),
    fail(what, isFailing = true) {
      if (isFailing) writeFileSync(at(`docker/fail/${what}`), '');
      else spawnSync('rm', ['-f', at(`docker/fail/${what}`)]);
    },
    breakVersion: (version) => void broken.add(version),
    query,
    reboot() {
      // `unless-stopped`: what was stopped stays so, and the unit is skipped while the upgrade holds it.
      if (existsSync(at('state/upgrade/held'))) return;
      const [, digest] = /^LITELLM_IMAGE=(.*)$/m.exec(readFileSync(at('etc/images.lock.env'), 'utf8')) ?? [];
      writeFileSync(at('docker/running'), versionOf(digest ?? ''));
    },
    reset,
    async stop() {
      await sshd.stop();
      for (const child of children.reverse()) await child.stop();
      await gate.stop();
      folder.remove();
    },
  };
}

/** As the stand-in for docker resolves it: the version in hexadecimal, so that it can be read back. */
export function digestOf(version: string): string {
  return `${IMAGE}@sha256:${Buffer.from(version).toString('hex').padEnd(64, '0')}`;
}

function versionOf(digest: string): string {
  return Buffer.from(digest.split('sha256:')[1] ?? '', 'hex')
    .toString()
    .replaceAll('\0', '');
}

/** LiteLLM as the gate sees it: whatever version runs, unless that one is broken. */
async function startGate(running: () => string | undefined, broken: ReadonlySet<string>) {
  const server = createServer((request, response) => {
    const version = running();
    const isAllowed = request.headers.authorization === `Bearer ${MASTER_KEY}`;
    const status =
      version === undefined || (broken.has(version) && request.url !== '/health/readiness/details')
        ? 500
        : isAllowed
          ? 200
          : 401;
    const bodies: Record<string, unknown> = {
      '/health/readiness/details': { status: 'healthy', db: 'connected', litellm_version: version },
      '/v1/models': { data: [{ id: 'gpt-4' }] },
      '/key/list?size=1&page=1': { keys: ['c4ca4238'] },
      '/key/info?key=c4ca4238': { key: 'c4ca4238', info: {} },
    };
    response
      .writeHead(status, { 'content-type': 'application/json' })
      .end(JSON.stringify(bodies[request.url ?? ''] ?? {}));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

async function startPostgres15(dir: string, children: Child[]): Promise<number> {
  const id = (flag: string) => Number(spawnSync('id', [flag, 'nobody'], { encoding: 'utf8' }).stdout);
  const user = process.getuid?.() === 0 ? { uid: id('-u'), gid: id('-g') } : {};
  mkdirSync(dir);
  if ('uid' in user && user.uid !== undefined) chownSync(dir, user.uid, user.gid);
  const data = path.join(dir, 'data');
  const made = spawnSync(
    path.join(POSTGRES, 'initdb'),
    ['-D', data, '-U', 'postgres', '-A', 'trust', '--no-sync', '--locale=C', '-E', 'UTF8'],
    { ...user, cwd: dir, encoding: 'utf8' },
  );
  if (made.status !== 0) throw new Error(`initdb failed: ${made.error?.message ?? ''} ${made.stderr ?? ''}`);
  const port = await findFreePort();
  const server = startChild({
    command: path.join(POSTGRES, 'postgres'),
    args: [
      '-D',
      data,
      '-p',
      String(port),
      '-c',
      'listen_addresses=127.0.0.1',
      '-c',
      'unix_socket_directories=',
      '-c',
      'fsync=off',
    ],
    cwd: dir,
    ...user,
    logFile: path.join(dir, '..', 'postgres.log'),
    stopSignal: 'INT',
  });
  children.push(server);
  await waitUntil(
    async () =>
      spawnSync(path.join(POSTGRES, 'pg_isready'), ['-q', '-h', '127.0.0.1', '-p', String(port)]).status ===
      0,
    {
      what: 'PostgreSQL 15 did not start',
      limitMs: START_LIMIT_MS,
      everyMs: 50,
    },
  );
  return port;
}
