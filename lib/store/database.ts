// The narrow face of PostgreSQL the store uses, the pool behind it, and one retry-free transaction.

import pg from 'pg';
import { ControlError } from '../errors.ts';
import type { Secret } from '../secret.ts';

export type Queryable = {
  query<Row extends Record<string, unknown>>(
    text: string,
    values?: readonly unknown[],
  ): Promise<{ rows: Row[]; rowCount: number }>;
};

export type Database = Queryable & {
  /** Runs `work` in one transaction; rolls back when it throws, and the first error is the one thrown. */
  transaction<T>(work: (connection: Queryable) => Promise<T>): Promise<T>;
  /** Ends all connections. */
  close(): Promise<void>;
};

export type DatabaseOptions = {
  readonly url: Secret;
  readonly maxConnections?: number;
  readonly connectTimeoutMs?: number;
  /** The server ends a statement that takes longer. */
  readonly statementTimeoutMs?: number;
  /** We give up on a connection that says nothing for longer: one that died while its container was frozen never
   *  will, and no server is left to end the statement. Without it, TCP decides, after minutes. */
  readonly answerTimeoutMs?: number;
};

/** A database whose failures are STORE_UNAVAILABLE (retryable) when the server cannot be reached or is ending. */
export function createDatabase({
  url,
  maxConnections = 4,
  connectTimeoutMs = 10_000,
  statementTimeoutMs = 30_000,
  answerTimeoutMs,
}: DatabaseOptions): Database {
  const pool = new pg.Pool({
    connectionString: url.reveal(),
    max: maxConnections,
    connectionTimeoutMillis: connectTimeoutMs,
    idleTimeoutMillis: 10_000,
    statement_timeout: statementTimeoutMs,
    ...(answerTimeoutMs === undefined ? {} : { query_timeout: answerTimeoutMs }),
    application_name: 'litellm-control-plane',
  });
  // A connection that dies between two queries, idle, lent or being closed, must not end the process: the next
  // query on it reports it.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  return {
    query: (text, values) => run(pool, text, values),
    transaction: (work) => inTransaction(pool, work),
    close: () => pool.end(),
  };
}

async function inTransaction<T>(pool: pg.Pool, work: (connection: Queryable) => Promise<T>): Promise<T> {
  const client = await pool.connect().catch((error: unknown) => {
    throw storeError(error);
  });
  let failure: unknown;
  try {
    await run(client, 'begin');
    const result = await work({ query: (text, values) => run(client, text, values) });
    await run(client, 'commit');
    return result;
  } catch (error) {
    failure = error;
    throw error;
  } finally {
    // A connection that cannot even roll back is thrown away.
    const broken =
      failure !== undefined &&
      (await run(client, 'rollback').then(
        () => false,
        () => true,
      ));
    client.release(broken);
  }
}

async function run<Row extends Record<string, unknown>>(
  client: pg.Pool | pg.PoolClient,
  text: string,
  values: readonly unknown[] = [],
): Promise<{ rows: Row[]; rowCount: number }> {
  try {
    const result = await client.query<Row>(text, [...values]);
    return { rows: result.rows, rowCount: result.rowCount ?? 0 };
  } catch (error) {
    throw storeError(error);
  }
}

/** SQLSTATE 28… and 3D000: refused. 08… (connection), 53… (resources), 57P… (shutdown) and errors without any: the
 *  server is away. Everything else is a defect of ours and passes as it is. */
function storeError(error: unknown): unknown {
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
  if (/^28[0-9A-Z]{3}$|^3D000$/.test(code)) {
    const message = 'The database refused the role, its password or the database name; correct the URL.';
    return new ControlError('STORE_DENIED', message, { cause: error, details: { sqlState: code } });
  }
  if (/^[0-9A-Z]{5}$/.test(code) && !/^(08|53|57P)/.test(code)) return error;
  const message = `The control database did not answer (${code || 'no connection'}); the next run tries again.`;
  return new ControlError('STORE_UNAVAILABLE', message, { cause: error, retryable: true });
}
