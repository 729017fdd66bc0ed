// What the database roles of others than the owner may do. The portal reads what it shows, decides what waits, adds to
// the audit; control/agent leaves reports; the agent on the droplet claims and ends jobs. Granted anew with every
// migration; a repeat changes nothing.

import { escapeIdentifier } from 'pg';
import type { Queryable } from './database.ts';

const PORTAL_GRANTS = [
  'grant select on migrations, quarantines, plans, directory_users, decided_removals, audit to',
  'grant update (status, decided_at, decided_by, decision_expires_at) on quarantines to',
  'grant insert, update on decided_removals to',
  'grant insert on audit to',
];

/** @throws what PostgreSQL says when the role does not exist */
export async function grantPortal(database: Queryable, role: string): Promise<void> {
  for (const grant of PORTAL_GRANTS) await database.query(`${grant} ${escapeIdentifier(role)}`);
}

const AGENT_FUNCTION_GRANT = 'grant execute on function record_health to';
const DROPLET_AGENT_GRANT = 'grant execute on function claim_job, keep_job, end_job to';
/** The agent's role, made where PostgreSQL is installed (droplet/), and not named in any setting of ours. */
const DROPLET_AGENT_ROLE = 'droplet_agent';

/** For the role of control/agent. @throws what PostgreSQL says when the role does not exist */
export async function grantAgentFunction(database: Queryable, role: string): Promise<void> {
  await database.query(`${AGENT_FUNCTION_GRANT} ${escapeIdentifier(role)}`);
}

/** For the agent on the droplet; whether there is such a role. */
export async function grantDropletAgent(database: Queryable, role = DROPLET_AGENT_ROLE): Promise<boolean> {
  const { rowCount } = await database.query('select from pg_roles where rolname = $1', [role]);
  if (rowCount === 0) return false;
  await database.query(`${DROPLET_AGENT_GRANT} ${escapeIdentifier(role)}`);
  return true;
}
