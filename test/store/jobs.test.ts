// Jobs as the database keeps them: claimed by one agent at a time, through three functions that are all its role may call.

import { randomUUID } from 'node:crypto';
import { expect, onTestFinished, test } from 'vitest';
import { claimJob, endJob, keepJob } from '../../droplet/agent/job-store.ts';
import { createDatabase, type Database, type Queryable } from '../../lib/store/database.ts';
import { grantAgentFunction, grantDropletAgent } from '../../lib/store/grants.ts';
import { enqueueJob, findJob, withdrawJob } from '../../lib/store/jobs.ts';
import { useControlDatabases } from './database-fixture.ts';
import { createGrantedUrl } from './granted-role.ts';

const createControlDatabase = useControlDatabases();
const DONE = { outcome: 'done', result: { statusCode: 202 } } as const;

async function prepare() {
  const { database, url } = await createControlDatabase();
  const open = async (grant: (owner: Queryable, role: string) => Promise<unknown>) => {
    const ownUrl = await createGrantedUrl(
      database,
      url,
      async (owner, role) => void (await grant(owner, role)),
    );
    const opened = createDatabase({ url: ownUrl });
    onTestFinished(() => opened.close());
    return opened;
  };
  return { database, agent: await open(grantDropletAgent), reporter: await open(grantAgentFunction) };
}

/** As if the agent had said nothing for a minute. */
const fallSilent = (database: Database) =>
  database.query(
    `update jobs set heartbeat_at = heartbeat_at - interval '61 seconds' where status = 'claimed'`,
  );

test('jobs are claimed oldest first, one at a time, and end once', async () => {
  const { database, agent } = await prepare();
  const first = await enqueueJob(database, 'report-now');
  const second = await enqueueJob(database, 'report-now', { reason: 'test' });

  const claimed = await claimJob(agent);
  const meanwhile = await claimJob(agent);
  if (!claimed) throw new Error('nothing was claimed');
  const ends = [
    await endJob(agent, claimed, DONE),
    await endJob(agent, claimed, { ...DONE, outcome: 'failed' }),
  ];
  const next = await claimJob(agent);

  expect(claimed).toMatchObject({ jobId: first, kind: 'report-now', payload: {}, attempt: 1 });
  expect(meanwhile).toBeUndefined();
  expect(ends).toEqual([true, false]);
  expect(await findJob(database, first)).toMatchObject({ status: 'done', result: { statusCode: 202 } });
  expect(next).toMatchObject({ jobId: second, payload: { reason: 'test' } });
});

test('ten agents that ask at once get one job between them', async () => {
  const { database, agent } = await prepare();
  for (let n = 0; n < 3; n += 1) await enqueueJob(database, 'report-now');

  const claims = await Promise.all(Array.from({ length: 10 }, () => claimJob(agent)));

  expect(claims.filter((claim) => claim !== undefined)).toHaveLength(1);
});

test('a job whose agent fell silent is claimed again, and the silent one can neither keep nor end it', async () => {
  const { database, agent } = await prepare();
  const jobId = await enqueueJob(database, 'report-now');
  const lost = await claimJob(agent);
  await fallSilent(database);

  const again = await claimJob(agent);
  if (!lost || !again) throw new Error('nothing was claimed');

  expect(again).toMatchObject({ jobId, attempt: 2 });
  expect([await keepJob(agent, lost), await endJob(agent, lost, DONE)]).toEqual([false, false]);
  expect([await keepJob(agent, again), await endJob(agent, again, DONE)]).toEqual([true, true]);
});

test('an agent that says it is at work keeps its job', async () => {
  const { database, agent } = await prepare();
  await enqueueJob(database, 'report-now');
  const claimed = await claimJob(agent);
  await fallSilent(database);

  expect(claimed && (await keepJob(agent, claimed))).toBe(true);

  expect(await claimJob(agent)).toBeUndefined();
});

test('a job that three agents began and none ended has failed, and the next one is free', async () => {
  const { database, agent } = await prepare();
  const jobId = await enqueueJob(database, 'report-now');
  const next = await enqueueJob(database, 'report-now');
  for (let attempt = 1; attempt <= 3; attempt += 1) {
    expect(await claimJob(agent)).toMatchObject({ jobId, attempt });
    await fallSilent(database);
  }

  expect(await claimJob(agent)).toMatchObject({ jobId: next, attempt: 1 });
  expect(await findJob(database, jobId)).toMatchObject({
    status: 'failed',
    attempt: 3,
    result: { code: 'AGENT_LOST' },
  });
});

test('a job is withdrawn until it is claimed, and an end that is none is not written', async () => {
  const { database, agent } = await prepare();
  const waiting = await enqueueJob(database, 'report-now');
  expect([await withdrawJob(database, waiting), await withdrawJob(database, waiting)]).toEqual([true, false]);
  const jobId = await enqueueJob(database, 'report-now');
  const claimed = await claimJob(agent);
  if (!claimed) throw new Error('nothing was claimed');

  expect(await withdrawJob(database, jobId)).toBe(false);
  expect(await endJob(agent, claimed, { outcome: 'queued' as never, result: {} })).toBe(false);
  expect(await endJob(agent, { ...claimed, claimToken: randomUUID() }, DONE)).toBe(false);
  expect(await findJob(database, jobId)).toMatchObject({ status: 'claimed' });
});

test('what ended a month ago is forgotten at the next job', async () => {
  const { database, agent } = await prepare();
  const old = await enqueueJob(database, 'report-now');
  const claimed = await claimJob(agent);
  if (claimed) await endJob(agent, claimed, DONE);
  await database.query(`update jobs set ended_at = ended_at - interval '31 days'`);

  await enqueueJob(database, 'report-now');

  expect(await findJob(database, old)).toBeUndefined();
});

test('the agent can claim and end, control/agent can report, and neither can do anything else', async () => {
  const { database, agent, reporter } = await prepare();
  const tables = await database.query<{ name: string }>(
    `select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'v', 'p')`,
  );
  const refusals = async (role: Database, statements: readonly string[]) => {
    const codes = await Promise.all(
      statements.map((statement) =>
        role.query(statement).then(
          () => `allowed: ${statement}`,
          (error: { code?: string }) => error.code ?? 'no code',
        ),
      ),
    );
    return [...new Set(codes)];
  };
  const onTables = tables.rows.flatMap(({ name }) => [
    `select * from ${name}`,
    `insert into ${name} default values`,
    `delete from ${name}`,
  ]);
  const record = `select record_health('d', gen_random_uuid(), now(), now(), '{}')`;
  const job = `(gen_random_uuid(), gen_random_uuid()`;
  const work = ['select claim_job()', `select keep_job${job})`, `select end_job${job}, 'done', '{}')`];

  expect(onTables.length).toBeGreaterThan(30);
  expect(await refusals(agent, [...onTables, record, 'create table mine ()'])).toEqual(['42501']);
  expect(await refusals(reporter, [...onTables, ...work, 'create table mine ()'])).toEqual(['42501']);
});
