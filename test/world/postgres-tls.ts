// Turns a running PostgreSQL into one as on the droplet: from another machine only TLS 1.3 with a certificate of our
// authority, and the password. The superuser still comes in without, to prepare the test.

import { chownSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Client } from 'pg';
import type { Postgres } from './postgres.ts';
import { preparePostgresHome } from './postgres-home.ts';
import type { IssuedCertificate } from './private-authority.ts';
import { waitUntil } from './wait-until.ts';

const RULES = `hostnossl all postgres 127.0.0.1/32 scram-sha-256
hostssl all all 127.0.0.1/32 scram-sha-256 clientcert=verify-ca
`;

/** `dir` is that of startPostgres. The URL of a role then needs the name of the certificate as its host. */
export async function requireCertificates(
  postgres: Postgres,
  dir: string,
  { caPem, certPem, keyPem }: IssuedCertificate & { readonly caPem: string },
): Promise<void> {
  const { data, user } = preparePostgresHome(resolve(dir));
  for (const [name, content] of [
    ['authority.crt', caPem],
    ['server.crt', certPem],
    ['server.key', keyPem],
  ] as const) {
    writeFileSync(join(data, name), content, { mode: 0o600 });
    if (user !== undefined) chownSync(join(data, name), user.uid, user.gid);
  }
  writeFileSync(join(data, 'pg_hba.conf'), RULES);
  const superuser = new Client({ connectionString: postgres.url('postgres') });
  await superuser.connect();
  try {
    for (const setting of [
      `ssl_cert_file = 'server.crt'`,
      `ssl_key_file = 'server.key'`,
      `ssl_ca_file = 'authority.crt'`,
      `ssl_min_protocol_version = 'TLSv1.3'`,
      `ssl = 'on'`,
    ]) {
      await superuser.query(`alter system set ${setting}`);
    }
    await superuser.query('select pg_reload_conf()');
  } finally {
    await superuser.end();
  }
  await waitUntil(() => refusesWithout(postgres.url('postgres')), {
    what: 'PostgreSQL does not ask for certificates',
    limitMs: 10_000,
  });
}

/** SQLSTATE 28000: it speaks TLS by now and misses the certificate. */
async function refusesWithout(url: string): Promise<boolean> {
  const client = new Client({ connectionString: url, ssl: { rejectUnauthorized: false } });
  return client.connect().then(
    async () => {
      await client.end();
      return false;
    },
    (error: { code?: string }) => error.code === '28000',
  );
}
