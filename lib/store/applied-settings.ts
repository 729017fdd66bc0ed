// What we last set in LiteLLM, by team and by person. What differs from it was changed by somebody else.

import type { Queryable } from './database.ts';

export type AppliedKind = 'team' | 'user';
export type AppliedSettings = Readonly<Record<string, unknown>>;
export type Applied = { readonly [K in AppliedKind]: ReadonlyMap<string, AppliedSettings> };
export type AppliedRow = {
  readonly kind: AppliedKind;
  readonly id: string;
  readonly settings: AppliedSettings;
};

export async function listApplied(database: Queryable): Promise<Applied> {
  const { rows } = await database.query<AppliedRow>('select kind, id, settings from applied_settings');
  const of = (kind: AppliedKind) =>
    new Map(rows.filter((row) => row.kind === kind).map((row) => [row.id, row.settings]));
  return { team: of('team'), user: of('user') };
}

/** What is absent from `settings` stays as it was. */
export async function upsertApplied(transaction: Queryable, rows: readonly AppliedRow[]): Promise<void> {
  if (rows.length === 0) return;
  await transaction.query(
    `insert into applied_settings as a (kind, id, settings)
     select kind, id, settings from jsonb_to_recordset($1::jsonb) as n(kind text, id uuid, settings jsonb)
     on conflict (kind, id) do update set settings = a.settings || excluded.settings, applied_at = clock_timestamp()`,
    [JSON.stringify(rows)],
  );
}

export async function deleteApplied(transaction: Queryable, kind: AppliedKind, id: string): Promise<void> {
  await transaction.query('delete from applied_settings where kind = $1 and id = $2', [kind, id]);
}
