// PostgreSQL from outside: nobody without a certificate, and each role by its own URL and identity, so that what is tried
// is what the function has. Each must be able to do its work, and nothing more: who takes a function over has its role.

import type { MutualTls } from '../../mutual-tls.ts';
import type { Secret } from '../../secret.ts';
import { createDatabase, type Database } from '../../store/database.ts';
import { tryWithoutCertificate } from '../../store/probe-certificate.ts';
import { compareRights, type RoleRights, readRights } from '../../store/role-rights.ts';
import { type Check, type Finding, failed, notChecked, well } from './check.ts';
import type { Edge } from './edge.ts';

const CONNECT_TIMEOUT_MS = 10_000;
/** TLS from the first byte: https://www.postgresql.org/docs/17/release-17.html */
const OLDEST_VERSION = 170_000;

export type Role = {
  readonly url: Secret;
  readonly tls: MutualTls | undefined;
};

/** Of the droplet alone. */
export function databaseHostChecks(edge: () => Edge, controlUrl: () => Secret): readonly Check[] {
  return [
    {
      id: 'database-refuses',
      what: 'PostgreSQL refuses who shows no certificate, before it asks for a password',
      why: 'a database on the open internet with passwords alone is guessed at day and night.',
      needs: ['names-same', 'port-https'],
      run: async () => {
        const login = await tryWithoutCertificate(controlUrl(), edge().tls.ca);
        if (login.status === 'refused') return well();
        return failed(
          `It went on to the password (SQLSTATE ${login.sqlState}).`,
          'every `hostssl` line of pg_hba.conf needs `clientcert=verify-ca`: compare droplet/postgres/pg_hba.conf with what is on the droplet, and reload PostgreSQL.',
        );
      },
    },
    {
      id: 'database-tls',
      what: 'The way to PostgreSQL is TLS 1.3, and the server is 17 or newer',
      why: 'only from 17 on can it share port 443 with the public site, and TLS 1.3 hides our certificates on the way.',
      needs: ['database-refuses'],
      run: () => withDatabase({ url: controlUrl(), tls: edge().tls }, checkTransport),
    },
  ];
}

/** `role` is asked only after `needs`; undefined where the URL is none. */
export function roleCheck(
  name: string,
  what: string,
  rights: RoleRights,
  role: () => Role | undefined,
  needs: readonly string[],
): Check {
  return {
    id: `role-${name}`,
    what: `${name} ${what}`,
    why: 'a role that may less stops its function; one that may more hands it all to whoever takes that function over.',
    needs,
    run: async () => {
      const found = role();
      if (found === undefined) return notChecked(`${name} is none`);
      return withDatabase(found, async (database) => judge(await readRights(database), rights));
    },
  };
}

function judge(actual: readonly string[], rights: RoleRights): Finding {
  const { missing, excess } = compareRights(actual, rights);
  if (missing.length === 0 && excess.length === 0) return well();
  const problems = [
    ...(missing.length === 0 ? [] : [`It must, and may not: ${list(missing)}.`]),
    ...(excess.length === 0 ? [] : [`It may, and must not: ${list(excess)}.`]),
  ];
  const steps = [
    ...(missing.length === 0
      ? []
      : [
          'run `lcp migrate`, which makes the tables and grants the roles; those of LiteLLM the droplet grants',
        ]),
    ...(excess.length === 0
      ? []
      : ['revoke it as the owner, or make a role that owns and is granted nothing and put it into the URL']),
  ];
  return failed(problems.join('\n'), `${steps.join('; ')}.`);
}

const MOST_SHOWN = 4;

function list(lines: readonly string[]): string {
  const shown = lines.slice(0, MOST_SHOWN).join(', ');
  return lines.length <= MOST_SHOWN ? shown : `${shown}, and ${lines.length - MOST_SHOWN} more`;
}

async function checkTransport(database: Database): Promise<Finding> {
  const { rows } = await database.query<{ protocol: string | null; version: number }>(
    `select (select version from pg_stat_ssl where pid = pg_backend_pid()) as protocol,
            current_setting('server_version_num')::int as version`,
  );
  const { protocol = null, version = 0 } = rows[0] ?? {};
  const major = Math.floor(version / 10_000);
  if (protocol === 'TLSv1.3' && version >= OLDEST_VERSION) return well(`PostgreSQL ${major}`);
  return failed(
    `PostgreSQL ${major} over ${protocol ?? 'no TLS'}.`,
    'compare droplet/postgres/postgresql.conf with what is on the droplet; for an older PostgreSQL see the guide on upgrades.',
  );
}

async function withDatabase<T>({ url, tls }: Role, work: (database: Database) => Promise<T>): Promise<T> {
  const database = createDatabase({ url, tls, maxConnections: 1, connectTimeoutMs: CONNECT_TIMEOUT_MS });
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}
