// What a database role may do, as lines of words, and what it should: everything it needs and nothing more. Read by
// `lcp doctor` through the role itself, so that it is the truth of the server and not of a script.

import type { Queryable } from './database.ts';

export type RoleRights = {
  /** All of these. */
  readonly required: readonly string[];
  /** Any of these beyond; everything else is too much. */
  readonly allowed: RegExp;
};

/** Whatever PostgreSQL grants everybody: the door of the webhook stands open to every role (000002-events.sql). */
const EVERYBODY = /^execute record_hints$/;

/** Owns the control database, and is nothing in the cluster. */
export const CONTROL_PLANE_RIGHTS: RoleRights = {
  required: ['own migrations', 'own quarantines'],
  allowed:
    /^(own|select|insert|update|delete|truncate|references|trigger|execute|create in schema) |^create schemas$|^be pg_database_owner$/,
};

export const WEBHOOK_RIGHTS: RoleRights = { required: ['execute record_hints'], allowed: EVERYBODY };

/** As lib/store/grants.ts grants them; test/store/role-rights.test.ts holds both together. */
export const PORTAL_RIGHTS: RoleRights = {
  required: [
    'select on migrations',
    'select on quarantines',
    'select on plans',
    'select on directory_users',
    'select on decided_removals',
    'select on audit',
    'update (status) on quarantines',
    'update (decided_at) on quarantines',
    'update (decided_by) on quarantines',
    'update (decision_expires_at) on quarantines',
    'insert on decided_removals',
    'update on decided_removals',
    'insert on audit',
  ],
  allowed: EVERYBODY,
};

/** As lib/store/grants.ts grants them: it reads the audit and notes what it exported. */
export const BACKUP_RIGHTS: RoleRights = {
  required: ['select on migrations', 'select on audit', 'select on audit_exports', 'insert on audit_exports'],
  allowed: EVERYBODY,
};

/** As lib/store/grants.ts grants them: it leaves a report of the droplet's health. */
export const AGENT_RIGHTS: RoleRights = { required: ['execute record_health'], allowed: EVERYBODY };

/** What lib/gateway/state-from-database.ts reads. Writing would pass LiteLLM's caches by, and its audit. */
export const LITELLM_READER_RIGHTS: RoleRights = {
  required: ['TeamTable', 'UserTable', 'VerificationToken', 'BudgetTable'].map(
    (table) => `select on LiteLLM_${table}`,
  ),
  allowed: /^select /,
};

// pg_catalog knows everything; these schemas are PostgreSQL's own.
const OURS = `nspname !~ '^pg_' and nspname <> 'information_schema'`;
const RELATIONS = `pg_class c join pg_namespace n on n.oid = c.relnamespace and ${OURS} and relkind in ('r', 'v', 'm', 'p', 'f')`;
const RIGHTS = `
select format('%s on %s', lower(p), relname) as line
  from ${RELATIONS}, unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER}'::text[]) p
  where has_table_privilege(c.oid, p)
union all
select format('%s (%s) on %s', lower(p), attname, relname)
  from ${RELATIONS} join pg_attribute a on a.attrelid = c.oid and attnum > 0 and not attisdropped,
    unnest('{SELECT,INSERT,UPDATE}'::text[]) p
  where has_column_privilege(c.oid, attnum, p) and not has_table_privilege(c.oid, p)
union all
select 'own ' || relname from ${RELATIONS} where relowner = current_user::regrole
union all
select 'execute ' || proname from pg_proc f join pg_namespace n on n.oid = f.pronamespace and ${OURS}
  where has_function_privilege(f.oid, 'execute') and prorettype <> 'trigger'::regtype
    and not exists (select from pg_depend d where d.objid = f.oid and d.deptype = 'e')
union all
select 'create in schema ' || nspname from pg_namespace where ${OURS} and has_schema_privilege(oid, 'create')
union all
select 'create schemas' where has_database_privilege(current_database(), 'create')
union all
select 'be ' || r.rolname from pg_roles r
  where r.rolname <> current_user and pg_has_role(current_user, r.oid, 'member')
    and not (select rolsuper from pg_roles where rolname = current_user)
union all
select attribute from pg_roles r, lateral (values
    ('be superuser', rolsuper), ('create roles', rolcreaterole), ('create databases', rolcreatedb),
    ('replicate', rolreplication), ('pass row security by', rolbypassrls)) as a (attribute, has)
  where rolname = current_user and has`;

/** One line a right, sorted. */
export async function readRights(database: Queryable): Promise<readonly string[]> {
  const { rows } = await database.query<{ line: string }>(RIGHTS);
  return rows.map(({ line }) => line).sort();
}

/** Pure. */
export function compareRights(
  actual: readonly string[],
  { required, allowed }: RoleRights,
): { readonly missing: readonly string[]; readonly excess: readonly string[] } {
  return {
    missing: required.filter((line) => !actual.includes(line)),
    excess: actual.filter((line) => !required.includes(line) && !allowed.test(line)),
  };
}
