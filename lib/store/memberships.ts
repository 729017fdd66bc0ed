// Which memberships are ours, and which removals were begun in the last 24 hours.

import { type EntraGroupId, type EntraUserId, parseEntraGroupId, parseEntraUserId } from '../ids.ts';
import type { Queryable } from './database.ts';

export type StoredMembership = { readonly teamId: EntraGroupId; readonly userId: EntraUserId };

export async function listMemberships(database: Queryable): Promise<StoredMembership[]> {
  const { rows } = await database.query<{ teamId: string; userId: string }>(
    'select team_id as "teamId", user_id as "userId" from memberships order by team_id, user_id',
  );
  return rows.map(parseMembership);
}

/** Written before LiteLLM is asked to add them: a run killed in between still knows them as ours. */
export async function insertMemberships(
  transaction: Queryable,
  runId: string,
  teamId: EntraGroupId,
  userIds: readonly EntraUserId[],
): Promise<void> {
  await transaction.query(
    'insert into memberships (team_id, user_id, run_id) select $1, unnest($2::uuid[]), $3 on conflict do nothing',
    [teamId, userIds, runId],
  );
}

export async function deleteMembership(
  transaction: Queryable,
  { teamId, userId }: StoredMembership,
): Promise<void> {
  await transaction.query('delete from memberships where team_id = $1 and user_id = $2', [teamId, userId]);
}

export async function deleteMembershipsOf(transaction: Queryable, teamId: EntraGroupId): Promise<void> {
  await transaction.query('delete from memberships where team_id = $1', [teamId]);
}

/** Written before the removal is carried out, so that it counts against the limits of 24 hours even if the run is killed. */
export async function insertRemoval(
  transaction: Queryable,
  runId: string,
  { teamId, userId }: StoredMembership,
): Promise<void> {
  await transaction.query(
    `insert into removals (run_id, team_id, user_id, is_approved)
     values ($1, $2, $3, exists (select from decided_removals where team_id = $2 and user_id = $3 and decision = 'approved'))
     on conflict do nothing`,
    [runId, teamId, userId],
  );
}

/** Removals begun in the last 24 hours by PostgreSQL's clock that nobody approved, each person and team once. */
export async function listRecentRemovals(database: Queryable): Promise<StoredMembership[]> {
  const { rows } = await database.query<{ teamId: string; userId: string }>(
    `select distinct team_id as "teamId", user_id as "userId" from removals
     where removed_at > clock_timestamp() - interval '24 hours' and not is_approved order by 1, 2`,
  );
  return rows.map(parseMembership);
}

function parseMembership(row: { teamId: string; userId: string }): StoredMembership {
  return { teamId: parseEntraGroupId(row.teamId), userId: parseEntraUserId(row.userId) };
}
