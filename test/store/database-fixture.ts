// A real PostgreSQL for one test file, and a fresh, migrated control database for each test that asks.

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll } from 'vitest';
import { Secret } from '../../lib/secret.ts';
import { createDatabase, type Database } from '../../lib/store/database.ts';
import { applyMigrations } from '../../lib/store/migrate.ts';
import { type Postgres, startPostgres } from '../world/postgres.ts';
import { makeThrowAwayFolder } from '../world/throw-away-folder.ts';

const TEMPLATE = 'control_template';

export type ControlDatabase = { readonly url: Secret; readonly database: Database };

/** Call it at the top of a test file; the function it returns makes a database. */
export function useControlDatabases(): () => Promise<ControlDatabase> {
  let postgres: Postgres | undefined;
  const folder = makeThrowAwayFolder();
  const opened: Database[] = [];

  beforeAll(async () => {
    postgres = await startPostgres({ dir: folder.path, log: () => undefined });
    // Migrated once: a copy takes a fraction of the time.
    await postgres.createDatabase(TEMPLATE);
    await applyMigrations(new Secret(postgres.url(TEMPLATE)));
  }, 60_000);

  afterAll(async () => {
    await Promise.all(opened.map((database) => database.close()));
    await postgres?.stop();
    folder.remove();
  }, 60_000);

  return async () => {
    if (!postgres) throw new Error('useControlDatabases belongs at the top of the test file');
    const name = `control_${randomUUID().replaceAll('-', '')}`;
    await postgres.createDatabase(name, TEMPLATE);
    return open(new Secret(postgres.url(name)), opened);
  };
}

/** Migrates the database at `url` and opens it; `opened` collects what has to be closed. */
export async function openControlDatabase(url: Secret, opened: Database[]): Promise<ControlDatabase> {
  await applyMigrations(url);
  return open(url, opened);
}

function open(url: Secret, opened: Database[]): ControlDatabase {
  const database = createDatabase({ url });
  opened.push(database);
  return { url, database };
}
