import pg from 'pg';
import { describe, expect, test } from 'vitest';
import { Secret } from '../../lib/secret.ts';
import { createDatabase, type Database, type Queryable } from '../../lib/store/database.ts';
import { claimHints, completeHints, hasHints, type NewHint, recordHints } from '../../lib/store/hints.ts';
import { guid } from '../directory/notification-fixture.ts';
import { useControlDatabases } from './database-fixture.ts';
import { createWebhookRole } from './webhook-role.ts';

const createControlDatabase = useControlDatabases();
const group = (n: number, ...userIds: string[]): NewHint => ({ resource: `groups/${guid(n)}`, userIds });
const claim = (database: Database) => claimHints(database);
const FLOOD_LIMIT_BYTES = 16 * 1024 * 1024;

/** As many hints as asked for, written past the webhook's function. */
async function flood(database: Database, count: number): Promise<void> {
  await database.query(
    `insert into hints (resource, seq, user_ids)
     select 'users/' || gen_random_uuid(), nextval('hints_seq'), '{}' from generate_series(1, $1)`,
    [count],
  );
}

async function hintCount(database: Queryable): Promise<number> {
  const { rows } = await database.query<{ count: number }>('select count(*)::int as count from hints');
  return rows[0]?.count ?? 0;
}

test('a resource has one hint however often it is notified, with everybody it was notified for, at most 20', async () => {
  const { database } = await createControlDatabase();
  await recordHints(database, [group(1, guid(11), guid(12))]);
  await recordHints(database, [group(1, guid(12), guid(13)), group(2)]);
  await recordHints(database, [group(3, ...Array.from({ length: 15 }, (_, n) => guid(100 + n)))]);
  await recordHints(database, [group(3, ...Array.from({ length: 15 }, (_, n) => guid(110 + n)))]);

  expect(await claim(database)).toMatchObject([
    group(1, guid(11), guid(12), guid(13)),
    group(2),
    { resource: `groups/${guid(3)}`, userIds: { length: 20 } },
  ]);
});

test('hints are claimed oldest first and stay until they are completed', async () => {
  const { database } = await createControlDatabase();
  for (const n of [3, 1, 2]) await recordHints(database, [group(n)]);

  const first = await claim(database);
  const second = await claim(database);
  await completeHints(database, second);

  expect(first.map(({ resource }) => resource)).toEqual([3, 1, 2].map((n) => group(n).resource));
  expect(second).toEqual(first);
  expect(await hasHints(database)).toBe(false);
});

test('what is notified again after it was claimed outlives its completion', async () => {
  const { database } = await createControlDatabase();
  await recordHints(database, [group(1), group(2)]);
  const claimed = await claim(database);
  await recordHints(database, [group(2)]);

  expect(await hasHints(database, claimed)).toBe(true);
  await completeHints(database, claimed);

  const left = await claim(database);
  expect(left.map(({ resource }) => resource)).toEqual([group(2).resource]);
  expect(await hasHints(database, left)).toBe(false);
});

test('a burst wakes sync once, and the first notification after a claim wakes it again', async () => {
  const { database } = await createControlDatabase();
  const burst = await Promise.all(
    Array.from({ length: 20 }, (_, n) => recordHints(database, [group(n), group(n + 1)])),
  );
  expect(burst.filter((isToBeWoken) => isToBeWoken)).toHaveLength(1);

  await claim(database);

  expect(await recordHints(database, [group(1)])).toBe(true);
  expect(await recordHints(database, [group(2)])).toBe(false);
});

test('a wake that came to nothing is repeated by the next notification after five seconds', async () => {
  const { database } = await createControlDatabase();
  await recordHints(database, [group(1)]);
  await database.query(`update hint_wakes set woken_at = woken_at - interval '6 seconds'`);

  expect(await recordHints(database, [group(1)])).toBe(true);
});

