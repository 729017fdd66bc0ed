// The level of the control database this code needs. Functions check it; only `lcp migrate` changes it.

import { ControlError } from '../errors.ts';
import type { Queryable } from './database.ts';

/** Name of the newest migration; test/store/migrate.test.ts holds it to the files. */
export const SCHEMA_LEVEL = '000006-droplet';

const UNDEFINED_TABLE = '42P01';

/** @throws ControlError STORE_SCHEMA_MISMATCH when the database is older, newer or empty. */
export async function requireSchema(database: Queryable): Promise<void> {
  const level = await findSchemaLevel(database);
  if (level === SCHEMA_LEVEL) return;
  throw new ControlError(
    'STORE_SCHEMA_MISMATCH',
    level === undefined
      ? 'The control database has no tables yet; run `lcp migrate`.'
      : `The control database is at ${level} and this code needs ${SCHEMA_LEVEL}; run \`lcp migrate\` with the newer of the two.`,
    { details: { level, needed: SCHEMA_LEVEL } },
  );
}

/** The newest applied migration, or undefined in an empty database. */
export async function findSchemaLevel(database: Queryable): Promise<string | undefined> {
  try {
    const { rows } = await database.query<{ name: string }>(
      'select name from migrations order by id desc limit 1',
    );
    return rows[0]?.name;
  } catch (error) {
    const sqlState = (error as { code?: unknown } | null)?.code;
    if (sqlState === UNDEFINED_TABLE) return undefined;
    throw error;
  }
}
