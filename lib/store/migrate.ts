// Brings the control database to the newest level with node-pg-migrate: plain SQL files, in order, each in its
// transaction, under an advisory lock. Used by the CLI and the tests; no function carries it.

import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';
import type { Secret } from '../secret.ts';

/** Applies what is missing and returns the names applied; a second call applies nothing. */
export async function applyMigrations(databaseUrl: Secret): Promise<string[]> {
  const applied = await runner({
    databaseUrl: databaseUrl.reveal(),
    dir: fileURLToPath(new URL('./migrations', import.meta.url)),
    migrationsTable: 'migrations',
    direction: 'up',
    checkOrder: true,
    singleTransaction: true,
    log: () => undefined,
  });
  return applied.map((migration) => migration.name);
}
