// What a run promises, on the fake LiteLLM, and the faults only a fake can inject.

import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { EntraGroupId } from '../../lib/ids.ts';
import { chat } from '../gateway/chat.ts';
import { useControlDatabases } from '../store/database-fixture.ts';
import { type FakeLiteLLM, startFakeLiteLLM } from '../world/litellm-fake/start.ts';
import { describeReconcile } from './reconcile.contract.ts';
import { createCompany, findDifferences } from './reconcile-fixture.ts';

const createControlDatabase = useControlDatabases();
let litellm: FakeLiteLLM;
beforeAll(async () => {
  litellm = await startFakeLiteLLM({ masterKey: 'sk-master-of-the-fake' });
});
beforeEach(() => litellm.faults.clear());
afterAll(() => litellm.close());

describeReconcile('reconcile on the fake LiteLLM', () => ({ litellm, createControlDatabase }));

const writesSince = (start: number) =>
  litellm.requests.slice(start).filter((request) => request.method !== 'GET');

test('a second run right after the first makes no write', async () => {
  const world = await createCompany(litellm, await createControlDatabase());
  await world.run();
  const start = litellm.requests.length;
  await world.run();

  expect(litellm.requests.length).toBeGreaterThan(start);
  expect(writesSince(start)).toEqual([]);
});

test('a leaver’s key is blocked and detached before the membership ends', async () => {
  const world = await createCompany(litellm, await createControlDatabase());
  await world.run();
  const teamId = world.groups[1] as EntraGroupId;
  world.directory.members.get(teamId)?.pop();
  const start = litellm.requests.length;
  await world.run();

  expect(writesSince(start).map((request) => request.path)).toEqual([
    '/key/block',
    '/key/update',
    '/team/member_delete',
    '/user/bulk_update',
  ]);
});

test('a leaver whose key could not be blocked keeps the membership until it is, and loses both in the next run', async () => {
  const world = await createCompany(litellm, await createControlDatabase());
  await world.run();
  const teamId = world.groups[1] as EntraGroupId;
  const leaver = world.directory.members.get(teamId)?.pop();
  const key = await world.revealKey(leaver?.id ?? '', teamId);
  litellm.faults.add({ kind: 'fail', status: 500, path: '/key/block', times: 20 });

  expect(await world.run()).toMatchObject({
    status: 'partial',
    failed: { block_key: 1 },
    left: { remove_member: 1 },
  });
  litellm.faults.clear();
  expect(await world.run()).toMatchObject({ status: 'succeeded', done: { block_key: 1, remove_member: 1 } });
  expect((await chat(litellm.baseUrl, key)).status).toBe(401);
});

test('a member that LiteLLM accepted and lost is found missing and added again in the same run', async () => {
  const world = await createCompany(litellm, await createControlDatabase());
  await world.run();
  world.directory.members
    .get(world.groups[0] as EntraGroupId)
    ?.push(...(world.directory.members.get(world.groups[1] as EntraGroupId) ?? []).slice(0, 1));
  litellm.faults.add({ kind: 'lose-member-add', path: '/team/member_add' });

  expect(await world.run()).toMatchObject({ status: 'succeeded', done: { add_member: 1, mint_key: 1 } });
  expect(litellm.faults.listUnmet()).toEqual([]);
  expect(await findDifferences(world)).toEqual([]);
});

test('an addition that stays lost is a failure, and no key is made for who is not a member', async () => {
  const world = await createCompany(litellm, await createControlDatabase());
  await world.run();
  world.directory.members
    .get(world.groups[0] as EntraGroupId)
    ?.push(...(world.directory.members.get(world.groups[1] as EntraGroupId) ?? []).slice(0, 1));
  litellm.faults.add({ kind: 'lose-member-add', path: '/team/member_add', times: 2 });

  expect(await world.run()).toMatchObject({
    status: 'partial',
    failed: { add_member: 1 },
    left: { mint_key: 1 },
  });
  expect((await world.run()).status).toBe('succeeded');
  expect(await findDifferences(world)).toEqual([]);
});

test('answers of /key/generate that are lost after the write end in exactly one working key each', async () => {
  const world = await createCompany(litellm, await createControlDatabase());
  litellm.faults.add({ kind: 'reset-after-write', path: '/key/generate', nth: 3, times: 4 });
  litellm.faults.add({ kind: 'fail-after-write', status: 500, path: '/key/generate', nth: 9, times: 4 });
  await world.run();
  await world.run();

  expect(await findDifferences(world)).toEqual([]);
});

test('one refused user row does not hold up the others', async () => {
  const world = await createCompany(litellm, await createControlDatabase());
  const [first, second] = world.directory.members.get(world.groups[1] as EntraGroupId) ?? [];
  if (!first || !second) throw new Error('two people');
  world.directory.members.set(world.groups[1] as EntraGroupId, [first, { ...second, mail: first.mail }]);

  const report = await world.run();

  expect(report).toMatchObject({ status: 'partial', failed: { create_user: 1 } });
  expect(await findDifferences(world)).toEqual([]);
});
