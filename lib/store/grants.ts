// What the database roles of functions, and of the agent on the droplet, may do beyond logging in. Granted anew with every migration; a repeat changes
// nothing.

import { escapeIdentifier } from 'pg';
import type { Queryable } from './database.ts';

/** control/portal reads what it shows, decides what waits, adds to the audit. */
const PORTAL_GRANTS = [
  'grant select on migrations, quarantines, plans, directory_users, decided_removals, audit to',
  'grant update (status, decided_at, decided_by, decision_expires_at) on quarantines to',
  'grant insert, update on decided_removals to',
  'grant insert on audit to',
];

/** control/backup reads the audit and notes what it exported. */
const BACKUP_GRANTS = ['grant select on migrations, audit to', 'grant select, insert on audit_exports to'];

/** control/agent leaves a report of the droplet's health. */
const AGENT_GRANTS = ['grant execute on function record_health to'];

/** The agent on the droplet claims and ends jobs. */
const DROPLET_AGENT_GRANTS = ['grant execute on function claim_job, keep_job, end_job to'];
/** Made where PostgreSQL is installed (droplet/), and not named in any setting of ours. */
const DROPLET_AGENT_ROLE = 'droplet_agent';

/** @throws what PostgreSQL says when the role does not exist */
export async function grantPortal(database: Queryable, role: string): Promise<void> {
  await grantAll(database, PORTAL_GRANTS, role);
}

/** @throws what PostgreSQL says when the role does not exist */
export async function grantBackup(database: Queryable, role: string): Promise<void> {
  await grantAll(database, BACKUP_GRANTS, role);
}

/** For the role of control/agent. @throws what PostgreSQL says when the role does not exist */
export async function grantAgentFunction(database: Queryable, role: string): Promise<void> {
  await grantAll(database, AGENT_GRANTS, role);
}

/** For the agent on the droplet; whether there is such a role. */
export async function grantDropletAgent(database: Queryable, role = DROPLET_AGENT_ROLE): Promise<boolean> {
  const { rowCount } = await database.query('select from pg_roles where rolname = $1', [role]);
  if (rowCount === 0) return false;
  await grantAll(database, DROPLET_AGENT_GRANTS, role);
  return true;
}

async function grantAll(database: Queryable, grants: readonly string[], role: string): Promise<void> {
  for (const grant of grants) await database.query(`${grant} ${escapeIdentifier(role)}`);
}
