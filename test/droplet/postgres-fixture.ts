// PostgreSQL 18 with the droplet's own postgresql.conf, pg_hba.conf, roles and certificates. Only paths are other than on
// the droplet, and one line more lets the tests' superuser in by TCP.

import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { type Postgres, startPostgres } from '../world/postgres.ts';
import { type InstallRoot, makeInstallRoot, PUBLIC_HOST } from './install-root.ts';
import { DROPLET } from './paths.ts';
import { runShell, type ShellResult } from './run-shell.ts';

export type DropletPostgres = {
  readonly root: InstallRoot;
  readonly logFile: string;
  applyRoles(args?: readonly string[], environment?: NodeJS.ProcessEnv): Promise<ShellResult>;
  /** As the superuser. */
  ask(database: string, text: string): Promise<Record<string, unknown>[]>;
  /** A connection as a function makes it: direct TLS with this certificate and key, or with none. */
  connectOverTls(role: string, database: string, identity?: string): Promise<Client>;
  /** A connection as LiteLLM makes it on the inner network: without TLS. */
  connectPlain(role: string, database: string): Promise<Client>;
  /** A connection as a program on the host makes it. */
  connectOverSocket(role: string, database: string): Promise<Client>;
  /** By the URL that the agent is given, with the socket where it lies here. */
  connectAsAgent(): Promise<Client>;
  readPassword(role: string): string;
  stop(): Promise<void>;
};

const SHIPPED = join(DROPLET, 'postgres');

export async function startDropletPostgres(): Promise<DropletPostgres> {
  const root = makeInstallRoot();
  for (const program of ['steps/30-secrets', 'issue-certificates']) {
    const { status, stderr } = await root.run(program);
    if (status !== 0) throw new Error(stderr);
  }
  const tls = join(root.etc, 'postgres-tls');
  const dir = join(root.state, 'postgres');
  const sockets = join(root.state, 'sockets');
  mkdirSync(dir);
  mkdirSync(sockets);
  // PostgreSQL runs as nobody when root runs the tests.
  chmodSync(sockets, 0o777);
  writeFileSync(
    join(root.etc, 'pg_hba.conf'),
    `host all postgres 127.0.0.1/32 scram-sha-256\n${readFileSync(join(SHIPPED, 'pg_hba.conf'), 'utf8')}`,
  );
  const postgres = await startPostgres({
    dir,
    isAsConfigured: true,
    settings: [
      `config_file=${join(SHIPPED, 'postgresql.conf')}`,
      `unix_socket_directories=${sockets}`,
      `hba_file=${join(root.etc, 'pg_hba.conf')}`,
      `ssl_cert_file=${join(tls, 'db.crt')}`,
      `ssl_key_file=${join(tls, 'db.key')}`,
      `ssl_ca_file=${join(tls, 'ca.pem')}`,
      // Everything a server can be set to log, so that what must never be logged would be.
      'log_statement=all',
    ],
    log: () => undefined,
  });
  const readPassword = (role: string) =>
    root.readVariables('roles.env')[`${role.toUpperCase()}_PASSWORD`] ?? '';
  const superuser = new URL(postgres.url('postgres'));
  return {
    root,
    logFile: join(dir, 'postgres.log'),
    applyRoles: (args = [], environment = {}) =>
      runShell(join(SHIPPED, 'apply-roles'), {
        args,
        environment: {
          ...root.readVariables('roles.env'),
          PSQL: `psql --host=127.0.0.1 --port=${postgres.port} --username=postgres`,
          PGPASSWORD: superuser.password,
          ...environment,
        },
      }),
    ask: (database, text) => askOnce(postgres, database, text),
    connectOverTls: (role, database, identity) =>
      open({
        host: '127.0.0.1',
        port: postgres.port,
        user: role,
        password: readPassword(role),
        database,
        sslnegotiation: 'direct',
        ssl: {
          ca: readFileSync(join(root.etc, 'ca', 'ca.pem'), 'utf8'),
          servername: `db.${PUBLIC_HOST}`,
          ...(identity === undefined ? {} : { cert: identity, key: identity }),
        },
      }),
    connectPlain: (role, database) =>
      open({ host: '127.0.0.1', port: postgres.port, user: role, password: readPassword(role), database }),
    connectOverSocket: (role, database) =>
      open({ host: sockets, port: postgres.port, user: role, password: readPassword(role), database }),
    connectAsAgent: () => {
      const url = readFileSync(join(root.etc, 'agent-database-url'), 'utf8').trim();
      const here = url
        .replace('localhost', `localhost:${postgres.port}`)
        .replace('/run/litellm-postgres', sockets);
      return open({ connectionString: here });
    },
    readPassword,
    stop: async () => {
      await postgres.stop();
      root.remove();
    },
  };
}

async function open(settings: object): Promise<Client> {
  const client = new Client({ connectionTimeoutMillis: 10_000, ...settings });
  await client.connect();
  return client;
}

async function askOnce(
  postgres: Postgres,
  database: string,
  text: string,
): Promise<Record<string, unknown>[]> {
  const client = await open({ connectionString: postgres.url(database) });
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}
