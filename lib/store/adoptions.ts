// What `lcp adopt` took over: pairs of an Entra id and the id that LiteLLM has for the same team or person.

import type { Queryable } from './database.ts';

export type AdoptionKind = 'team' | 'user';

export type StoredAdoption = {
  readonly kind: AdoptionKind;
  readonly entraId: string;
  readonly gatewayId: string;
  /** LiteLLM carries the marker. */
  readonly isAdopted: boolean;
};

export async function listAdoptions(database: Queryable): Promise<StoredAdoption[]> {
  const { rows } = await database.query<StoredAdoption>(
    `select kind, entra_id as "entraId", gateway_id as "gatewayId", adopted_at is not null as "isAdopted"
     from adoptions order by kind, entra_id`,
  );
  return rows;
}

/** Written before LiteLLM is asked for anything. What is there already stays, with its first run. */
export async function insertAdoptions(
  transaction: Queryable,
  { runId, actor }: { readonly runId: string; readonly actor: string },
  adoptions: readonly Pick<StoredAdoption, 'kind' | 'entraId' | 'gatewayId'>[],
): Promise<void> {
  await transaction.query(
    `insert into adoptions (kind, entra_id, gateway_id, run_id, actor)
     select r.kind, r."entraId", r."gatewayId", $2, $3
       from jsonb_to_recordset($1::jsonb) as r(kind text, "entraId" uuid, "gatewayId" text)
     on conflict (kind, entra_id) do nothing`,
    [JSON.stringify(adoptions), runId, actor],
  );
}

/** LiteLLM carries the marker from now on. */
export async function markAdopted(
  transaction: Queryable,
  kind: AdoptionKind,
  entraIds: readonly string[],
): Promise<void> {
  await transaction.query(
    `update adoptions set adopted_at = coalesce(adopted_at, clock_timestamp())
     where kind = $1 and entra_id = any ($2::uuid[])`,
    [kind, entraIds],
  );
}
