// `lcp migrate`: brings the control database to the level this code needs.

import { parseSettings } from '../config.ts';
import { applyMigrations } from '../store/migrate.ts';
import { SCHEMA_LEVEL } from '../store/schema.ts';
import type { CliEnvironment } from './environment.ts';

export async function migrateCommand(environment: CliEnvironment): Promise<number> {
  const { CONTROL_DATABASE_URL } = parseSettings(['CONTROL_DATABASE_URL'], environment.variables);
  const applied = await applyMigrations(CONTROL_DATABASE_URL);
  environment.print(
    applied.length === 0
      ? `nothing to do: at ${SCHEMA_LEVEL}\n`
      : applied.map((name) => `applied ${name}\n`).join(''),
  );
  return 0;
}
