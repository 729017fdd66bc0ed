// What Teams is to be told, until it has been told. A row is written in the transaction that makes it true.

import type { Queryable } from './database.ts';

/** Removals that wait for a person. Counts and identifiers: no key, no name of a person. */
export type HeldFacts = {
  readonly quarantineId: string;
  readonly episode: string;
  /** A team's name, or null for all teams together. */
  readonly team: string | null;
  readonly peopleCount: number;
  readonly reasons: readonly { readonly limit: string; readonly value: number; readonly bound: number }[];
  /** How many removals have which cause, the most frequent first, at most three. */
  readonly causes: readonly { readonly cause: string; readonly count: number }[];
  /** ISO 8601. */
  readonly waitingSince: string;
  readonly isReminder: boolean;
};

export type NewAlert = {
  /** The same fact has the same key, and is told once. */
  readonly dedupeKey: string;
  readonly kind: 'removals_held';
  /** What the card is made of. */
  readonly facts: HeldFacts;
};

export type AlertRow = {
  readonly alertId: string;
  readonly kind: NewAlert['kind'];
  readonly facts: HeldFacts;
  readonly attempts: number;
};

export async function insertAlerts(transaction: Queryable, alerts: readonly NewAlert[]): Promise<void> {
  if (alerts.length === 0) return;
  await transaction.query(
    `insert into alerts (dedupe_key, kind, facts)
     select "dedupeKey", kind, facts from jsonb_to_recordset($1::jsonb) as a("dedupeKey" text, kind text, facts jsonb)
     on conflict (dedupe_key) do nothing`,
    [JSON.stringify(alerts)],
  );
}

/** Due ones, oldest first; each is not due again for `retryAfterMs`, whatever becomes of this attempt. */
export async function claimAlerts(
  database: Queryable,
  limit: number,
  retryAfterMs: number,
): Promise<AlertRow[]> {
  const { rows } = await database.query<AlertRow>(
    `with due as (
       select alert_id, created_at from alerts where delivered_at is null and next_attempt_at <= clock_timestamp()
        order by created_at, alert_id limit $1 for update skip locked),
     claimed as (
       update alerts a set attempts = a.attempts + 1, next_attempt_at = clock_timestamp() + $2 * interval '1 millisecond'
         from due where due.alert_id = a.alert_id
       returning a.alert_id, a.kind, a.facts, a.attempts, a.created_at)
     select alert_id as "alertId", kind, facts, attempts from claimed order by created_at, alert_id`,
    [limit, retryAfterMs],
  );
  return rows;
}

export async function markAlertDelivered(database: Queryable, alertId: string): Promise<void> {
  await database.query(
    'update alerts set delivered_at = clock_timestamp(), last_error = null where alert_id = $1',
    [alertId],
  );
}

export async function markAlertFailed(database: Queryable, alertId: string, reason: string): Promise<void> {
  await database.query('update alerts set last_error = $2 where alert_id = $1', [alertId, reason]);
}
