// Brings a company back to a moment: every row and sequence of its database, and all that the fake LiteLLM knows. What is
// tried again and again from one beginning then costs what is tried, not the making of the beginning.

import type { Database } from '../../lib/store/database.ts';
import type { FakeLiteLLM } from '../world/litellm-fake/start.ts';
import { restoreState } from '../world/litellm-fake/state.ts';

/** Saves the moment; what it returns brings it back, any number of times. Nothing of the company may be under way. */
export async function saveMoment(
  database: Database,
  { state }: Pick<FakeLiteLLM, 'state'>,
): Promise<() => Promise<void>> {
  await database.query(SAVE);
  const saved = structuredClone(state);
  return async () => {
    await database.query(RESTORE);
    restoreState(state, saved);
  };
}

/** Fails where a moment is saved already: one company, one beginning. */
const SAVE = `do $$ declare name text; begin
  create schema saved;
  create table saved.sequences (name text, last_value bigint, is_called boolean);
  for name in select tablename from pg_tables where schemaname = 'public' loop
    execute format('create table saved.%1$I as table public.%1$I', name);
  end loop;
  for name in select sequencename from pg_sequences where schemaname = 'public' loop
    execute format('insert into saved.sequences select %1$L, last_value, is_called from public.%1$I', name);
  end loop;
end $$`;

/** Without triggers: they keep the audit from being changed, and would check references in between. */
const RESTORE = `do $$ declare name text; begin
  perform set_config('session_replication_role', 'replica', true);
  for name in select tablename from pg_tables where schemaname = 'public' loop
    execute format('delete from public.%1$I', name);
    execute format('insert into public.%1$I table saved.%1$I', name);
  end loop;
  perform setval(format('public.%I', s.name), s.last_value, s.is_called) from saved.sequences s;
end $$`;
