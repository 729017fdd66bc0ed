// Entra as we last saw it, with the delta links that say what changed since. Written only in a run's closing
// transaction, links and people together: the one without the other would forget a change.

import type { EntraGroupId, EntraUserId } from '../ids.ts';
import type { Queryable } from './database.ts';

export type StoredUser = {
  readonly id: EntraUserId;
  readonly displayName: string | null;
  readonly mail: string | null;
  readonly userPrincipalName: string;
  readonly accountEnabled: boolean;
  readonly kind: 'member' | 'guest';
};

/** Direct members of a group. */
export type StoredGroup = {
  readonly groupId: EntraGroupId;
  readonly userIds: readonly EntraUserId[];
  readonly nestedGroupIds: readonly EntraGroupId[];
  /** It changed, or a read of it was contradicted: it is read again before anything is concluded from it. */
  readonly isStale: boolean;
};

export type DirectorySnapshot = {
  readonly groups: ReadonlyMap<EntraGroupId, StoredGroup>;
  readonly users: ReadonlyMap<EntraUserId, StoredUser>;
};

/** Every group and user of the snapshot. The ids come from uuid columns and are trusted. */
export async function readSnapshot(database: Queryable): Promise<DirectorySnapshot> {
  const [groups, users] = await Promise.all([
    database.query<StoredGroup>(
      `select group_id as "groupId", user_ids as "userIds", nested_group_ids as "nestedGroupIds", is_stale as "isStale"
       from directory_groups`,
    ),
    database.query<StoredUser>(
      `select user_id as id, display_name as "displayName", mail, user_principal_name as "userPrincipalName",
              account_enabled as "accountEnabled", kind
       from directory_users`,
    ),
  ]);
  return {
    groups: new Map(groups.rows.map((group) => [group.groupId, group])),
    users: new Map(users.rows.map((user) => [user.id, user])),
  };
}

/** What people are called, as far as we know. */
export async function listNames(
  database: Queryable,
  userIds: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const { rows } = await database.query<{ id: string; name: string }>(
    `select user_id as id, coalesce(display_name, mail, user_principal_name) as name from directory_users where user_id = any($1::uuid[])`,
    [userIds],
  );
  return new Map(rows.map(({ id, name }) => [id, name]));
}

export type SnapshotUpdate = {
  readonly groups: readonly StoredGroup[];
  readonly users: readonly StoredUser[];
  /** Groups that still matter, in a mapped group or one themselves; null leaves all as they are. */
  readonly reachableGroupIds: readonly EntraGroupId[] | null;
};

/** A hundred thousand people in one parameter would hold several copies of themselves in memory. */
const ROWS_PER_STATEMENT = 5_000;

/** Stores what was read, and forgets groups that no mapped group leads to any more, and people of whom besides we
 *  hold nothing: whoever decides about a leaver is to see a name. */
export async function saveSnapshot(transaction: Queryable, update: SnapshotUpdate): Promise<void> {
  for (const users of chunk(update.users)) {
    await transaction.query(
      `insert into directory_users as u (user_id, display_name, mail, user_principal_name, account_enabled, kind)
         select id, "displayName", mail, "userPrincipalName", "accountEnabled", kind
           from jsonb_to_recordset($1::jsonb) as n(id uuid, "displayName" text, mail text, "userPrincipalName" text,
                                                   "accountEnabled" boolean, kind text)
       on conflict (user_id) do update set display_name = excluded.display_name, mail = excluded.mail,
         user_principal_name = excluded.user_principal_name, account_enabled = excluded.account_enabled, kind = excluded.kind
       where u is distinct from excluded`,
      [JSON.stringify(users)],
    );
  }
  for (const group of update.groups) {
    await transaction.query(
      `insert into directory_groups as g (group_id, user_ids, nested_group_ids, is_stale) values ($1, $2, $3, $4)
       on conflict (group_id) do update set user_ids = excluded.user_ids, nested_group_ids = excluded.nested_group_ids,
         is_stale = excluded.is_stale
       where g is distinct from excluded`,
      [group.groupId, group.userIds, group.nestedGroupIds, group.isStale],
    );
  }
  if (update.reachableGroupIds === null) return;
  await transaction.query('delete from directory_groups where group_id <> all ($1::uuid[])', [
    update.reachableGroupIds,
  ]);
  await transaction.query(
    `delete from directory_users u where not exists (
       select 1 from (select unnest(user_ids) as id from directory_groups) m where m.id = u.user_id)
         and not exists (select from memberships m where m.user_id = u.user_id)
         and not exists (select from keys k where k.user_id = u.user_id and k.status <> 'deleted')`,
  );
}

/** Which groups must be read now, and which of the ids named are of people we know. */
export async function findPendingReads(
  database: Queryable,
  named: {
    readonly mappedGroupIds: readonly EntraGroupId[];
    readonly changedGroupIds: readonly EntraGroupId[];
    readonly changedUserIds: readonly EntraUserId[];
  },
): Promise<{ readonly groupIds: EntraGroupId[]; readonly userIds: EntraUserId[] }> {
  const { rows } = await database.query<{ groupIds: EntraGroupId[]; userIds: EntraUserId[] }>(
    `select
       (select coalesce(array_agg(id), '{}') from (
          select group_id as id from directory_groups where is_stale or group_id = any ($2::uuid[])
          union select m.id from unnest($1::uuid[]) as m(id)
            where not exists (select 1 from directory_groups g where g.group_id = m.id)) as due) as "groupIds",
       (select coalesce(array_agg(user_id), '{}') from directory_users where user_id = any ($3::uuid[])) as "userIds"`,
    [named.mappedGroupIds, named.changedGroupIds, named.changedUserIds],
  );
  return rows[0] ?? { groupIds: [], userIds: [] };
}

function chunk<T>(rows: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(rows.length / ROWS_PER_STATEMENT) }, (_, index) =>
    rows.slice(index * ROWS_PER_STATEMENT, (index + 1) * ROWS_PER_STATEMENT),
  );
}
