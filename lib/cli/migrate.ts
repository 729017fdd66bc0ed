// `lcp migrate`: brings the control database to the level this code needs.

import { parseSettings } from '../config.ts';
import { createDatabase, type Queryable } from '../store/database.ts';
import { grantBackup, grantPortal } from '../store/grants.ts';
import { applyMigrations } from '../store/migrate.ts';
import { SCHEMA_LEVEL } from '../store/schema.ts';
import type { CliEnvironment } from './environment.ts';

const ROLES = [
  { variable: 'PORTAL_DATABASE_URL', grant: grantPortal, name: 'control/portal' },
  { variable: 'BACKUP_DATABASE_URL', grant: grantBackup, name: 'control/backup' },
] as const;

export async function migrateCommand(environment: CliEnvironment): Promise<number> {
  const { CONTROL_DATABASE_URL } = parseSettings(['CONTROL_DATABASE_URL'], environment.variables);
  const applied = await applyMigrations(CONTROL_DATABASE_URL);
  environment.print(
    applied.length === 0
      ? `nothing to do: at ${SCHEMA_LEVEL}\n`
      : applied.map((name) => `applied ${name}\n`).join(''),
  );
  for (const { variable, grant, name } of ROLES) await grantRole(environment, variable, grant, name);
  return 0;
}

/** Where the function is deployed or about to be. */
async function grantRole(
  { variables, print }: CliEnvironment,
  variable: (typeof ROLES)[number]['variable'],
  grant: (database: Queryable, role: string) => Promise<void>,
  functionName: string,
): Promise<void> {
  if (!variables[variable]) return;
  const settings = parseSettings(['CONTROL_DATABASE_URL', variable], variables);
  const role = decodeURIComponent(new URL(settings[variable].reveal()).username);
  const database = createDatabase({ url: settings.CONTROL_DATABASE_URL });
  try {
    await grant(database, role);
    print(`role ${role} may do what ${functionName} needs, and no more\n`);
  } finally {
    await database.close();
  }
}
