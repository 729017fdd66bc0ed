// Where Microsoft told us to look. The webhook leaves hints through one function of the database and can do nothing
// else there; sync claims them before it reads and removes exactly those it claimed.

import { isControlError } from '../errors.ts';
import type { Queryable } from './database.ts';

export type NewHint = {
  /** `groups/<id>`, `users/<id>` or `subscriptions/<id>`, ids in lower case. */
  readonly resource: string;
  /** People whom the notification named as removed from the group. */
  readonly userIds: readonly string[];
};

export type Hint = NewHint & {
  /** Another one when the resource was notified again. */
  readonly seq: string;
};

/** More are claimed by the next run, which follows at once. */
const CLAIM_LIMIT = 5_000;

/** Leaves `hints`, one a resource, in one statement. Answers whether sync is to be woken. Tries twice, because the
 *  connection may have died while the container of the webhook was frozen; a repeat is harmless.
 *  @throws ControlError STORE_UNAVAILABLE, STORE_DENIED */
export async function recordHints(database: Queryable, hints: readonly NewHint[]): Promise<boolean> {
  try {
    return await recordOnce(database, hints);
  } catch (error) {
    if (!isControlError(error, 'STORE_UNAVAILABLE')) throw error;
    return recordOnce(database, hints);
  }
}

async function recordOnce(database: Queryable, hints: readonly NewHint[]): Promise<boolean> {
  const { rows } = await database.query<{ isToBeWoken: boolean }>(
    'select record_hints($1::jsonb) as "isToBeWoken"',
    [JSON.stringify(hints)],
  );
  return rows[0]?.isToBeWoken ?? false;
}

/** The hints waiting now, oldest first. From here on a new one wakes sync again. Call it before Graph is read. */
export async function claimHints(database: Queryable): Promise<Hint[]> {
  await database.query('update hint_wakes set woken_at = null where woken_at is not null');
  const { rows } = await database.query<Hint>(
    'select resource, seq::text, user_ids as "userIds" from hints order by hints.seq limit $1',
    [CLAIM_LIMIT],
  );
  return rows;
}

/** Removes hints as they were claimed: what was notified again meanwhile stays. */
export async function completeHints(transaction: Queryable, claimed: readonly Hint[]): Promise<void> {
  if (claimed.length === 0) return;
  await transaction.query(
    `delete from hints h using unnest($1::text[], $2::bigint[]) as c(resource, seq)
     where h.resource = c.resource and h.seq = c.seq`,
    [claimed.map((hint) => hint.resource), claimed.map((hint) => hint.seq)],
  );
}

/** Whether any hint waits other than `known`, as they were claimed. */
export async function hasHints(database: Queryable, known: readonly Hint[] = []): Promise<boolean> {
  const { rows } = await database.query<{ isWaiting: boolean }>(
    `select exists (select 1 from hints h where not exists (
       select 1 from unnest($1::text[], $2::bigint[]) as c(resource, seq)
       where c.resource = h.resource and c.seq = h.seq)) as "isWaiting"`,
    [known.map((hint) => hint.resource), known.map((hint) => hint.seq)],
  );
  return rows[0]?.isWaiting ?? false;
}
