// The droplet's PostgreSQL as it is shipped, on the embedded PostgreSQL 18: each role can what it must and cannot what it
// must not, and over direct TLS nobody comes in without a certificate of our authority.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Client } from 'pg';
import { generate } from 'selfsigned';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type DropletPostgres, startDropletPostgres } from './postgres-fixture.ts';
import { runShell } from './run-shell.ts';

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
const OF_CONTROL = ['control_plane', 'control_webhook', 'control_portal', 'control_agent', 'control_backup'];
/** insufficient_privilege, invalid_authorization_specification (pg_hba.conf), too_many_connections. */
const [DENIED, NO_WAY_IN, TOO_MANY] = ['42501', '28000', '53300'];

let postgres: DropletPostgres;
let applied: Awaited<ReturnType<DropletPostgres['applyRoles']>>[];
const opened: Client[] = [];

beforeAll(async () => {
  postgres = await startDropletPostgres();
  applied = [await postgres.applyRoles()];
  await postgres.ask('litellm', makeLiteLLMTables());
  applied.push(await postgres.applyRoles());
}, 120_000);
afterEach(async () => {
  for (const client of opened.splice(0)) await client.end();
});
afterAll(() => postgres?.stop());

/** As LiteLLM's migration leaves them, with the columns that matter here; owned by litellm. */
function makeLiteLLMTables(): string {
  const named = [
    'TeamTable',
    'UserTable',
    'VerificationToken',
    'BudgetTable',
    'TeamMembership',
    'DailyUserSpend',
    'DailyTeamSpend',
  ];
  return [
    'set role litellm',
    ...named.map((name) => `create table "LiteLLM_${name}" (id text, spend float)`),
    'create table "LiteLLM_CredentialsTable" (credential_values text)',
    `create table "LiteLLM_SpendLogs" (request_id text, api_key text, spend float, "startTime" timestamp, "user" text,
      messages jsonb, response jsonb, proxy_server_request jsonb, requester_ip_address text)`,
  ].join(';');
}

const identityOf = (name: string) =>
  readFileSync(join(postgres.root.etc, 'identities', `${name}.pem`), 'utf8');
async function as(role: string, database: string, identity = identityOf('control-sync')): Promise<Client> {
  const client = await postgres.connectOverTls(role, database, identity);
  opened.push(client);
  return client;
}
async function plainly(role: string, database: string): Promise<Client> {
  const client = await postgres.connectPlain(role, database);
  opened.push(client);
  return client;
}
const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'done',
    (error: { code?: string; message: string }) => error.code ?? error.message,
  );

describe('the roles', () => {
  test('the script runs twice and says nothing, and a repeat leaves one of each', async () => {
    expect(applied).toEqual([
      { status: 0, stdout: '', stderr: '' },
      { status: 0, stdout: '', stderr: '' },
    ]);
    const rows = await postgres.ask(
      'postgres',
      `select rolname from pg_roles where rolname !~ '^pg_' order by 1`,
    );
    expect(rows.map(({ rolname }) => rolname)).toEqual([...ROLES, 'postgres'].sort());
  });

  test('no role may more than log in: none is a superuser, makes roles or databases, or passes row security', async () => {
    const rows = await postgres.ask(
      'postgres',
      `select rolname from pg_roles where rolname = any ('{${ROLES}}')
       and (rolsuper or rolcreatedb or rolcreaterole or rolreplication or rolbypassrls or not rolcanlogin or rolconnlimit < 1)`,
    );

    expect(rows).toEqual([]);
  });

  test('the connections of all roles together fit what the server takes', async () => {
    const [row] = await postgres.ask(
      'postgres',
      `select sum(rolconnlimit)::int as given, current_setting('max_connections')::int
         - current_setting('superuser_reserved_connections')::int - current_setting('reserved_connections')::int as taken
       from pg_roles where rolconnlimit > 0`,
    );

    expect(row?.given).toBeLessThanOrEqual(Number(row?.taken));
  });

  test('a password that is missing or too simple stops the script before anything is changed', async () => {
    for (const CONTROL_AGENT_PASSWORD of ['', `x'; drop role litellm; --${'x'.repeat(40)}`]) {
      const { status, stderr } = await postgres.applyRoles([], {
        CONTROL_AGENT_PASSWORD,
        LITELLM_PASSWORD: 'a'.repeat(64),
      });

      expect(status).toBe(1);
      expect(stderr).toContain('CONTROL_AGENT_PASSWORD must be');
    }
    expect(await codeOf(plainly('litellm', 'litellm'))).toBe('done');
  });

  test('no password is in the server’s log, though it logs every statement', () => {
    const log = readFileSync(postgres.logFile, 'utf8');

    // The control: statements of that session are logged until it says otherwise.
    expect(log).toContain("set log_statement = 'none'");
    expect(ROLES.filter((role) => log.includes(postgres.readPassword(role)))).toEqual([]);
  });
});

