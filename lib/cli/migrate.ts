// `lcp migrate`: brings the control database to the level this code needs.

import { parseSettings } from '../config.ts';
import { createDatabase } from '../store/database.ts';
import { grantAgentFunction, grantDropletAgent, grantPortal } from '../store/grants.ts';
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
  await grantRoles(environment);
  return 0;
}

/** Where the portal and control/agent are deployed or about to be, and where the droplet has its agent. */
async function grantRoles({ variables, print }: CliEnvironment): Promise<void> {
  const names = ['PORTAL_DATABASE_URL', 'AGENT_DATABASE_URL'] as const;
  const given = names.filter((name) => variables[name]);
  const settings = parseSettings(['CONTROL_DATABASE_URL', ...given], variables);
  const roleOf = (name: (typeof names)[number]) =>
    given.includes(name) ? decodeURIComponent(new URL(settings[name].reveal()).username) : undefined;
  const [portal, agent] = [roleOf('PORTAL_DATABASE_URL'), roleOf('AGENT_DATABASE_URL')];
  const database = createDatabase({ url: settings.CONTROL_DATABASE_URL });
  const say = (role: string, what: string) => print(`role ${role} may do what ${what} needs, and no more\n`);
  try {
    if (portal) {
      await grantPortal(database, portal);
      say(portal, 'control/portal');
    }
    if (agent) {
      await grantAgentFunction(database, agent);
      say(agent, 'control/agent');
    }
    if (await grantDropletAgent(database)) say('droplet_agent', 'the agent on the droplet');
  } finally {
    await database.close();
  }
}
