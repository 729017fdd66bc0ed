// What the guard held: stored whole with its reasons; waiting until a person decides or its circumstances change.
//
//   waiting -> approved -> applying -> applied      a run finds exactly these removals held, then carries them out
//   waiting -> rejected                             the removals stay undone while the rejection stands
//   waiting, approved -> lapsed                     a run no longer finds exactly these removals held
//
// The same removals held once more after any end begin a new episode, and an older link is worth nothing.

import type { Queryable } from './database.ts';

export type NewQuarantine = {
  readonly quarantineId: string;
  readonly scope: string;
  readonly peopleCount: number;
  readonly exceeded: readonly unknown[];
  readonly actions: readonly unknown[];
};

export type QuarantineStatus = 'waiting' | 'approved' | 'applying' | 'applied' | 'rejected' | 'lapsed';

export type QuarantineRow = {
  readonly quarantineId: string;
  readonly episode: string;
  readonly status: QuarantineStatus;
  readonly scope: string;
  readonly peopleCount: number;
  readonly reasons: readonly { limit: string; value: number; bound: number }[];
  readonly actions: readonly { kind: string; teamId: string; userId: string; cause: string }[];
  readonly planDigest: string;
  readonly waitingSince: Date;
  readonly lastSeenAt: Date;
  readonly decidedAt: Date | null;
  readonly decidedBy: string | null;
  readonly decisionExpiresAt: Date | null;
};

const COLUMNS = `quarantine_id as "quarantineId", episode, status, scope, people_count as "peopleCount", reasons, actions,
  plan_digest as "planDigest", waiting_since as "waitingSince", last_seen_at as "lastSeenAt",
  decided_at as "decidedAt", decided_by as "decidedBy", decision_expires_at as "decisionExpiresAt"`;

/** Ids of the quarantines that a run opened, and of those whose circumstances changed before their end. */
export type QuarantineChanges = {
  readonly opened: readonly string[];
  readonly lapsed: readonly { readonly quarantineId: string; readonly wasApproved: boolean }[];
};

/** Brings what waits up to what this run held and what it found approved. */
export async function updateQuarantines(
  transaction: Queryable,
  run: { readonly runId: string; readonly planDigest: string },
  held: readonly NewQuarantine[],
  approved: readonly NewQuarantine[],
): Promise<QuarantineChanges> {
  const present = [...held, ...approved].map((quarantine) => quarantine.quarantineId);
  const lapsed = await transaction.query<{ quarantineId: string; wasApproved: boolean }>(
    `update quarantines q set status = 'lapsed' from quarantines before
     where before.quarantine_id = q.quarantine_id and q.status in ('waiting', 'approved') and q.quarantine_id <> all($1::text[])
     returning q.quarantine_id as "quarantineId", before.status = 'approved' as "wasApproved"`,
    [present],
  );
  const opened: string[] = [];
  for (const quarantine of held)
    if (await upsertHeld(transaction, run, quarantine)) opened.push(quarantine.quarantineId);
  await transaction.query(
    `update quarantines set status = 'applying', last_run_id = $2, last_seen_at = clock_timestamp()
     where quarantine_id = any($1::text[]) and status = 'approved'`,
    [approved.map((quarantine) => quarantine.quarantineId), run.runId],
  );
  return { opened, lapsed: lapsed.rows };
}

/** True when it begins to wait. A decision made while the run was reading is left to the next run. */
async function upsertHeld(
  transaction: Queryable,
  run: { readonly runId: string; readonly planDigest: string },
  { quarantineId, scope, peopleCount, exceeded, actions }: NewQuarantine,
): Promise<boolean> {
  const { rows } = await transaction.query<{ status: string; isDecided: boolean }>(
    `select status, decision_expires_at > clock_timestamp() and (status = 'approved' or status = 'rejected' and exists (
              select from decided_removals d where d.quarantine_id = q.quarantine_id)) as "isDecided"
     from quarantines q where quarantine_id = $1 for update`,
    [quarantineId],
  );
  const before = rows[0];
  const isOpen = before?.status === 'waiting' || before?.isDecided === true;
  await transaction.query(
    `insert into quarantines as q (quarantine_id, status, plan_digest, scope, people_count, reasons, actions, first_run_id, last_run_id)
     values ($1, 'waiting', $2, $3, $4, $5, $6, $7, $7)
     on conflict (quarantine_id) do update
       set plan_digest = excluded.plan_digest, reasons = excluded.reasons, last_run_id = excluded.last_run_id,
           last_seen_at = clock_timestamp(), people_count = excluded.people_count`,
    [
      quarantineId,
      run.planDigest,
      scope,
      peopleCount,
      JSON.stringify(exceeded),
      JSON.stringify(actions),
      run.runId,
    ],
  );
  if (isOpen) return false;
  await transaction.query(
    `update quarantines set status = 'waiting', episode = gen_random_uuid(), waiting_since = clock_timestamp(),
       announced_at = null, decided_at = null, decided_by = null, decision_expires_at = null
     where quarantine_id = $1`,
    [quarantineId],
  );
  return true;
}

export type Announcement = QuarantineRow & { readonly isReminder: boolean };

/** Waiting ones that were not announced yet, or not for `raiseAgainHours`; from now on they were. */
export async function claimAnnouncements(
  transaction: Queryable,
  raiseAgainHours: number,
): Promise<Announcement[]> {
  const { rows } = await transaction.query<Announcement>(
    `select ${COLUMNS}, announced_at is not null as "isReminder" from quarantines
     where status = 'waiting' and (announced_at is null or announced_at < clock_timestamp() - $1 * interval '1 hour')
     order by quarantine_id for update`,
    [raiseAgainHours],
  );
  await transaction.query(
    'update quarantines set announced_at = clock_timestamp() where quarantine_id = any($1::text[])',
    [rows.map((row) => row.quarantineId)],
  );
  return rows;
}

/** What waits for a person to decide, oldest first. */
export async function listWaitingQuarantines(database: Queryable): Promise<QuarantineRow[]> {
  const { rows } = await database.query<QuarantineRow>(
    `select ${COLUMNS} from quarantines where status = 'waiting' order by waiting_since, quarantine_id`,
  );
  return rows;
}

/** What waits, then what was decided or lapsed, newest first. */
export async function listQuarantines(database: Queryable, limit: number): Promise<QuarantineRow[]> {
  const { rows } = await database.query<QuarantineRow>(
    `select ${COLUMNS} from quarantines order by status = 'waiting' desc, last_seen_at desc, quarantine_id limit $1`,
    [limit],
  );
  return rows;
}

/** Those whose id begins with `idStart`, at most two: enough to tell none, one and several apart. */
export async function findQuarantines(database: Queryable, idStart: string): Promise<QuarantineRow[]> {
  const { rows } = await database.query<QuarantineRow>(
    `select ${COLUMNS} from quarantines where starts_with(quarantine_id, $1) order by quarantine_id limit 2`,
    [idStart],
  );
  return rows;
}
