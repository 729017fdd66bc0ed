// Rotation and test keys on PostgreSQL and the fake LiteLLM: what works when, whatever is repeated or cut off.

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseRunId } from '../../lib/ids.ts';
import { listAudit } from '../../lib/store/audit.ts';
import type { RotationSelection } from '../../lib/store/key-rotation.ts';
import { listKeys } from '../../lib/store/keys.ts';
import { mintTestKey } from '../../lib/sync/mint-test-key.ts';
import { beginRotation } from '../../lib/sync/rotate.ts';
import { chat } from '../gateway/chat.ts';
import { useControlDatabases } from '../store/database-fixture.ts';
import { type FakeLiteLLM, startFakeLiteLLM } from '../world/litellm-fake/start.ts';
import { Guillotine, killAtEveryStep } from './guillotine.ts';
import { type Company, createCompany } from './reconcile-fixture.ts';
import { saveMoment } from './rewind.ts';

const createControlDatabase = useControlDatabases();
let litellm: FakeLiteLLM;
beforeAll(async () => {
  litellm = await startFakeLiteLLM({ masterKey: 'sk-master-of-the-fake' });
});
afterAll(() => litellm.close());

const signal = new AbortController().signal;
const request = () => ({ runId: parseRunId(randomUUID()), actor: 'cli:test', signal });
const rotate = ({ dependencies }: Company, selection: RotationSelection) =>
  beginRotation(dependencies, selection, request());

/** One person in one of two teams, everybody synced. */
async function syncedCompany() {
  const company = await createCompany(litellm, await createControlDatabase(), [2, 1]);
  await company.run();
  const teamId = company.groups[0] as Company['groups'][0];
  const [person] = company.directory.members.get(teamId) ?? [];
  if (!person) throw new Error('a person');
  return { ...company, teamId, userId: person.id };
}
const statuses = async ({ database }: Company, userId: string) =>
  (await listKeys(database)).filter((key) => key.userId === userId).map((key) => key.status);
const answer = async (key: string) => (await chat(litellm.baseUrl, key)).status;
const endGrace = ({ database }: Company) =>
  database.query(`update keys set ends_at = clock_timestamp() where status = 'retiring'`);

test('old and new key both work during the grace; then the old one is refused and gone, and the person’s story stays one', async () => {
  const company = await syncedCompany();
  const { teamId, userId, run, revealKey } = company;
  const old = await revealKey(userId, teamId);
  expect(await rotate(company, { userId })).toMatchObject([{ userId, teamId, generation: 1 }]);

  expect((await run()).done).toEqual({ mint_key: 1 });
  const fresh = await revealKey(userId, teamId);
  expect([await answer(old), await answer(fresh)]).toEqual([200, 200]);
  expect((await run()).done).toEqual({});

  await endGrace(company);
  expect((await run()).done).toEqual({ retire_key: 1 });
  expect([await answer(old), await answer(fresh)]).toEqual([401, 200]);
  expect(await statuses(company, userId)).toEqual(['deleted', 'live']);
  const events = (await listAudit(company.database, '0', 1000))
    .filter((row) => row.userId === userId && row.keyHash !== null)
    .map((row) => row.event);
  expect(events).toEqual([
    'key_minted',
    'key_revealed',
    'key_rotation_begun',
    'key_minted',
    'key_revealed',
    'key_deleted',
  ]);
});

test('repeated at any moment of its grace, a rotation begins nothing twice', async () => {
  const company = await syncedCompany();
  const { userId, run } = company;
  await rotate(company, { userId });
  expect(await rotate(company, { userId })).toEqual([]);
  await run();
  expect(await rotate(company, { userId })).toEqual([]);
  await run();
  expect(await statuses(company, userId)).toEqual(['retiring', 'live']);

  await endGrace(company);
  await run();
  expect(await rotate(company, { userId })).toHaveLength(1);
});

test('a team, or what is older than some days, is rotated and nothing else', async () => {
  const company = await syncedCompany();
  const { teamId, database } = company;
  expect(await rotate(company, { olderThanDays: 90 })).toEqual([]);
  await database.query(`update keys set live_at = live_at - interval '91 days' where team_id = $1`, [
    company.groups[1],
  ]);
  expect(await rotate(company, { olderThanDays: 90, teamId })).toEqual([]);
  expect(await rotate(company, { olderThanDays: 90 })).toMatchObject([{ teamId: company.groups[1] }]);

  expect(await rotate(company, { teamId })).toHaveLength(2);
  expect((await company.run()).done).toEqual({ mint_key: 3 });
});

