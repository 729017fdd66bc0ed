// The role of control/webhook as a deployment makes it: it may log in, and nothing else.

import { randomUUID } from 'node:crypto';
import { Secret } from '../../lib/secret.ts';
import { createDatabase, type Database, type DatabaseOptions } from '../../lib/store/database.ts';

/** A new role's URL for the database at `url`. */
export async function createWebhookUrl(database: Database, url: Secret): Promise<Secret> {
  const name = `webhook_${randomUUID().replaceAll('-', '')}`;
  const password = randomUUID();
  await database.query(`create role ${name} login password '${password}'`);
  const own = new URL(url.reveal());
  own.username = name;
  own.password = password;
  return new Secret(own.href);
}

/** The database as that role sees it; the caller closes it. */
export async function createWebhookRole(
  database: Database,
  url: Secret,
  options: Partial<DatabaseOptions> = {},
): Promise<Database> {
  return createDatabase({ ...options, url: await createWebhookUrl(database, url) });
}
