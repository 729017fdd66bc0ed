// Looks for secrets where they must not be: in every file of a folder, and in every row of a database.

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';

/** Paths of files under `folder` that hold one of `needles`, read as bytes. Files that vanish meanwhile are passed over. */
export function findInFiles(folder: string, needles: readonly string[]): string[] {
  const found: string[] = [];
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const file = join(folder, name);
    try {
      if (!statSync(file).isFile()) continue;
      const content = readFileSync(file);
      if (needles.some((needle) => content.includes(needle))) found.push(name);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  return found;
}

/** Names of tables of the database that hold one of `needles` in any column. */
export async function findInTables(databaseUrl: string, needles: readonly string[]): Promise<string[]> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const tables = await client.query<{ name: string }>(
      `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname not in ('pg_catalog', 'information_schema') order by 1`,
    );
    const found: string[] = [];
    for (const { name } of tables.rows) {
      const hits = await client.query(`select 1 from ${name} as t where t::text like any($1) limit 1`, [
        needles.map((needle) => `%${needle}%`),
      ]);
      if (hits.rows.length > 0) found.push(name);
    }
    return found;
  } finally {
    await client.end();
  }
}