test('while a run is at work a rotation waits for it instead of being overlooked', async () => {
  const company = await syncedCompany();
  await company.database.query(
    `update leases set expires_at = clock_timestamp() + interval '1 minute', holder = 'a run'`,
  );

  await expect(rotate(company, { userId: company.userId })).rejects.toMatchObject({ code: 'LEASE_HELD' });
});

test.each(['before', 'after'])(
  'a rotation killed between any two steps, %s its grace, ends in one key that works',
  async (when) => {
    const rotating = async () => {
      const company = await syncedCompany();
      await rotate(company, { userId: company.userId });
      if (when === 'after') {
        await company.run();
        await endGrace(company);
      }
      return company;
    };
    const steps = await killAtEveryStep(litellm, rotating, async (company, at) => {
      expect((await company.run()).status, `killed at step ${at}`).toBe('succeeded');
      await endGrace(company);
      await company.run();
      expect((await company.run()).done, `killed at step ${at}`).toEqual({});
      const live = (await statuses(company, company.userId)).filter((status) => status !== 'abandoned');
      expect(live, `killed at step ${at}`).toEqual(['deleted', 'live']);
      const inGateway = await company.gateway.listKeysOf(company.userId, signal);
      expect(inGateway, `killed at step ${at}`).toHaveLength(1);
    });
    expect(steps).toBeGreaterThan(8);
  },
);

/** The first group's role lets its people have test keys. */
async function operators() {
  const company = await syncedCompany();
  const { policy } = company.dependencies;
  const groups = policy.groups.map(
    (group, index) => ({ ...group, role: index === 0 ? 'devops' : 'member' }) as const,
  );
  Object.assign(company.dependencies, { policy: { ...policy, groups } });
  await company.run();
  return company;
}

test('a test key works with its limits beside the person’s own, and ends with its time or with the team', async () => {
  const company = await operators();
  const { userId, teamId, run, dependencies } = company;
  const key = (await mintTestKey(dependencies, { ...request(), userId, teamId })).reveal();
  expect(await answer(key)).toBe(200);
  expect((await run()).done).toEqual({});
  const [row] = (await company.gateway.listKeysOf(userId, signal)).filter((one) => one.expiresAt !== null);
  expect(row?.expiresAt?.getTime()).toBeGreaterThan(Date.now() + 23 * 3_600_000);

  const second = (await mintTestKey(dependencies, { ...request(), userId, teamId })).reveal();
  await company.database.query(
    `update keys set ends_at = clock_timestamp() where kind = 'test' and generation = 2`,
  );
  expect((await run()).done).toEqual({ retire_key: 1 });
  expect([await answer(key), await answer(second)]).toEqual([401, 200]);
  company.directory.members.set(teamId, []);
  company.directory.members.get(company.groups[1] as typeof teamId)?.push();
  await run();
  expect(await answer(second)).toBe(401);
});

test('a test key is for people of a group with the role, in a team of theirs', async () => {
  const company = await operators();
  const { userId, groups, dependencies, directory, teamId } = company;
  const other = groups[1] as typeof teamId;
  const [member] = directory.members.get(other) ?? [];
  const refused = { code: 'TEST_KEY_REFUSED' };

  await expect(mintTestKey(dependencies, { ...request(), userId, teamId: other })).rejects.toMatchObject(
    refused,
  );
  await expect(
    mintTestKey(dependencies, { ...request(), userId: member?.id as typeof userId, teamId: other }),
  ).rejects.toMatchObject(refused);
});

test('a test key whose making was cut off is ended by the next run', async () => {
  const company = await operators();
  const { userId, teamId, dependencies, database } = company;
  const rewind = await saveMoment(database, litellm);
  for (let at = 1; ; at += 1) {
    const guillotine = new Guillotine(at);
    const cut = {
      ...dependencies,
      gateway: guillotine.gateway(company.gateway),
      database: guillotine.database(database),
    };
    const isMade = await mintTestKey(cut, { ...request(), userId, teamId }).then(
      () => true,
      () => false,
    );
    if (isMade) break;
    await guillotine.untilQuiet();
    await database.query('update leases set expires_at = clock_timestamp()');
    await company.run();
    expect((await company.run()).done).toEqual({});
    const left = (await listKeys(database)).filter((key) => key.kind === 'test' && key.status !== 'deleted');
    // Cut off after the last step, it is made; its maker did not see it, and it ends by itself.
    expect(left.length, `cut off at step ${at}`).toBeLessThanOrEqual(1);
    expect(left.every((key) => key.status === 'live')).toBe(true);
    await rewind();
  }
});
