// What the database roles of functions may do beyond logging in. Granted anew with every migration; a repeat changes
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

/** @throws what PostgreSQL says when the role does not exist */
export async function grantPortal(database: Queryable, role: string): Promise<void> {
  await grantAll(database, PORTAL_GRANTS, role);
}

/** @throws what PostgreSQL says when the role does not exist */
export async function grantBackup(database: Queryable, role: string): Promise<void> {
  await grantAll(database, BACKUP_GRANTS, role);
}

async function grantAll(database: Queryable, grants: readonly string[], role: string): Promise<void> {
  for (const grant of grants) await database.query(`${grant} ${escapeIdentifier(role)}`);
}