test('posts that name the same resources in another order do not wait for each other for ever', async () => {
  const { database } = await createControlDatabase();
  const many = Array.from({ length: 200 }, (_, n) => group(n, guid(n)));

  await Promise.all(
    Array.from({ length: 12 }, (_, n) => recordHints(database, n % 2 === 0 ? many : many.toReversed())),
  );

  expect(await hintCount(database)).toBe(200);
});

test('a first try on a dead connection is repeated once, and a refusal is not', async () => {
  const { database } = await createControlDatabase();
  const failing = (code: string, times: number) => {
    const asked: string[] = [];
    const away = createDatabase({ url: new Secret('postgres://nobody:secret@127.0.0.1:1/control') });
    const query: Queryable['query'] = (text, values) => {
      asked.push(text);
      return (asked.length <= times && code === 'away' ? away : database).query(text, values);
    };
    return { query, asked, close: () => away.close() };
  };

  const once = failing('away', 1);
  const twice = failing('away', 2);
  expect(await recordHints(once, [group(1)])).toBe(true);
  await expect(recordHints(twice, [group(2)])).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  expect([once.asked.length, twice.asked.length, await hintCount(database)]).toEqual([2, 2, 1]);
  await Promise.all([once.close(), twice.close()]);
});

describe('the role of the webhook', () => {
  test('records hints and can do nothing else in the database', async () => {
    const { url, database } = await createControlDatabase();
    const role = await createWebhookRole(database, url);
    const { rows } = await database.query<{ name: string; kind: string; column: string }>(
      `select c.relname as name, c.relkind::text as kind, a.attname as column
       from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum = 1
       where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'v', 'm', 'S', 'p')`,
    );
    const refusals = rows.flatMap(({ name, kind, column }) =>
      kind === 'S'
        ? [`select nextval('${name}')`, `select last_value from ${name}`]
        : [
            `select 1 from ${name}`,
            `insert into ${name} default values`,
            `update ${name} set ${column} = ${column}`,
            `delete from ${name}`,
            `truncate ${name}`,
            `select 1 from ${name} for update`,
            `alter table ${name} disable trigger all`,
            `drop table ${name}`,
          ],
    );

    expect(refusals.length).toBeGreaterThan(80);
    expect(await recordHints(role, [group(1)])).toBe(true);
    const allowed: string[] = [];
    for (const statement of [
      ...refusals,
      'create table mine (id int)',
      'create schema mine',
      'create function public.mine() returns int language sql as $$ select 1 $$',
      'drop function record_hints',
      'alter function record_hints(jsonb) security invoker',
      `select pg_read_file('/etc/passwd')`,
      `copy (select 1) to program 'true'`,
    ]) {
      if ((await sqlStateOf(role, statement)) !== '42501') allowed.push(statement); // insufficient_privilege
    }
    expect(allowed).toEqual([]);
    expect(await hintCount(database)).toBe(1);
    await role.close();
  });

  test('finds no other function of ours to call', async () => {
    const { database } = await createControlDatabase();
    const { rows } = await database.query<{ name: string }>(
      `select proname as name from pg_proc where pronamespace = 'public'::regnamespace
       and prorettype <> 'trigger'::regtype and has_function_privilege('public', oid, 'execute')`,
    );

    expect(rows.map(({ name }) => name)).toEqual(['record_hints']);
  });

  test('cannot turn the function to tables of its own making', async () => {
    const { url, database } = await createControlDatabase();
    const role = await createWebhookRole(database, url, { maxConnections: 1 });
    await role.query('create temp table hints (resource text primary key, seq bigint, user_ids uuid[])');
    await role.query('create temp table hint_wakes (woken_at timestamptz)');
    await role.query(`set search_path = pg_temp, public`);

    await role.query('select public.record_hints($1::jsonb)', [JSON.stringify([group(1)])]);

    expect(await hintCount(database)).toBe(1);
    await role.close();
  });

  test.each([
    'groups/../users',
    `groups/${guid(1)}'; drop table hints; --`,
    `devices/${guid(1)}`,
    `groups/${guid(1)}\n`,
    `groups/${'A'.repeat(36)}`,
    '',
  ])('leaves no hint for %j, nor any other of the same call', async (resource) => {
    const { url, database } = await createControlDatabase();
    const role = await createWebhookRole(database, url);
    const hints = JSON.stringify([group(1), { resource, userIds: [] }]);

    const state = await sqlStateOf(role, 'select record_hints($1::jsonb)', [hints]);

    expect(state).toBe('23514'); // check_violation
    expect(await hintCount(database)).toBe(0);
    await role.close();
  });

  test('leaves at most a thousand hints with one call, with at most 20 people each', async () => {
    const { url, database } = await createControlDatabase();
    const role = await createWebhookRole(database, url);
    const people = Array.from({ length: 500 }, (_, n) => guid(n));

    await recordHints(role, [...Array.from({ length: 3_000 }, (_, n) => group(n, ...people))]);

    const { rows } = await database.query(
      'select count(*)::int as count, max(cardinality(user_ids)) as people from hints',
    );
    expect(rows).toEqual([{ count: 1_000, people: 20 }]);
    await role.close();
  });
});

