// `lcp migrate`: brings the control database to the level this code needs.

import { parseSettings } from '../config.ts';
import type { Queryable } from '../store/database.ts';
import { grantAgentFunction, grantBackup, grantDropletAgent, grantPortal } from '../store/grants.ts';
import { applyMigrations } from '../store/migrate.ts';
import { SCHEMA_LEVEL } from '../store/schema.ts';
import { type CliEnvironment, controlDatabaseSettings, openControlDatabase } from './environment.ts';

const ROLES = [
  { variable: 'PORTAL_DATABASE_URL', grant: grantPortal, name: 'control/portal' },
  { variable: 'AGENT_DATABASE_URL', grant: grantAgentFunction, name: 'control/agent' },
  { variable: 'BACKUP_DATABASE_URL', grant: grantBackup, name: 'control/backup' },
] as const;

export async function migrateCommand(environment: CliEnvironment): Promise<number> {
  const { url, tls } = controlDatabaseSettings(environment.variables);
  const applied = await applyMigrations(url, tls);
  environment.print(
    applied.length === 0
      ? `nothing to do: at ${SCHEMA_LEVEL}\n`
      : applied.map((name) => `applied ${name}\n`).join(''),
  );
  for (const { variable, grant, name } of ROLES) await grantRole(environment, variable, grant, name);
  await grantDroplet(environment);
  return 0;
}

/** Where PostgreSQL has the role of the droplet's agent, which no setting of ours names. */
async function grantDroplet(environment: CliEnvironment): Promise<void> {
  const database = openControlDatabase(environment);
  try {
    if (await grantDropletAgent(database))
      environment.print('role droplet_agent may do what the agent on the droplet needs, and no more\n');
  } finally {
    await database.close();
  }
}

/** Where the function is deployed or about to be. */
async function grantRole(
  environment: CliEnvironment,
  variable: (typeof ROLES)[number]['variable'],
  grant: (database: Queryable, role: string) => Promise<void>,
  functionName: string,
): Promise<void> {
  const { variables, print } = environment;
  if (!variables[variable]) return;
  const role = decodeURIComponent(new URL(parseSettings([variable], variables)[variable].reveal()).username);
  const database = openControlDatabase(environment);
  try {
    await grant(database, role);
    print(`role ${role} may do what ${functionName} needs, and no more\n`);
  } finally {
    await database.close();
  }
}
