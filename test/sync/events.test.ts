// What a run makes of notifications, changes and doubt: which questions it asks, what it concludes, what it keeps.

import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DirectoryUser } from '../../lib/directory/directory.ts';
import type { EntraGroupId } from '../../lib/ids.ts';
import { findDirectoryState } from '../../lib/store/directory-state.ts';
import { claimHints, hasHints, recordHints } from '../../lib/store/hints.ts';
import { listWaitingQuarantines } from '../../lib/store/quarantines.ts';
import { useControlDatabases } from '../store/database-fixture.ts';
import { type FakeLiteLLM, startFakeLiteLLM } from '../world/litellm-fake/start.ts';
import { type Company, createCompany, findDifferences, newPerson } from './reconcile-fixture.ts';

const createControlDatabase = useControlDatabases();
let litellm: FakeLiteLLM;
beforeAll(async () => {
  litellm = await startFakeLiteLLM({ masterKey: 'sk-master-of-the-fake' });
});
afterAll(() => litellm.close());

/** A company of two groups, in sync; every question asked so far is forgotten. */
async function syncedCompany(): Promise<
  Company & { first: EntraGroupId; second: EntraGroupId; leaveSecond: () => DirectoryUser }
> {
  const company = await createCompany(litellm, await createControlDatabase(), [3, 10]);
  const [first, second] = company.groups;
  if (!first || !second) throw new Error('two groups');
  expect(await company.run()).toMatchObject({ reading: 'full' });
  expect(await company.run()).toMatchObject({ reading: 'unchanged', done: {} });
  const { asked } = company.directory;
  for (const key of Object.keys(asked) as (keyof typeof asked)[]) asked[key] = 0;
  const leaveSecond = () => {
    const [leaver, ...rest] = company.directory.members.get(second) ?? [];
    if (!leaver) throw new Error('somebody');
    company.directory.members.set(second, rest);
    return leaver;
  };
  return { ...company, first, second, leaveSecond };
}

const pathsSince = (count: number) =>
  litellm.requests.slice(count).map((request) => request.path.split('?')[0]);
const hint = (resource: string, userIds: string[] = []) => ({ resource, userIds });

test('a run without changes asks for changes and for nothing else', async () => {
  const { run, directory } = await syncedCompany();

  expect(await run()).toMatchObject({ status: 'succeeded', reading: 'unchanged', done: {} });
  expect(directory.asked).toEqual({
    takeLinks: 0,
    readChanges: 1,
    readGroups: 0,
    readUsers: 0,
    readAccess: 0,
  });
});

test('once a plan was empty, the next run without changes plans nothing; a change anywhere ends that', async () => {
  const { run, dependencies, database, gateway, second, leaveSecond } = await syncedCompany();
  const readGatewayState: typeof dependencies.readGatewayState = async (signal) => {
    const state = await dependencies.readGatewayState(signal);
    return { ...state, digest: JSON.stringify([...state.teams, ...state.keys]) };
  };
  const readGatewayDigest = async (signal: AbortSignal) => (await readGatewayState(signal)).digest ?? null;
  const withDigest = (overrides = {}) => run({ readGatewayState, readGatewayDigest, ...overrides });

  expect(await withDigest()).toMatchObject({ reading: 'unchanged' });
  expect(await withDigest()).toMatchObject({ reading: 'settled', status: 'succeeded', done: {} });
  expect(await withDigest({ codeVersion: 'next' })).toMatchObject({ reading: 'unchanged' });
  expect(await withDigest({ codeVersion: 'next' })).toMatchObject({ reading: 'settled' });

  await gateway.updateTeam(second, { maxBudgetUsd: 9999 }, AbortSignal.timeout(10_000));
  expect(await withDigest({ codeVersion: 'next' })).toMatchObject({ done: { update_team: 1 } });
  expect((await findDirectoryState(database)).settled).toBeNull();
  expect(await withDigest()).toMatchObject({ reading: 'unchanged', done: {} });
  leaveSecond();
  expect(await withDigest()).toMatchObject({ reading: 'changed', done: { block_key: 1 } });
});

test('of many groups only the one that changed is read again, and only the leaver is asked about', async () => {
  const { run, directory, leaveSecond, ...company } = await syncedCompany();
  leaveSecond();

  expect(await run()).toMatchObject({ reading: 'changed', done: { block_key: 1, remove_member: 1 } });
  expect(directory.asked).toMatchObject({ takeLinks: 0, readGroups: 1, readUsers: 0, readAccess: 1 });
  expect(await findDifferences({ ...company, run, directory })).toEqual([]);
});

