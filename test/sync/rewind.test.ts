// The moment that the suites of cut-off runs begin from again and again is the same moment each time.

import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Database } from '../../lib/store/database.ts';
import { useControlDatabases } from '../store/database-fixture.ts';
import { type FakeLiteLLM, startFakeLiteLLM } from '../world/litellm-fake/start.ts';
import { createCompany } from './reconcile-fixture.ts';
import { saveMoment } from './rewind.ts';

const createControlDatabase = useControlDatabases();
let litellm: FakeLiteLLM;
beforeAll(async () => {
  litellm = await startFakeLiteLLM({ masterKey: 'sk-master-of-the-fake' });
});
afterAll(() => litellm.close());

/** Every row of every table and every sequence. */
async function readAll(database: Database): Promise<Record<string, unknown>> {
  const { rows: tables } = await database.query<{ name: string; isTable: boolean }>(
    `select relname as name, relkind = 'r' as "isTable" from pg_class
     where relnamespace = 'public'::regnamespace and relkind in ('r', 'S') order by relname`,
  );
  const contents: Record<string, unknown> = {};
  for (const { name, isTable } of tables) {
    const columns = isTable ? 'to_jsonb(t)' : 'jsonb_build_object(last_value, is_called)';
    const { rows } = await database.query<{ row: unknown }>(
      `select ${columns} as row from public.${name} t order by 1`,
    );
    contents[name] = rows.map(({ row }) => row);
  }
  return contents;
}

test('a company brought back has every row and sequence that it had, each time', async () => {
  const company = await createCompany(litellm, await createControlDatabase(), [2, 3]);
  const { database, groups, directory, run } = company;
  await run();
  const rewind = await saveMoment(database, litellm);
  const before = [await readAll(database), structuredClone(litellm.state)];

  for (const group of groups) directory.members.get(group)?.shift();

  for (let time = 1; time <= 2; time += 1) {
    await database.query(`select nextval('hints_seq')`);
    expect((await run()).done).toMatchObject({ block_key: 2, remove_member: 2 });
    expect(await readAll(database)).not.toEqual(before[0]);
    expect(litellm.state).not.toEqual(before[1]);

    await rewind();

    expect(await readAll(database)).toEqual(before[0]);
    expect(litellm.state).toEqual(before[1]);
  }
});
