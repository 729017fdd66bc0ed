// When LiteLLM last changed a row, and for whom, as far as it keeps that: no more than a time after which a change by
// hand cannot have been, because spend moves it as well. Only a key's row names an actor.

import * as z from 'zod';
import type { Transport } from './transport.ts';

export type LastChange = { readonly at: string | null; readonly by: string | null };
export type ChangedRow =
  | { readonly what: 'team'; readonly id: string }
  | { readonly what: 'user'; readonly id: string }
  | { readonly what: 'key'; readonly id: string };

const dates = z.object({ updated_at: z.string().nullish(), updated_by: z.string().nullish() });
const ROWS = {
  team: { path: '/v2/team/list', idField: 'team_id', query: { page: '1', page_size: '2' } },
  user: { path: '/user/list', idField: 'user_ids', query: { page: '1', page_size: '25' } },
  key: {
    path: '/key/list',
    idField: 'key_hash',
    query: { page: '1', size: '2', return_full_object: 'true' },
  },
} as const;
const ID_COLUMN = { team: 'team_id', user: 'user_id', key: 'token' } as const;

export async function readLastChange(
  transport: Transport,
  { what, id }: ChangedRow,
  signal: AbortSignal,
): Promise<LastChange> {
  const { path, idField, query } = ROWS[what];
  const row = dates.extend({ [ID_COLUMN[what]]: z.string() });
  const answer = z.object({
    teams: z.array(row).default([]),
    users: z.array(row).default([]),
    keys: z.array(row).default([]),
  });
  const reply = await transport.call(
    { method: 'GET', path, query: { ...query, [idField]: id }, answer, isRepeatHarmless: true },
    signal,
  );
  if (reply.status === 'refused') throw reply.toError();
  const { teams, users, keys } = reply.value;
  const found = [...teams, ...users, ...keys].find(
    (one) => (one as Readonly<Record<string, unknown>>)[ID_COLUMN[what]] === id,
  );
  return { at: found?.updated_at ?? null, by: found?.updated_by ?? null };
}
