// What adoption promises, on the fake LiteLLM, and the faults only a fake can inject.

import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { mapGateway } from '../../../lib/gateway/mapped-gateway.ts';
import { hashKey, parseEntraGroupId } from '../../../lib/ids.ts';
import { listAdoptions } from '../../../lib/store/adoptions.ts';
import { recordHints } from '../../../lib/store/hints.ts';
import { acquireLease } from '../../../lib/store/lease.ts';
import { listRuns } from '../../../lib/store/runs.ts';
import { chat } from '../../gateway/chat.ts';
import { useControlDatabases } from '../../store/database-fixture.ts';
import { type FakeLiteLLM, startFakeLiteLLM } from '../../world/litellm-fake/start.ts';
import { policyFor } from '../reconcile-fixture.ts';
import { describeAdoption } from './adopt.contract.ts';
import { createHandMadeCompany } from './hand-made.ts';

const createControlDatabase = useControlDatabases();
let litellm: FakeLiteLLM;
beforeAll(async () => {
  litellm = await startFakeLiteLLM({ masterKey: 'sk-master-of-the-fake' });
});
beforeEach(() => litellm.faults.clear());
afterAll(() => litellm.close());

describeAdoption('adoption on the fake LiteLLM', () => ({ litellm, createControlDatabase }));

const create = async () => createHandMadeCompany(litellm, await createControlDatabase());

test('a notified leaver loses the adopted key and the membership first of all, under the ids that LiteLLM has', async () => {
  const company = await create();
  const { people, userIds, groupIds, teams, keys, directory } = company;
  await company.apply(await company.propose());
  await company.sync();
  directory.members.get(groupIds.first)?.splice(0, 1);
  await recordHints(company.database, [{ resource: `groups/${groupIds.first}`, userIds: [people.ada.id] }]);
  const start = litellm.requests.length;

  // As a function does it: a composition of its own, which has read no pair yet.
  const pairs = () => listAdoptions(company.database);
  await company.run(mapGateway(company.unmapped, pairs));

  const asked = litellm.requests.slice(start).map(({ path }) => path);
  // Her keys in both teams are looked at, and the one of the team she left is taken.
  const first = ['/key/list', '/key/list', '/key/block', '/key/update', '/team/member_delete'];
  expect(asked.slice(0, first.length)).toEqual(first);
  expect((await chat(litellm.baseUrl, keys.ada)).status).toBe(401);
  const members = litellm.state.teams.get(teams.team)?.members_with_roles.map(({ user_id }) => user_id);
  expect(members).not.toContain(userIds.ada);
});

test('the pairs are read once a run, and not at all by a run that finds everything as it was', async () => {
  const company = await create();
  await company.apply(await company.propose());
  let readCount = 0;
  const withDigest = {
    ...company.unmapped,
    readGatewayState: async (signal: AbortSignal) => ({
      ...(await company.unmapped.readGatewayState(signal)),
      digest: 'the same',
    }),
  };
  const mapped = mapGateway(withDigest, async () => {
    readCount += 1;
    return listAdoptions(company.database);
  });
  const run = () => company.run({ ...mapped, readGatewayDigest: async () => 'the same' });
  await run();
  expect(readCount).toBe(1);
  expect(await run()).toMatchObject({ reading: 'unchanged', done: {} });
  expect(readCount).toBe(2);

  expect(await run()).toMatchObject({ reading: 'settled' });

  expect(readCount).toBe(2);
});

test('an adoption that LiteLLM interrupts says so once, harms nothing, and a repeat ends it', async () => {
  const company = await create();
  const file = await company.propose();
  litellm.faults.add({ kind: 'fail', status: 500, path: '/key/update', nth: 3, times: 20 });

  await expect(company.apply(file)).rejects.toMatchObject({ code: 'GATEWAY_UNAVAILABLE', retryable: true });
  litellm.faults.clear();
  const [failed] = await listRuns(company.database, 1);
  expect(failed).toMatchObject({ trigger: 'adopt', status: 'failed', errorCode: 'GATEWAY_UNAVAILABLE' });
  expect((await company.sync()).done).toEqual({});
  const steps = await company.apply(file);

  expect(steps).toMatchObject({ users: [], doneCount: 5 });
  expect((await listRuns(company.database, 1))[0]).toMatchObject({ trigger: 'adopt', status: 'succeeded' });
});

test('while a run is at work nothing is taken over', async () => {
  const company = await create();
  const file = await company.propose();
  await acquireLease(company.database, 'sync', 'another run', 60_000);
  const start = litellm.requests.length;

  await expect(company.apply(file)).rejects.toMatchObject({ code: 'LEASE_HELD', retryable: true });

  expect(litellm.requests.slice(start)).toEqual([]);
});

test('a policy that names a group which no tenant has is no obstacle', async () => {
  const company = await create();
  const nowhere = parseEntraGroupId('00000000-0000-4000-8000-00000000a001');
  const { groups } = policyFor([...company.groups, nowhere]);
  const policy = { ...company.dependencies.policy, groups };

  const file = await company.propose();
  await company.apply(file, { policy });

  expect(await listAdoptions(company.database)).toHaveLength(5);
});

test('a group that could not be read takes nobody over', async () => {
  const company = await create();
  const file = await company.propose();
  company.directory.unreadable.add(company.groupIds.first);

  const proposal = await company.propose();

  expect(proposal.teams.map(({ team_id }) => team_id)).toEqual([company.teams.otherTeam]);
  expect(proposal.keys.map(({ key_hash }) => key_hash)).not.toContain(hashKey(company.keys.ada));
  await expect(company.apply(file)).rejects.toMatchObject({ code: 'ADOPTION_REFUSED' });
  expect(await listAdoptions(company.database)).toEqual([]);
});