describe('a flood', () => {
  test('of 10,000 hints leaves the plan of the statement as it was: one look-up a resource', async () => {
    const { url, database } = await createControlDatabase();
    const before = await explainRecording(url);
    await flood(database, 10_000);
    await database.query('analyze hints');

    const after = await explainRecording(url);

    expect(after).toEqual(before);
    expect(after.join('\n')).toContain('Conflict Arbiter Indexes: hints_pkey');
    expect(after.join('\n')).not.toMatch(/Scan.* on (public\.)?hints\b/);
  });

  test('ends at 16 MB, still wakes sync, and once sync has removed it hints are taken again', async () => {
    const { database } = await createControlDatabase();
    await flood(database, 170_000);
    const size = async () => {
      const { rows } = await database.query<{ bytes: string }>(`select pg_relation_size('hints') as bytes`);
      return Number(rows[0]?.bytes);
    };
    expect(await size()).toBeGreaterThanOrEqual(FLOOD_LIMIT_BYTES);

    expect(await recordHints(database, [group(1)])).toBe(true);
    expect(await hintCount(database)).toBe(170_000);

    for (;;) {
      const claimed = await claim(database);
      if (claimed.length === 0) break;
      await completeHints(database, claimed);
    }
    // What autovacuum does within a minute.
    await database.query('vacuum hints');
    await recordHints(database, [group(1)]);
    expect(await claim(database)).toMatchObject([group(1)]);
    expect(await size()).toBeLessThan(FLOOD_LIMIT_BYTES);
  });
});

async function sqlStateOf(
  database: Queryable,
  text: string,
  values: readonly unknown[] = [],
): Promise<string> {
  try {
    await database.query(text, values);
    return 'done';
  } catch (error) {
    const { code, details } = error as { code: string; details?: { sqlState?: string } };
    return details?.sqlState ?? code;
  }
}

/** The plans of the statements inside the function, as PostgreSQL's own auto_explain says them, without numbers. */
async function explainRecording(url: Secret): Promise<string[]> {
  const client = new pg.Client({ connectionString: url.reveal() });
  const notices: string[] = [];
  client.on('notice', (notice) => notices.push(notice.message ?? ''));
  await client.connect();
  await client.query(`load 'auto_explain'`);
  await client.query(`set auto_explain.log_min_duration = 0; set auto_explain.log_nested_statements = on;
    set auto_explain.log_level = notice`);
  await client.query('begin');
  await client.query('select record_hints($1::jsonb)', [JSON.stringify([group(1), group(2)])]);
  await client.query('rollback');
  await client.end();
  return notices.filter((notice) => notice.includes('plan:')).map((notice) => notice.replace(/[\d.]+/g, '#'));
}
