// `lcp migrate`: brings the control database to the level this code needs.

import { parseSettings } from '../config.ts';
import { createDatabase } from '../store/database.ts';
import { grantPortal } from '../store/grants.ts';
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
  await grantPortalRole(environment);
  return 0;
}

/** Where the portal is deployed or about to be. */
async function grantPortalRole({ variables, print }: CliEnvironment): Promise<void> {
  if (!variables.PORTAL_DATABASE_URL) return;
  const names = ['CONTROL_DATABASE_URL', 'PORTAL_DATABASE_URL'] as const;
  const settings = parseSettings(names, variables);
  const role = decodeURIComponent(new URL(settings.PORTAL_DATABASE_URL.reveal()).username);
  const database = createDatabase({ url: settings.CONTROL_DATABASE_URL });
  try {
    await grantPortal(database, role);
    print(`role ${role} may do what control/portal needs, and no more\n`);
  } finally {
    await database.close();
  }
}
