// The end of the grace on PostgreSQL and the fake LiteLLM, cut off at any step, and what turns up at the last moment.

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Secret } from '../../lib/secret.ts';
import { listAudit } from '../../lib/store/audit.ts';
import { listKeys } from '../../lib/store/keys.ts';
import { useControlDatabases } from '../store/database-fixture.ts';
import { type FakeLiteLLM, startFakeLiteLLM } from '../world/litellm-fake/start.ts';
import { killAtEveryStep } from './guillotine.ts';
import { type Company, createCompany, findDifferences } from './reconcile-fixture.ts';

const createControlDatabase = useControlDatabases();
let litellm: FakeLiteLLM;
beforeAll(async () => {
  litellm = await startFakeLiteLLM({ masterKey: 'sk-master-of-the-fake' });
});
afterAll(() => litellm.close());

const signal = new AbortController().signal;

/** Somebody left 31 days ago. */
async function agedCompany() {
  const company = await createCompany(litellm, await createControlDatabase(), [2, 2]);
  await company.run();
  const teamId = company.groups[1] as Company['groups'][0];
  const [leaver, ...rest] = company.directory.members.get(teamId) ?? [];
  if (!leaver) throw new Error('a person');
  company.directory.members.set(teamId, rest);
  await company.run();
  await company.run();
  await company.database.query(
    `update keys set blocked_at = blocked_at - interval '31 days' where status = 'blocked'`,
  );
  return { ...company, leaver, teamId };
}
const rowsOf = async ({ gateway }: Company, userId: string) => ({
  users: (await gateway.listUsers(signal)).filter((user) => user.userId === userId).length,
  keys: (await gateway.listKeysOf(userId, signal)).length,
});

test('killed before or after any step, the end of the grace takes key and user, and nobody else’s', {
  timeout: 120_000,
}, async () => {
  const steps = await killAtEveryStep(litellm, agedCompany, async (company, at) => {
    await company.run();
    await company.run();
    expect((await company.run()).done, `killed at step ${at}`).toEqual({});
    expect(await rowsOf(company, company.leaver.id), `killed at step ${at}`).toEqual({ users: 0, keys: 0 });
    expect(await findDifferences(company), `killed at step ${at}`).toEqual([]);
    const statuses = (await listKeys(company.database)).map((key) => key.status).sort();
    expect(statuses, `killed at step ${at}`).toEqual(['deleted', 'live', 'live', 'live']);
  });
  expect(steps).toBeGreaterThan(8);
});

test('a key that somebody makes for the leaver at the last moment keeps the user row', async () => {
  const company = await agedCompany();
  const { leaver, teamId, gateway, run } = company;
  expect((await run()).done).toEqual({ delete_key: 1 });
  const racing = {
    ...gateway,
    listKeysOf: async (userId: string, ending: AbortSignal) => {
      const key = new Secret(`sk-${randomUUID()}`);
      await gateway.generateKey({ key, alias: randomUUID(), userId, teamId, metadata: {} }, ending);
      return gateway.listKeysOf(userId, ending);
    },
  };

  expect(await run({ gateway: racing })).toMatchObject({ status: 'partial', failed: { delete_user: 1 } });
  expect(await rowsOf(company, leaver.id)).toEqual({ users: 1, keys: 1 });
  expect(await run()).toMatchObject({ status: 'succeeded', done: {} });
});

test('each step of an offboarding is in the audit with its cause', async () => {
  const company = await agedCompany();
  await company.run();
  await company.run();

  const story = (await listAudit(company.database, '0', 1000))
    .filter((row) => row.userId === company.leaver.id)
    .map(({ event, cause }) => [event, cause?.replace(/ [0-9a-f-]{36}$/, '')]);
  expect(story.slice(-5)).toEqual([
    ['key_blocked', 'left group'],
    ['member_removed', 'left group'],
    ['user_demoted', 'in no mapped group'],
    ['key_deleted', 'blocked for the whole grace'],
    ['user_deleted', 'in no mapped group, and the last key is gone'],
  ]);
});
