// An upgrade keeps what is there, and a step back gives nobody access for longer.

import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { Secret } from '../../lib/secret.ts';
import { createDatabase } from '../../lib/store/database.ts';
import { applyMigrations } from '../../lib/store/migrate.ts';
import { type Postgres, startPostgres } from '../world/postgres.ts';
import { makeThrowAwayFolder } from '../world/throw-away-folder.ts';

const folder = makeThrowAwayFolder();
const RUN = '00000000-0000-4000-8000-000000000001';
let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres({ dir: folder.path, log: () => undefined });
});
afterAll(async () => {
  await postgres?.stop();
  folder.remove();
});

test('a database of the level before decisions is upgraded, stepped back and upgraded again with its rows', async () => {
  await postgres.createDatabase('upgraded');
  const url = postgres.url('upgraded');
  const migrate = (direction: 'up' | 'down', count: number) =>
    runner({
      databaseUrl: url,
      dir: fileURLToPath(new URL('../../lib/store/migrations', import.meta.url)),
      migrationsTable: 'migrations',
      direction,
      count,
      checkOrder: true,
      singleTransaction: true,
      log: () => undefined,
    });
  await migrate('up', 2);
  const database = createDatabase({ url: new Secret(url) });
  onTestFinished(() => database.close());
  await database.query(
    `insert into runs (run_id, lease_token, trigger, status) values ('${RUN}', 1, 'schedule', 'succeeded');
     insert into plans (digest, plan) values ('p', '{}');
     insert into quarantines (quarantine_id, status, plan_digest, scope, reasons, actions, first_run_id, last_run_id)
       values ('q', 'waiting', 'p', 'overall', '[]', '[]', '${RUN}', '${RUN}');
     insert into keys (key_hash, user_id, team_id, alias, generation, status, blocked_at)
       values (repeat('a', 64), '${RUN}', '${RUN}', 'a', 1, 'blocked', now());
     insert into removals (run_id, team_id, user_id) values ('${RUN}', '${RUN}', '${RUN}')`,
  );

  expect(await applyMigrations(new Secret(url))).toEqual([
    '000003-decisions',
    '000004-adoptions',
    '000005-audit-exports',
    '000006-droplet',
  ]);
  expect((await database.query('select status, decided_by from quarantines')).rows).toEqual([
    { status: 'waiting', decided_by: null },
  ]);
  await database.query(
    `insert into keys (key_hash, user_id, team_id, alias, generation, status, ends_at, blocked_at, kind) values
       (repeat('b', 64), '${RUN}', '${RUN}', 'b', 2, 'retiring', now(), null, 'member'),
       (repeat('c', 64), '${RUN}', '${RUN}', 'c', 3, 'blocked', null, now(), 'member'),
       (repeat('d', 64), '${RUN}', '${RUN}', 'd', 4, 'live', now(), null, 'test'),
       (repeat('e', 64), '${RUN}', '${RUN}', 'e', 5, 'released', null, null, 'member')`,
  );
  await migrate('down', 4);
  const { rows } = await database.query('select alias, status from keys order by generation');
  expect(rows.map(({ alias, status }) => `${alias} ${status}`)).toEqual([
    'a abandoned',
    'b abandoned',
    'c blocked',
    'd abandoned',
    'e deleted',
  ]);
  expect(await applyMigrations(new Secret(url))).toHaveLength(4);
  // node-pg-migrate does not wait for its connections to close, and one that PostgreSQL ends at its stop is an error.
  const others = `select from pg_stat_activity where datname = 'upgraded' and application_name <> 'litellm-control-plane'`;
  await expect.poll(async () => (await database.query(others)).rowCount).toBe(0);
});
