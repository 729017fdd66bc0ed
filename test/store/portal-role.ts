// The role of control/portal as a deployment makes it: it may log in, and `lcp migrate` grants it the rest.

import { randomUUID } from 'node:crypto';
import { Secret } from '../../lib/secret.ts';
import { createDatabase, type Database } from '../../lib/store/database.ts';
import { grantPortal } from '../../lib/store/grants.ts';

/** The database at `url` as that role sees it; the caller closes it. */
export async function createPortalRole(owner: Database, url: Secret): Promise<Database> {
  const name = `portal_${randomUUID().replaceAll('-', '')}`;
  const password = randomUUID();
  await owner.query(`create role ${name} login password '${password}'`);
  await grantPortal(owner, name);
  const own = new URL(url.reveal());
  own.username = name;
  own.password = password;
  return createDatabase({ url: new Secret(own.href) });
}
