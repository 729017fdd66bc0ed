// What we hold of one person's access, team by team, and of one team: memberships and keys as they are now, the
// newest audit row of each kind that says why, what is held, and what Entra said when it was last read.

import { type EntraGroupId, type EntraUserId, type KeyHash, parseEntraUserId } from '../ids.ts';
import { AUDIT_COLUMNS, type StoredAuditRow, toAuditRow } from './audit.ts';
import type { AuditRow } from './audit-chain.ts';
import type { Queryable } from './database.ts';
import type { StoredKeyStatus } from './keys.ts';

export type KeyAccount = {
  readonly keyHash: KeyHash;
  readonly teamId: EntraGroupId;
  readonly generation: number;
  readonly status: StoredKeyStatus;
  readonly heldByHand: boolean;
  readonly blockedCause: string | null;
  readonly isRevealed: boolean;
  readonly escrowedAt: Date;
  /** Of a rotated or a test key. */
  readonly endsAt: Date | null;
  readonly liveAt: Date | null;
  readonly blockedAt: Date | null;
  readonly endedAt: Date | null;
};

export type PersonRecords = {
  readonly memberships: readonly { teamId: EntraGroupId; runId: string; addedAt: Date }[];
  /** Oldest generation first. */
  readonly keys: readonly KeyAccount[];
  /** The newest row of each event, team and key. */
  readonly newest: readonly AuditRow[];
  /** Removals that wait for a decision. */
  readonly held: readonly { teamId: EntraGroupId; since: Date; quarantineId: string }[];
  /** As Entra was last read; null when no mapped group leads to the person any more. */
  readonly entra: { readonly accountEnabled: boolean; readonly groupIds: readonly EntraGroupId[] } | null;
};

export async function readPersonRecords(database: Queryable, userId: EntraUserId): Promise<PersonRecords> {
  const [memberships, keys, newest, held, entra] = await Promise.all([
    database.query<PersonRecords['memberships'][number]>(
      `select team_id as "teamId", run_id as "runId", added_at as "addedAt" from memberships where user_id = $1`,
      [userId],
    ),
    database.query<KeyAccount>(
      `select key_hash as "keyHash", team_id as "teamId", generation, status, held_by_hand as "heldByHand",
              blocked_cause as "blockedCause", revealed_at is not null as "isRevealed", escrowed_at as "escrowedAt", ends_at as "endsAt",
              live_at as "liveAt", blocked_at as "blockedAt", ended_at as "endedAt"
       from keys where user_id = $1 order by team_id, generation`,
      [userId],
    ),
    database.query<StoredAuditRow>(
      `select distinct on (audit.event, audit.team_id, audit.key_hash) ${AUDIT_COLUMNS} from audit
       where audit.user_id = $1 and audit.team_id is not null
       order by audit.event, audit.team_id, audit.key_hash, audit.seq desc`,
      [userId],
    ),
    database.query<PersonRecords['held'][number]>(
      `select distinct on (a.action ->> 'teamId') (a.action ->> 'teamId')::uuid as "teamId", first_seen_at as since,
              quarantine_id as "quarantineId"
       from quarantines, jsonb_array_elements(actions) as a(action)
       where status = 'waiting' and a.action ->> 'userId' = $1
       order by a.action ->> 'teamId', first_seen_at`,
      [userId],
    ),
    database.query<{ accountEnabled: boolean; groupIds: EntraGroupId[] }>(
      `with recursive above(id) as (
         select group_id from directory_groups where $1 = any (user_ids)
         union select g.group_id from directory_groups g join above on above.id = any (g.nested_group_ids))
       select account_enabled as "accountEnabled", (select coalesce(array_agg(id), '{}') from above) as "groupIds"
       from directory_users where user_id = $1`,
      [userId],
    ),
  ]);
  return {
    memberships: memberships.rows,
    keys: keys.rows,
    newest: newest.rows.map(toAuditRow),
    held: held.rows,
    entra: entra.rows[0] ?? null,
  };
}

export type TeamRecords = {
  readonly memberCount: number;
  /** How many keys are in each state. */
  readonly keyCounts: Readonly<Partial<Record<StoredKeyStatus, number>>>;
  readonly held: readonly { since: Date; quarantineId: string; peopleCount: number }[];
};

export async function readTeamRecords(database: Queryable, teamId: EntraGroupId): Promise<TeamRecords> {
  const [members, keys, held] = await Promise.all([
    database.query<{ count: number }>(
      'select count(*)::integer as count from memberships where team_id = $1',
      [teamId],
    ),
    database.query<{ status: StoredKeyStatus; count: number }>(
      'select status, count(*)::integer as count from keys where team_id = $1 group by status order by status',
      [teamId],
    ),
    database.query<TeamRecords['held'][number]>(
      `select first_seen_at as since, quarantine_id as "quarantineId",
              count(distinct a.action ->> 'userId')::integer as "peopleCount"
       from quarantines, jsonb_array_elements(actions) as a(action)
       where status = 'waiting' and a.action ->> 'teamId' = $1
       group by quarantine_id order by first_seen_at`,
      [teamId],
    ),
  ]);
  return {
    memberCount: members.rows[0]?.count ?? 0,
    keyCounts: Object.fromEntries(keys.rows.map(({ status, count }) => [status, count])),
    held: held.rows,
  };
}

/** People with this mail address, sign-in name or display name, in the last read of Entra; at most `limit`. */
export async function findPeopleByName(
  database: Queryable,
  name: string,
  limit: number,
): Promise<EntraUserId[]> {
  const { rows } = await database.query<{ userId: string }>(
    `select user_id as "userId" from directory_users
     where lower($1) in (lower(mail), lower(user_principal_name), lower(display_name)) order by user_id limit $2`,
    [name, limit],
  );
  return rows.map((row) => parseEntraUserId(row.userId));
}
