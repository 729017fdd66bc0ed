// The role of a function as a deployment makes it: it may log in, and `lcp migrate` grants it the rest.

import { randomUUID } from 'node:crypto';
import { Secret } from '../../lib/secret.ts';
import { createDatabase, type Database, type Queryable } from '../../lib/store/database.ts';
import { grantPortal } from '../../lib/store/grants.ts';

/** A new role's URL for the database at `url`. */
export async function createGrantedUrl(
  owner: Database,
  url: Secret,
  grant: (database: Queryable, role: string) => Promise<void>,
): Promise<Secret> {
  const name = `function_${randomUUID().replaceAll('-', '')}`;
  const password = randomUUID();
  await owner.query(`create role ${name} login password '${password}'`);
  await grant(owner, name);
  const own = new URL(url.reveal());
  own.username = name;
  own.password = password;
  return new Secret(own.href);
}

/** The database at `url` as control/portal sees it; the caller closes it. */
export async function createPortalRole(owner: Database, url: Secret): Promise<Database> {
  return createDatabase({ url: await createGrantedUrl(owner, url, grantPortal) });
}
