// The narrow face of PostgreSQL the store uses, the pool behind it, and one retry-free transaction.

import pg from 'pg';
import type { MutualTls } from '../mutual-tls.ts';
import type { Secret } from '../secret.ts';
import { connectionTo } from './connection.ts';
import { storeError } from './store-error.ts';

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
  /** With it, TLS from the first byte and our certificate; without, what the URL says. */
  readonly tls?: MutualTls | undefined;
  readonly maxConnections?: number;
  readonly connectTimeoutMs?: number;
  /** The server ends a statement that takes longer. */
  readonly statementTimeoutMs?: number;
  /** We give up on a connection that says nothing for longer: one that died while its container was frozen never
   *  will, and no server is left to end the statement. Without it, TCP decides, after minutes. */
  readonly answerTimeoutMs?: number;
};

/** A database whose failures are STORE_UNAVAILABLE (retryable) when the server cannot be reached or is ending, and
 *  STORE_DENIED when it or we refuse the other. */
export function createDatabase({
  url,
  tls,
  maxConnections = 4,
  connectTimeoutMs = 10_000,
  statementTimeoutMs = 30_000,
  answerTimeoutMs,
}: DatabaseOptions): Database {
  const pool = new pg.Pool({
    ...connectionTo(url, tls),
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
