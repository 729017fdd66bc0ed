// What the portal's database role may do: read what it shows, decide what waits, add to the audit. Granted anew with
// every migration; a repeat changes nothing.

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
