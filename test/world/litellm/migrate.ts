// Brings LiteLLM's database to its level, from the migrations in its package, as `prisma migrate deploy` would:
// each file once, in order, recorded in Prisma's own table.

import { createHash, randomUUID } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';

const HISTORY = `create table if not exists "_prisma_migrations" (
  id varchar(36) primary key not null,
  checksum varchar(64) not null,
  finished_at timestamptz,
  migration_name varchar(255) not null,
  logs text,
  rolled_back_at timestamptz,
  started_at timestamptz not null default now(),
  applied_steps_count integer not null default 0
)`;

/** Applies what is missing and returns how many that were. A repeat is harmless. */
export async function applyLiteLLMMigrations(databaseUrl: string, sitePackages: string): Promise<number> {
  const folder = join(sitePackages, 'litellm_proxy_extras', 'migrations');
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query(HISTORY);
    const history = await client.query('select migration_name from "_prisma_migrations"');
    const applied = new Set(history.rows.map((row) => row.migration_name));
    const missing = readdirSync(folder)
      .filter((name) => !applied.has(name) && existsSync(join(folder, name, 'migration.sql')))
      .sort();
    for (const name of missing) await applyOne(client, name, join(folder, name, 'migration.sql'));
    return missing.length;
  } finally {
    await client.end();
  }
}

/** A file is sent whole: several statements are then one transaction, and CREATE INDEX CONCURRENTLY stands alone. */
async function applyOne(client: Client, name: string, file: string): Promise<void> {
  const text = readFileSync(file, 'utf8');
  try {
    await client.query(text);
  } catch (cause) {
    throw new Error(`LiteLLM's migration ${name} failed; delete the world's data and start again.`, {
      cause,
    });
  }
  await client.query(
    `insert into "_prisma_migrations" (id, checksum, migration_name, finished_at, applied_steps_count)
     values ($1, $2, $3, now(), 1)`,
    [randomUUID(), createHash('sha256').update(text).digest('hex'), name],
  );
}
