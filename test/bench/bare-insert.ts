// The yardstick of the webhook: a function that inserts one row through a pool it keeps, and does nothing else.

import pg from 'pg';

let pool: pg.Pool | undefined;

export async function main(event: { readonly http?: { readonly body?: string } }) {
  pool ??= new pg.Pool({ connectionString: process.env.CONTROL_DATABASE_URL, max: 1 });
  await pool.query('insert into bare (body) values ($1)', [event.http?.body ?? '']);
  return { statusCode: 202, body: '' };
}
