// Counts what PostgreSQL was asked by one role, from the server's own log: what was sent, not what we think we sent.

import { readFileSync } from 'node:fs';
import { escapeIdentifier } from 'pg';
import type { Postgres } from '../world/postgres.ts';
import { runSql } from './servers.ts';

export type StatementLog = {
  /** Statements logged so far; only what one role sends is logged. */
  count(): number;
};

// Simple and extended protocol; `execute` is logged once a statement, also where parse and bind come before.
const LINE = /LOG: {2}(?:statement|execute [^:]*): /g;

/** From now on the server logs every statement of new connections of `role`, and of no other role. */
export async function startStatementLog(
  postgres: Postgres,
  role: string,
  logFile: string,
): Promise<StatementLog> {
  await runSql(postgres.url('postgres'), `alter role ${escapeIdentifier(role)} set log_statement = 'all'`);
  return { count: () => [...readFileSync(logFile, 'utf8').matchAll(LINE)].length };
}
