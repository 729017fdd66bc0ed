// What was changed by hand, as the last plan found it.

import type { Queryable } from './database.ts';

export type StoredDrift = { readonly key: string; readonly item: unknown; readonly firstSeenAt: Date };

export async function listDrift(database: Queryable): Promise<StoredDrift[]> {
  const { rows } = await database.query<StoredDrift>(
    'select item_key as key, item, first_seen_at as "firstSeenAt" from drift order by first_seen_at, item_key',
  );
  return rows;
}

/** From here on exactly these are there; what was there before keeps the time it was first seen. */
export async function replaceDrift(
  transaction: Queryable,
  items: readonly { readonly key: string; readonly item: unknown }[],
): Promise<void> {
  await transaction.query('delete from drift where item_key <> all($1::text[])', [
    items.map((item) => item.key),
  ]);
  await transaction.query(
    `insert into drift (item_key, item) select key, item from jsonb_to_recordset($1::jsonb) as n(key text, item jsonb)
     on conflict (item_key) do nothing`,
    [JSON.stringify(items)],
  );
}