test('a hinted leaver loses the key before LiteLLM’s state is read or a group is', async () => {
  const { run, directory, database, second, leaveSecond } = await syncedCompany();
  const leaver = leaveSecond();
  await recordHints(database, [hint(`groups/${second}`, [leaver.id])]);
  const order: string[] = [];
  directory.readGroups = ((original) => async (ids, signal) => {
    order.push(
      `readGroups after ${pathsSince(before).filter((path) => path === '/key/block').length} blocks`,
    );
    return original(ids, signal);
  })(directory.readGroups);
  const before = litellm.requests.length;

  const report = await run();

  expect(report).toMatchObject({ hintCount: 1, done: { block_key: 1, remove_member: 1 } });
  expect(order).toEqual(['readGroups after 1 blocks']);
  expect(pathsSince(before).slice(0, 2)).toEqual(['/key/list', '/key/block']);
  expect(await hasHints(database)).toBe(false);
});

test('a disabled account that is hinted loses the keys of every team', async () => {
  const company = await syncedCompany();
  const { run, directory, database, first, second } = company;
  const person = directory.members.get(second)?.[0];
  if (!person) throw new Error('somebody');
  directory.members.get(first)?.push(person);
  await run();
  for (const members of directory.members.values()) {
    const at = members.findIndex((member) => member.id === person.id);
    members.splice(at, 1, { ...person, accountEnabled: false });
  }
  await recordHints(database, [hint(`users/${person.id}`)]);

  expect(await run()).toMatchObject({ done: { block_key: 2, remove_member: 2 } });
  expect(await findDifferences(company)).toEqual([]);
});

test('a hint that lies changes nothing and costs one question', async () => {
  const { run, directory, database, second } = await syncedCompany();
  const person = directory.members.get(second)?.[0];
  await recordHints(database, [hint(`users/${person?.id}`), hint(`users/${newPerson().id}`)]);

  expect(await run()).toMatchObject({ status: 'succeeded', done: {}, hintCount: 2 });
  expect(directory.asked).toMatchObject({ readAccess: 1, readUsers: 1, readGroups: 0 });
});

test('hinted leavers over the guard’s limit are held like any others', async () => {
  const { run, directory, database, second } = await syncedCompany();
  const everybody = directory.members.get(second) ?? [];
  directory.members.set(second, everybody.slice(6));
  await recordHints(database, [
    hint(
      `groups/${second}`,
      everybody.slice(0, 6).map((user) => user.id),
    ),
  ]);

  const report = await run();

  expect(report.done).toEqual({});
  expect(report.quarantined).toMatchObject([{ scope: second, peopleCount: 6 }]);
  expect(await listWaitingQuarantines(database)).toHaveLength(1);
});

test('a protected person that is hinted stays', async () => {
  const { run, dependencies, database, second, leaveSecond } = await syncedCompany();
  const leaver = leaveSecond();
  await recordHints(database, [hint(`groups/${second}`, [leaver.id])]);
  const policy = { ...dependencies.policy, protected_users: [leaver.id] };

  expect(await run({ policy })).toMatchObject({ done: {}, refused: { protected_user: 3 } });
});

test('a list that lacks somebody whom Graph still counts as a member removes nobody, and is read again', async () => {
  const company = await syncedCompany();
  const { run, directory, second, database } = company;
  const everybody = directory.members.get(second) ?? [];
  directory.members.set(second, everybody.slice(1));
  const lying = directory.moment();
  directory.members.set(second, everybody);
  directory.staleMoment = lying;
  await recordHints(database, [hint(`groups/${second}`)]);

  const report = await run();

  expect(report).toMatchObject({ status: 'partial', done: {}, refused: { not_confirmed: 2 } });
  directory.staleMoment = undefined;
  expect(await run()).toMatchObject({ status: 'succeeded', done: {} });
  expect(directory.asked.readGroups).toBe(2);
  expect(await findDifferences(company)).toEqual([]);
});

test('a replica that lags behind the reported change is asked again by the next run', async () => {
  const company = await syncedCompany();
  const { run, directory, leaveSecond } = company;
  directory.staleMoment = directory.moment();
  leaveSecond();

  expect(await run()).toMatchObject({ done: {} });
  directory.staleMoment = undefined;
  expect(await run()).toMatchObject({ reading: 'changed', done: { block_key: 1 } });
  expect(await findDifferences(company)).toEqual([]);
});

test('an account that is disabled and that a replica still shows as enabled is asked for again by the next run', async () => {
  const company = await syncedCompany();
  const { run, directory, first, second } = company;
  const [person] = directory.members.get(second) ?? [];
  directory.staleMoment = directory.moment();
  for (const group of [first, second])
    directory.members.set(
      group,
      (directory.members.get(group) ?? []).map((member) =>
        member.id === person?.id ? { ...member, accountEnabled: false } : member,
      ),
    );

  expect(await run()).toMatchObject({ done: {} });
  directory.staleMoment = undefined;
  expect((await run()).done.block_key).toBeGreaterThan(0);
  expect(await findDifferences(company)).toEqual([]);
});

