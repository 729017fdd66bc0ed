// Brings the control database to the newest level with node-pg-migrate: plain SQL files, in order, each in its
// transaction, under an advisory lock. Used by the CLI and the tests; no function carries it.

import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';
import type { MutualTls } from '../mutual-tls.ts';
import type { Secret } from '../secret.ts';
import { connectionTo } from './connection.ts';

/** Applies what is missing and returns the names applied; a second call applies nothing. */
export async function applyMigrations(databaseUrl: Secret, tls?: MutualTls): Promise<string[]> {
  const applied = await runner({
    databaseUrl: connectionTo(databaseUrl, tls),
    dir: fileURLToPath(new URL('./migrations', import.meta.url)),
    migrationsTable: 'migrations',
    direction: 'up',
    checkOrder: true,
    singleTransaction: true,
    log: () => undefined,
  });
  return applied.map((migration) => migration.name);
}
