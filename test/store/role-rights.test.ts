// What the roles of a deployment may do on a real PostgreSQL, and that too much and too little are both seen.

import { randomUUID } from 'node:crypto';
import { afterEach, expect, test } from 'vitest';
import { createDatabase, type Database } from '../../lib/store/database.ts';
import { grantAgentFunction, grantBackup } from '../../lib/store/grants.ts';
import {
  AGENT_RIGHTS,
  BACKUP_RIGHTS,
  CONTROL_PLANE_RIGHTS,
  compareRights,
  LITELLM_READER_RIGHTS,
  PORTAL_RIGHTS,
  type RoleRights,
  readRights,
  WEBHOOK_RIGHTS,
} from '../../lib/store/role-rights.ts';
import { useControlDatabases } from './database-fixture.ts';
import { createGrantedUrl, createPortalRole } from './granted-role.ts';
import { createWebhookRole } from './webhook-role.ts';

const createControlDatabase = useControlDatabases();
const opened: Database[] = [];

afterEach(async () => {
  for (const database of opened.splice(0)) await database.close();
});

async function judge(role: Promise<Database>, rights: RoleRights) {
  const database = await role;
  opened.push(database);
  return compareRights(await readRights(database), rights);
}

const nothing = { missing: [], excess: [] };

test('the roles as migration and grants leave them may do exactly what they must', async () => {
  const { url, database } = await createControlDatabase();

  expect(await judge(createWebhookRole(database, url), WEBHOOK_RIGHTS)).toEqual(nothing);
  expect(await judge(createPortalRole(database, url), PORTAL_RIGHTS)).toEqual(nothing);
  const backup = createDatabase({ url: await createGrantedUrl(database, url, grantBackup) });
  expect(await judge(Promise.resolve(backup), BACKUP_RIGHTS)).toEqual(nothing);
  const agent = createDatabase({ url: await createGrantedUrl(database, url, grantAgentFunction) });
  expect(await judge(Promise.resolve(agent), AGENT_RIGHTS)).toEqual(nothing);
});

test.each([
  ['grant select on audit to %I', 'select on audit'],
  ['grant update (status) on quarantines to %I', 'update (status) on quarantines'],
  ['grant create on schema public to %I', 'create in schema public'],
  ['alter role %I superuser', 'be superuser'],
  ['alter role %I createrole', 'create roles'],
  ['alter role %I createdb', 'create databases'],
  ['alter role %I bypassrls', 'pass row security by'],
  ['alter table hints owner to %I', 'own hints'],
])('a webhook’s role after "%s" may too much, and it is named', async (statement, line) => {
  const { url, database } = await createControlDatabase();
  const role = await createWebhookRole(database, url);
  opened.push(role);
  const { rows } = await role.query<{ name: string }>('select current_user as name');
  await database.query(statement.replace('%I', rows[0]?.name ?? ''));

  const { missing, excess } = compareRights(await readRights(role), WEBHOOK_RIGHTS);

  expect(missing).toEqual([]);
  expect(excess).toContain(line);
});

test('a role that is a member of the owner has all that is the owner’s', async () => {
  const { url, database } = await createControlDatabase();
  const role = await createWebhookRole(database, url);
  opened.push(role);
  const { rows } = await role.query<{ name: string }>('select current_user as name');
  const group = `group_${randomUUID().replaceAll('-', '')}`;
  await database.query(`create role ${group}`);
  await database.query(`grant ${group} to ${rows[0]?.name}`);

  expect(compareRights(await readRights(role), WEBHOOK_RIGHTS).excess).toContain(`be ${group}`);
});

test('a portal’s role without its grants lacks all of them', async () => {
  const { url, database } = await createControlDatabase();

  const { missing, excess } = await judge(createWebhookRole(database, url), PORTAL_RIGHTS);

  expect(missing).toEqual(PORTAL_RIGHTS.required);
  expect(excess).toEqual([]);
});

test('the owner of the database may do what owners may, and a superuser is too much', async () => {
  const { url, database } = await createControlDatabase();
  const name = new URL(url.reveal()).pathname.slice(1);
  const role = await createWebhookRole(database, url);
  opened.push(role);
  const { rows } = await role.query<{ name: string }>('select current_user as name');
  await database.query(`alter database ${name} owner to ${rows[0]?.name}`);
  const tables = await database.query<{ table: string }>(
    `select relname as table from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'`,
  );
  for (const { table } of tables.rows) await database.query(`alter table ${table} owner to ${rows[0]?.name}`);

  expect(compareRights(await readRights(role), CONTROL_PLANE_RIGHTS)).toEqual(nothing);
  expect(compareRights(await readRights(database), CONTROL_PLANE_RIGHTS).excess).toContain('be superuser');
});

test('a reader of LiteLLM that may write is too much', async () => {
  const { url, database } = await createControlDatabase();
  for (const table of ['TeamTable', 'UserTable', 'VerificationToken', 'BudgetTable']) {
    await database.query(`create table "LiteLLM_${table}" (id text)`);
  }
  const reader = await createWebhookRole(database, url);
  opened.push(reader);
  const { rows } = await reader.query<{ name: string }>('select current_user as name');
  await database.query(`grant select on all tables in schema public to ${rows[0]?.name}`);
  expect(compareRights(await readRights(reader), LITELLM_READER_RIGHTS).missing).toEqual([]);

  await database.query(`grant delete on "LiteLLM_VerificationToken" to ${rows[0]?.name}`);

  expect(compareRights(await readRights(reader), LITELLM_READER_RIGHTS).excess).toEqual([
    'delete on LiteLLM_VerificationToken',
    'execute record_hints',
  ]);
});
