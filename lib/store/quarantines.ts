// What the guard held: stored whole with its reasons, seen again or lapsed.

import type { Queryable } from './database.ts';

export type NewQuarantine = {
  readonly quarantineId: string;
  readonly scope: string;
  readonly exceeded: readonly unknown[];
  readonly actions: readonly unknown[];
};

export type QuarantineRow = {
  readonly quarantineId: string;
  readonly status: 'waiting' | 'lapsed';
  readonly scope: string;
  readonly reasons: readonly { limit: string; value: number; bound: number }[];
  readonly actions: readonly Record<string, unknown>[];
  readonly firstSeenAt: Date;
  readonly lastSeenAt: Date;
};

/** Replaces what is waiting by what this run held. Returns the ids that were not waiting before.
 *  What was waiting and is not held any more lapses: its circumstances changed. */
export async function updateQuarantines(
  transaction: Queryable,
  runId: string,
  planDigest: string,
  held: readonly NewQuarantine[],
): Promise<string[]> {
  await transaction.query(
    `update quarantines set status = 'lapsed' where status = 'waiting' and quarantine_id <> all($1::text[])`,
    [held.map((quarantine) => quarantine.quarantineId)],
  );
  const added: string[] = [];
  for (const quarantine of held) {
    const before = await transaction.query<{ status: string }>(
      'select status from quarantines where quarantine_id = $1',
      [quarantine.quarantineId],
    );
    if (before.rows[0]?.status !== 'waiting') added.push(quarantine.quarantineId);
    await transaction.query(
      `insert into quarantines (quarantine_id, status, plan_digest, scope, reasons, actions, first_run_id, last_run_id)
       values ($1, 'waiting', $2, $3, $4, $5, $6, $6)
       on conflict (quarantine_id) do update
         set status = 'waiting', plan_digest = excluded.plan_digest, reasons = excluded.reasons,
             last_run_id = excluded.last_run_id, last_seen_at = clock_timestamp()`,
      [
        quarantine.quarantineId,
        planDigest,
        quarantine.scope,
        JSON.stringify(quarantine.exceeded),
        JSON.stringify(quarantine.actions),
        runId,
      ],
    );
  }
  return added;
}

/** What waits for a person to decide, oldest first. */
export async function listWaitingQuarantines(database: Queryable): Promise<QuarantineRow[]> {
  const { rows } = await database.query<QuarantineRow>(
    `select quarantine_id as "quarantineId", status, scope, reasons, actions, first_seen_at as "firstSeenAt", last_seen_at as "lastSeenAt"
     from quarantines where status = 'waiting' order by first_seen_at, quarantine_id`,
  );
  return rows;
}
