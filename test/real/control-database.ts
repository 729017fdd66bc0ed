// A control database of a test's own on the PostgreSQL that the real suites share.

import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { Secret } from '../../lib/secret.ts';

/** The URL of a new, empty database beside the one at `url`. */
export async function createDatabaseUrl(url: string): Promise<Secret> {
  const name = `control_${randomUUID().replaceAll('-', '')}`;
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(`create database ${name}`);
  await client.end();
  const own = new URL(url);
  own.pathname = `/${name}`;
  return new Secret(own.href);
}
