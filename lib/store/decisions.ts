// What people decide about held removals: one decision for an episode of a quarantine, and the removals it covers.

import type { EntraGroupId, EntraUserId } from '../ids.ts';
import type { Queryable } from './database.ts';
import type { QuarantineStatus } from './quarantines.ts';

export type NewDecision = {
  readonly quarantineId: string;
  /** What the person was shown; another one has begun when the same removals were held anew. */
  readonly episode: string;
  readonly decision: 'approved' | 'rejected';
  /** `entra:<object id>`, `cli:<login>`. */
  readonly actor: string;
  /** How long an approval waits for its run, and how long a rejection stands. */
  readonly validHours: number;
};

export type DecisionOutcome =
  | { readonly status: 'decided'; readonly planDigest: string; readonly peopleCount: number }
  | {
      /** Nothing was changed: it does not wait (any more), or waits for other reasons than the person saw. */
      readonly status: 'refused';
      readonly found: QuarantineStatus | 'replaced' | 'absent';
      readonly decidedBy: string | null;
      readonly decidedAt: Date | null;
    };

/** Decides what still waits, and nothing else: one update tells who was first. */
export async function insertDecision(
  transaction: Queryable,
  { quarantineId, episode, decision, actor, validHours }: NewDecision,
): Promise<DecisionOutcome> {
  const { rows } = await transaction.query<{ planDigest: string; peopleCount: number }>(
    `update quarantines set status = $3, decided_at = clock_timestamp(), decided_by = $4,
       decision_expires_at = clock_timestamp() + $5 * interval '1 hour'
     where quarantine_id = $1 and episode = $2 and status = 'waiting'
     returning plan_digest as "planDigest", people_count as "peopleCount"`,
    [quarantineId, episode, decision, actor, validHours],
  );
  const [decided] = rows;
  if (decided === undefined) return refusal(transaction, quarantineId, episode);
  if (decision === 'rejected') await coverRemovals(transaction, [quarantineId], 'rejected');
  return { status: 'decided', ...decided };
}

async function refusal(database: Queryable, quarantineId: string, episode: string): Promise<DecisionOutcome> {
  const { rows } = await database.query<{
    status: QuarantineStatus;
    episode: string;
    decidedBy: string | null;
    decidedAt: Date | null;
  }>(
    `select status, episode, decided_by as "decidedBy", decided_at as "decidedAt" from quarantines where quarantine_id = $1`,
    [quarantineId],
  );
  const [row] = rows;
  if (row === undefined) return { status: 'refused', found: 'absent', decidedBy: null, decidedAt: null };
  const { decidedBy, decidedAt } = row;
  return {
    status: 'refused',
    found: row.episode === episode ? row.status : 'replaced',
    decidedBy,
    decidedAt,
  };
}

/** From here on these removals are decided one by one, so that a run that is killed goes on from where it was. */
export async function coverRemovals(
  transaction: Queryable,
  quarantineIds: readonly string[],
  decision: 'approved' | 'rejected',
): Promise<void> {
  await transaction.query(
    `insert into decided_removals (team_id, user_id, decision, quarantine_id, expires_at)
     select distinct on (1, 2) (action->>'teamId')::uuid, (action->>'userId')::uuid, $2, quarantine_id, decision_expires_at
       from quarantines, jsonb_array_elements(actions) as action
      where quarantine_id = any($1::text[])
     on conflict (team_id, user_id) do update
       set decision = excluded.decision, quarantine_id = excluded.quarantine_id, expires_at = excluded.expires_at`,
    [quarantineIds, decision],
  );
}

export type DecidedRemoval = {
  readonly teamId: EntraGroupId;
  readonly userId: EntraUserId;
  readonly decision: 'approved' | 'rejected';
};
export type StoredDecisions = {
  /** Approved quarantines that no run has begun. */
  readonly approvedIds: readonly string[];
  readonly removals: readonly DecidedRemoval[];
};

/** What holds now, by PostgreSQL's clock. */
export async function listDecisions(database: Queryable): Promise<StoredDecisions> {
  const [approved, removals] = await Promise.all([
    database.query<{ id: string }>(
      `select quarantine_id as id from quarantines where status = 'approved' and decision_expires_at > clock_timestamp()`,
    ),
    database.query<DecidedRemoval>(
      `select team_id as "teamId", user_id as "userId", decision from decided_removals where expires_at > clock_timestamp()`,
    ),
  ]);
  return { approvedIds: approved.rows.map((row) => row.id), removals: removals.rows };
}

/** Forgets decisions about removals that nobody plans any more: done, or the person is back. What a group that was
 *  not read would say is not known. Returns the approved quarantines that are thereby carried out. */
export async function endDecisions(
  transaction: Queryable,
  planned: readonly { readonly teamId: string; readonly userId: string }[],
  unreadTeamIds: readonly string[],
): Promise<string[]> {
  await transaction.query(
    `delete from decided_removals d
     where d.expires_at <= clock_timestamp()
        or (d.team_id <> all($3::uuid[]) and not exists (
              select from unnest($1::uuid[], $2::uuid[]) as p(team_id, user_id)
               where p.team_id = d.team_id and p.user_id = d.user_id))`,
    [planned.map((one) => one.teamId), planned.map((one) => one.userId), unreadTeamIds],
  );
  const { rows } = await transaction.query<{ id: string }>(
    `update quarantines q set status = 'applied' where status = 'applying'
       and not exists (select from decided_removals d where d.quarantine_id = q.quarantine_id)
     returning quarantine_id as id`,
  );
  return rows.map((row) => row.id);
}
