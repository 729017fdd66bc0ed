// Teams that leave the policy, on PostgreSQL and the fake LiteLLM.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { listKeys } from '../../lib/store/keys.ts';
import { chat } from '../gateway/chat.ts';
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

/** Two groups, synced; the second is then taken out of the policy, and can be put back. */
async function shrunkCompany(size: number, how: 'archive' | 'release') {
  const company = await createCompany(litellm, await createControlDatabase(), [3, size]);
  await company.run();
  const teamId = company.groups[1] as Company['groups'][0];
  const [person] = company.directory.members.get(teamId) ?? [];
  const key = await company.revealKey(person?.id ?? '', teamId);
  const whole = company.dependencies.policy;
  const offboarding = { ...whole.offboarding, team_without_policy: how };
  const shrink = { ...whole, offboarding, groups: whole.groups.slice(0, 1) };
  Object.assign(company.dependencies, { policy: shrink });
  const putBack = () => Object.assign(company.dependencies, { policy: { ...whole, offboarding } });
  return { ...company, teamId, key, putBack };
}
const answer = async (key: string) => (await chat(litellm.baseUrl, key)).status;

test('a small team is archived at once; put back, everybody has the very key again', async () => {
  const company = await shrunkCompany(2, 'archive');
  const { run, key, gateway, teamId, putBack } = company;

  expect((await run()).done).toEqual({ block_key: 2, remove_member: 2, demote_user: 2, archive_team: 1 });
  expect(await answer(key)).toBe(401);
  expect((await gateway.readTeam(teamId, signal))?.blocked).toBe(true);
  expect((await run()).done).toEqual({});

  putBack();
  expect((await run()).done).toMatchObject({ restore_team: 1, add_member: 2, restore_key: 2 });
  expect(await answer(key)).toBe(200);
  expect(await findDifferences(company)).toEqual([]);
});

test('a whole team out of the policy by mistake is held for a person, not archived', async () => {
  const { run, key, gateway, teamId } = await shrunkCompany(8, 'archive');

  expect(await run()).toMatchObject({
    done: {},
    quarantined: [{ scope: teamId, peopleCount: 8 }],
    refused: { follows_held_removal: 9 },
  });
  expect(await answer(key)).toBe(200);
  expect((await gateway.readTeam(teamId, signal))?.blocked).toBe(false);
});

test('a released team goes on as it is, and is nobody’s business of ours afterwards', async () => {
  const { run, key, gateway, teamId, database, putBack } = await shrunkCompany(8, 'release');

  expect((await run()).done).toEqual({ release_team: 1 });
  expect(await answer(key)).toBe(200);
  expect((await run()).done).toEqual({});
  const statuses = (await listKeys(database)).filter((one) => one.teamId === teamId).map((one) => one.status);
  expect(new Set(statuses)).toEqual(new Set(['released']));
  expect((await gateway.readTeam(teamId, signal))?.members.length).toBe(9);

  putBack();
  const report = await run();
  expect(report).toMatchObject({ done: {}, notices: { team_not_ours: 1 } });
});

test.each(['archive', 'release'] as const)('killed between any two steps, %s ends the same', async (how) => {
  await killAtEveryStep(
    litellm,
    () => shrunkCompany(2, how),
    async (company, at) => {
      await company.run();
      expect((await company.run()).done, `killed at step ${at}`).toEqual({});
      const team = await company.gateway.readTeam(company.teamId, signal);
      expect(team?.blocked, `killed at step ${at}`).toBe(how === 'archive');
      expect(await answer(company.key), `killed at step ${at}`).toBe(how === 'archive' ? 401 : 200);
    },
  );
});
