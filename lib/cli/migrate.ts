// `lcp migrate`: brings the control database to the level this code needs.

import { parseSettings } from '../config.ts';
import { grantPortal } from '../store/grants.ts';
import { applyMigrations } from '../store/migrate.ts';
import { SCHEMA_LEVEL } from '../store/schema.ts';
import { type CliEnvironment, controlDatabaseSettings, openControlDatabase } from './environment.ts';

export async function migrateCommand(environment: CliEnvironment): Promise<number> {
  const { url, tls } = controlDatabaseSettings(environment.variables);
  const applied = await applyMigrations(url, tls);
  environment.print(
    applied.length === 0
      ? `nothing to do: at ${SCHEMA_LEVEL}\n`
      : applied.map((name) => `applied ${name}\n`).join(''),
  );
  await grantPortalRole(environment);
  return 0;
}

/** Where the portal is deployed or about to be. */
async function grantPortalRole(environment: CliEnvironment): Promise<void> {
  const { variables, print } = environment;
  if (!variables.PORTAL_DATABASE_URL) return;
  const { PORTAL_DATABASE_URL } = parseSettings(['PORTAL_DATABASE_URL'], variables);
  const role = decodeURIComponent(new URL(PORTAL_DATABASE_URL.reveal()).username);
  const database = openControlDatabase(environment);
  try {
    await grantPortal(database, role);
    print(`role ${role} may do what control/portal needs, and no more\n`);
  } finally {
    await database.close();
  }
}