test('a change in a nested group reaches the people of the group above; removing the nesting removes them', async () => {
  const company = await syncedCompany();
  const { run, directory, first } = company;
  const nested = newPerson().id as unknown as EntraGroupId;
  const [insider, joiner] = [newPerson(), newPerson()];
  directory.members.set(nested, [insider]);
  directory.nested.set(first, [nested]);
  expect(await run()).toMatchObject({ done: { mint_key: 1 } });

  directory.members.set(nested, [insider, joiner]);
  expect(await run()).toMatchObject({ reading: 'changed', done: { mint_key: 1 } });
  directory.members.set(nested, [joiner]);
  expect(await run()).toMatchObject({ done: { block_key: 1 } });
  directory.members.delete(nested);
  directory.nested.set(first, []);
  expect(await run()).toMatchObject({ done: { block_key: 1 } });
  expect(await findDifferences(company)).toEqual([]);
});

test('when changes cannot be read nobody is removed, the hints stay, and the link does not move', async () => {
  const { run, directory, database, second, leaveSecond } = await syncedCompany();
  leaveSecond();
  const before = await findDirectoryState(database);
  await recordHints(database, [hint(`groups/${second}`)]);
  directory.changesFault = 'unavailable';

  expect(await run()).toMatchObject({ status: 'partial', reading: 'failed', done: {} });
  expect(await hasHints(database)).toBe(true);
  expect((await findDirectoryState(database)).links).toEqual(before.links);

  directory.changesFault = undefined;
  expect(await run()).toMatchObject({ status: 'succeeded', done: { block_key: 1 } });
});

test.each(['', 'garbage', '9999'])(
  'with a damaged link (%j) everything is read anew and nobody is removed',
  async (link) => {
    const { run, directory, database } = await syncedCompany();
    await database.query('update directory_state set groups_link = $1', [link]);

    expect(await run()).toMatchObject({ status: 'succeeded', reading: 'full', done: {} });
    expect(directory.asked).toMatchObject({ takeLinks: 1, readGroups: 2 });
    expect(await run()).toMatchObject({ reading: 'unchanged' });
  },
);

test('every six hours everything is read, and finds what no change ever told', async () => {
  const company = await syncedCompany();
  const { run, directory, database, leaveSecond } = company;
  leaveSecond();
  const links = await directory.takeLinks(AbortSignal.timeout(1_000));
  if (links.status !== 'complete') throw new Error('links');
  await database.query('update directory_state set groups_link = $1, users_link = $1', [links.value.groups]);
  expect(await run()).toMatchObject({ reading: 'unchanged', done: {} });

  await database.query(
    `update directory_state set full_read_at = full_read_at - interval '6 hours 1 second'`,
  );
  expect(await run()).toMatchObject({ reading: 'full', done: { block_key: 1 } });
  expect(await findDifferences(company)).toEqual([]);
});

test('a mapped group that is deleted loses nobody, and restored it goes on where it was', async () => {
  const company = await syncedCompany();
  const { run, directory, second } = company;
  const everybody = directory.members.get(second) ?? [];
  directory.members.delete(second);

  expect(await run()).toMatchObject({ status: 'partial', done: {}, incompleteGroups: [second] });
  expect(await run()).toMatchObject({ status: 'partial', done: {}, incompleteGroups: [second] });

  directory.members.set(second, [...everybody.slice(1), newPerson()]);
  expect(await run()).toMatchObject({ status: 'succeeded', done: { block_key: 1, mint_key: 1 } });
  expect(await findDifferences(company)).toEqual([]);
});

test('a first read, which nothing could be checked by, is made once more five minutes later', async () => {
  const company = await syncedCompany();
  const { run, directory, database, leaveSecond } = company;
  directory.staleMoment = directory.moment();
  leaveSecond();
  await database.query(`update directory_state set groups_link = 'damaged'`);
  expect(await run()).toMatchObject({ reading: 'full', done: {} });
  directory.staleMoment = undefined;
  expect(await run()).toMatchObject({ reading: 'unchanged', done: {} });

  await database.query(`update directory_state set full_read_at = full_read_at - interval '5 minutes'`);
  expect(await run()).toMatchObject({ reading: 'full', done: { block_key: 1 } });
  expect(await run()).toMatchObject({ reading: 'unchanged' });
  expect(directory.asked.takeLinks).toBe(1);
  expect(await findDifferences(company)).toEqual([]);
});

test('a group that the policy names anew is read although nothing in it changed', async () => {
  const { run, directory, dependencies, groups } = await syncedCompany();
  const [kept] = dependencies.policy.groups;
  if (!kept) throw new Error('a group');
  await run({ policy: { ...dependencies.policy, groups: [kept] } });
  await dependencies.database.query('delete from directory_groups where group_id <> $1', [groups[0]]);

  expect(await run()).toMatchObject({ reading: 'changed', done: {} });
  expect(directory.asked.readGroups).toBe(1);
});

test('a hint that comes again while a run is at work outlives that run', async () => {
  const { run, directory, database, first } = await syncedCompany();
  await recordHints(database, [hint(`groups/${first}`)]);
  directory.readGroups = ((original) => async (ids, signal) => {
    await recordHints(database, [hint(`groups/${first}`)]);
    return original(ids, signal);
  })(directory.readGroups);

  await run();

  expect(await claimHints(database)).toHaveLength(1);
});
