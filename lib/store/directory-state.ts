// How far the looking at Entra has come: the delta links, when everything was last read in full, and what the last
// empty plan was made from, so that a run which finds the same again need not plan.

import type { Queryable } from './database.ts';

export type StoredLinks = { readonly groups: string; readonly users: string };

/** The inputs of a plan that was empty, and what it told. */
export type Settled = {
  /** Of policy and code. */
  readonly policyDigest: string;
  /** Of LiteLLM's state. */
  readonly gatewayDigest: string;
  readonly planDigest: string;
  readonly notices: readonly StoredNotice[];
  /** When time alone will give something to do, ISO 8601; null when nothing will. */
  readonly dueAt: string | null;
};

/** What the plan left alone; form and codes are those of lib/sync/plan-context.ts. */
export type StoredNotice = {
  readonly code: string;
  readonly teamId?: string;
  readonly userId?: string;
  readonly detail: string;
};

export type DirectoryState = {
  /** null before the first full read. */
  readonly links: StoredLinks | null;
  readonly isFullReadDue: boolean;
  readonly settled: Settled | null;
};

/** Against changes that no delta ever told. */
const FULL_READ_EVERY = '6 hours';

/** By PostgreSQL's clock. */
export async function findDirectoryState(database: Queryable): Promise<DirectoryState> {
  const { rows } = await database.query<{
    groups: string | null;
    users: string | null;
    isFullReadDue: boolean;
    settled: Settled | null;
  }>(
    `select groups_link as groups, users_link as users, settled,
            full_read_at is null or full_read_at < clock_timestamp() - $1::interval as "isFullReadDue"
     from directory_state`,
    [FULL_READ_EVERY],
  );
  const row = rows[0];
  return {
    links: row?.groups != null && row.users !== null ? { groups: row.groups, users: row.users } : null,
    isFullReadDue: row?.isFullReadDue ?? true,
    settled: row?.settled ?? null,
  };
}

/** Whether everything was read: not, with changes to check it by, or without. */
export type FullRead = 'none' | 'confirmed' | 'unconfirmed';

/** A read of everything that nothing could be checked by is made once more by the next scheduled run. */
const REPEAT_AFTER = '4 minutes';

/** The next run looks on from `links`. */
export async function updateLinks(
  transaction: Queryable,
  links: StoredLinks,
  fullRead: FullRead,
): Promise<void> {
  await transaction.query(
    `update directory_state set groups_link = $1, users_link = $2,
       full_read_at = case $3 when 'none' then full_read_at when 'confirmed' then clock_timestamp()
         else clock_timestamp() - $4::interval + $5::interval end`,
    [links.groups, links.users, fullRead, FULL_READ_EVERY, REPEAT_AFTER],
  );
}

/** `null` as soon as there is something to do; written before it is done. */
export async function updateSettled(transaction: Queryable, settled: Settled | null): Promise<void> {
  await transaction.query('update directory_state set settled = $1', [
    settled === null ? null : JSON.stringify(settled),
  ]);
}