describe('what each role can and cannot', () => {
  test('control_plane makes the tables of the control plane, and nothing of LiteLLM is open to it', async () => {
    const client = await as('control_plane', 'control');

    await client.query('create table kept (id int); drop table kept');

    expect(await codeOf(as('control_plane', 'litellm'))).toBe(NO_WAY_IN);
    expect(await codeOf(as('control_plane', 'postgres'))).toBe(NO_WAY_IN);
  });

  test.each(OF_CONTROL.filter((role) => role !== 'control_plane'))(
    '%s reaches the control database and can do nothing there that it was not granted',
    async (role) => {
      const client = await as(role, 'control');

      expect((await client.query('select current_user')).rows).toEqual([{ current_user: role }]);
      expect(await codeOf(client.query('create table mine (id int)'))).toBe(DENIED);
      expect(await codeOf(client.query('create temporary table mine (id int)'))).toBe(DENIED);
      expect(await codeOf(client.query('set role control_plane'))).toBe(DENIED);
      expect(await codeOf(as(role, 'litellm'))).toBe(NO_WAY_IN);
    },
  );

  test('litellm owns its database, from the inner network alone', async () => {
    const client = await plainly('litellm', 'litellm');

    await client.query('create table mine (id int); drop table mine');

    expect(await codeOf(plainly('litellm', 'control'))).toBe(NO_WAY_IN);
    // Through nginx everything arrives as TLS.
    expect(await codeOf(as('litellm', 'litellm'))).toBe(NO_WAY_IN);
  });

  test('litellm_reader sees teams, people, keys, budgets and what was spent, and changes nothing', async () => {
    const client = await as('litellm_reader', 'litellm');

    for (const name of [
      'TeamTable',
      'UserTable',
      'VerificationToken',
      'BudgetTable',
      'TeamMembership',
      'DailyUserSpend',
      'DailyTeamSpend',
    ]) {
      expect(await codeOf(client.query(`select * from "LiteLLM_${name}"`))).toBe('done');
      expect(await codeOf(client.query(`begin read write; delete from "LiteLLM_${name}"`))).toBe(DENIED);
      await client.query('rollback');
    }
  });

  test('litellm_reader sees single requests without what was said, and no stored credentials', async () => {
    const client = await as('litellm_reader', 'litellm');

    expect(
      await codeOf(
        client.query('select request_id, api_key, spend, "startTime", "user" from "LiteLLM_SpendLogs"'),
      ),
    ).toBe('done');
    for (const column of ['messages', 'response', 'proxy_server_request', 'requester_ip_address']) {
      expect([column, await codeOf(client.query(`select ${column} from "LiteLLM_SpendLogs"`))]).toEqual([
        column,
        DENIED,
      ]);
    }
    expect(await codeOf(client.query('select * from "LiteLLM_CredentialsTable"'))).toBe(DENIED);
  });

  test('droplet_agent comes in by the socket and not over the network, and nobody else by the socket', async () => {
    const bySocket = (role: string, database: string) =>
      postgres.connectOverSocket(role, database).then((client) => client.end());

    expect(await codeOf(postgres.connectAsAgent().then((client) => client.end()))).toBe('done');
    expect(await codeOf(bySocket('droplet_agent', 'litellm'))).toBe(NO_WAY_IN);
    expect(await codeOf(bySocket('control_plane', 'control'))).toBe(NO_WAY_IN);
    expect(await codeOf(bySocket('litellm', 'litellm'))).toBe(NO_WAY_IN);
    expect(await codeOf(as('droplet_agent', 'control'))).toBe(NO_WAY_IN);
    expect(await codeOf(plainly('droplet_agent', 'control'))).toBe(NO_WAY_IN);
  });

  test('a flood at the open webhook is stopped at its own limit, and the others still come in', async () => {
    const [row] = await postgres.ask(
      'postgres',
      `select rolconnlimit as limit from pg_roles where rolname = 'control_webhook'`,
    );
    const limit = Number(row?.limit);
    await Promise.all(Array.from({ length: limit }, () => as('control_webhook', 'control')));

    expect(await codeOf(as('control_webhook', 'control'))).toBe(TOO_MANY);
    expect(await codeOf(as('control_plane', 'control'))).toBe('done');
  });
});

describe('over direct TLS', () => {
  test('a certificate of our authority and the password let a function in, with TLS 1.3', async () => {
    const client = await as('control_plane', 'control', identityOf('control-sync'));

    const { rows } = await client.query(
      'select ssl, version, client_dn from pg_stat_ssl where pid = pg_backend_pid()',
    );
    expect(rows).toEqual([{ ssl: true, version: 'TLSv1.3', client_dn: '/CN=control-sync' }]);
  });

  test('without a certificate nobody comes in, whatever the password', async () => {
    expect(await codeOf(postgres.connectOverTls('control_plane', 'control'))).toBe(NO_WAY_IN);
  });

  test('a certificate of another authority is refused, though it bears the right name', async () => {
    const { cert, private: key } = await generate([{ name: 'commonName', value: 'control-sync' }], {
      keyType: 'ec',
      curve: 'P-256',
    });

    expect(await codeOf(as('control_plane', 'control', `${cert}\n${key}`))).not.toBe('done');
  });

  test('an expired certificate of our own authority is refused', async () => {
    const expired = await issueExpired();

    expect(await codeOf(as('control_plane', 'control', expired))).not.toBe('done');
  });

  test('a certificate alone, with another role’s password, is not enough', async () => {
    const wrong = postgres.connectOverTls('control_plane', 'control', identityOf('control-sync'));
    expect(await codeOf(wrong.then((client) => client.end()))).toBe('done');
    await postgres.ask('postgres', `alter role control_plane password 'another-one'`);

    // SQLSTATE 28P01: invalid_password
    expect(await codeOf(as('control_plane', 'control'))).toBe('28P01');
    await postgres.applyRoles();
    expect(await codeOf(as('control_plane', 'control'))).toBe('done');
  });

  test('without TLS no function comes in, with password and all', async () => {
    for (const role of [...OF_CONTROL, 'litellm_reader']) {
      const database = role === 'litellm_reader' ? 'litellm' : 'control';
      expect([role, await codeOf(plainly(role, database))]).toEqual([role, NO_WAY_IN]);
    }
  });
});

/** A client certificate that our authority signed and that ended in the past. */
async function issueExpired(): Promise<string> {
  const { etc } = postgres.root;
  const { stdout, stderr, status } = await runShell('/bin/bash', {
    args: [
      '-euc',
      `
      cd "$(mktemp -d)"; trap 'rm -rf "$PWD"' EXIT
      openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key
      openssl req -new -key key -subj /CN=control-sync -out request
      touch index; echo 01 >serial
      printf '[ca]\\ndefault_ca=a\\n[a]\\ndatabase=index\\nserial=serial\\nnew_certs_dir=.\\ndefault_md=sha256\\npolicy=p\\n[p]\\ncommonName=supplied\\n' >config
      openssl ca -batch -notext -config config -cert '${etc}/ca/ca.pem' -keyfile '${etc}/ca/ca.key' \
        -startdate 20200101000000Z -enddate 20210101000000Z -in request -out certificate 2>/dev/null
      cat certificate key`,
    ],
  });
  if (status !== 0) throw new Error(stderr);
  return stdout;
}
