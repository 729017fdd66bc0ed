// What somebody changes in LiteLLM by hand: found, told once with before and after, put right or left as the policy says.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { listAudit } from '../../lib/store/audit.ts';
import { listDrift } from '../../lib/store/drift.ts';
import { useControlDatabases } from '../store/database-fixture.ts';
import { type FakeLiteLLM, startFakeLiteLLM } from '../world/litellm-fake/start.ts';
import type { FakeTeam } from '../world/litellm-fake/state.ts';
import { type Company, createCompany, findDifferences } from './reconcile-fixture.ts';

const createControlDatabase = useControlDatabases();
let litellm: FakeLiteLLM;
beforeAll(async () => {
  litellm = await startFakeLiteLLM({ masterKey: 'sk-master-of-the-fake' });
});
afterAll(() => litellm.close());

async function syncedCompany(drift: Partial<Company['dependencies']['policy']['drift']> = {}) {
  const company = await createCompany(litellm, await createControlDatabase(), [2, 3]);
  const { policy } = company.dependencies;
  Object.assign(company.dependencies, { policy: { ...policy, drift: { ...policy.drift, ...drift } } });
  await company.run();
  await company.run();
  const teamId = company.groups[1] as Company['groups'][0];
  const team = litellm.state.teams.get(teamId) as FakeTeam;
  const [key] = [...litellm.state.keys.values()].filter((one) => one.team_id === teamId);
  if (!key) throw new Error('a key');
  return { ...company, teamId, team, key };
}
const found = async ({ database }: Company) =>
  (await listAudit(database, '0', 10_000))
    .filter((row) => row.event === 'drift_found')
    .map(({ details }) => details);

test('a synced LiteLLM has no drift, and a changed policy is none', async () => {
  const company = await syncedCompany();
  const { policy } = company.dependencies;
  const groups = policy.groups.map((group) => ({ ...group, max_budget: 250 }));
  Object.assign(company.dependencies, { policy: { ...policy, groups } });

  expect(await company.run()).toMatchObject({ done: { update_team: 2 }, drift: { fixed: 0, reported: 0 } });
  expect((await company.run()).drift).toEqual({ fixed: 0, reported: 0 });
  expect(await found(company)).toEqual([]);
});

test('a budget changed by hand is put right, and told with what it was and is', async () => {
  const company = await syncedCompany();
  company.team.max_budget = 9_000;

  expect(await company.run()).toMatchObject({ done: { update_team: 1 }, drift: { fixed: 1, reported: 0 } });
  expect(company.team.max_budget).toBe(100);
  expect(await company.run()).toMatchObject({ done: {}, drift: { fixed: 0, reported: 0 } });
  expect(await found(company)).toMatchObject([
    { what: 'team', field: 'maxBudgetUsd', before: 100, after: 9_000, handling: 'fixed' },
  ]);
  expect(await listDrift(company.database)).toEqual([]);
});

test('where the policy says report, the change stays, is told once, and ends when the policy asks for another value', async () => {
  const company = await syncedCompany({ max_budget: 'report' });
  company.team.max_budget = 9_000;
  company.team.models = ['gpt-4', 'gpt-4-turbo'];

  expect(await company.run()).toMatchObject({ done: { update_team: 1 }, drift: { fixed: 1, reported: 1 } });
  expect(company.team).toMatchObject({ max_budget: 9_000, models: ['gpt-4'] });
  expect(await company.run()).toMatchObject({ done: {}, drift: { fixed: 0, reported: 1 } });
  expect(await found(company)).toHaveLength(2);
  expect(await listDrift(company.database)).toMatchObject([{ item: { field: 'maxBudgetUsd' } }]);

  const { policy } = company.dependencies;
  const groups = policy.groups.map((group) => ({ ...group, max_budget: 300 }));
  Object.assign(company.dependencies, { policy: { ...policy, groups } });
  expect(await company.run()).toMatchObject({ done: { update_team: 2 } });
  expect(company.team.max_budget).toBe(300);
});

test('a role raised by hand is put right, or only reported', async () => {
  for (const role of ['fix', 'report'] as const) {
    const company = await syncedCompany({ role });
    const { policy } = company.dependencies;
    const groups = policy.groups.map(
      (group, at) => ({ ...group, role: at === 0 ? 'admin' : 'member' }) as const,
    );
    Object.assign(company.dependencies, { policy: { ...policy, groups } });
    await company.run();
    await company.run();
    const user = litellm.state.users.get(company.key.user_id ?? '');
    if (user) user.user_role = 'proxy_admin';
    const report = await company.run();

    expect(report.drift).toEqual(role === 'fix' ? { fixed: 1, reported: 0 } : { fixed: 0, reported: 1 });
    expect(user?.user_role).toBe(role === 'fix' ? 'internal_user' : 'proxy_admin');
    expect(await found(company)).toMatchObject([
      { what: 'user', before: 'internal_user', after: 'proxy_admin' },
    ]);
  }
});

test('a key blocked by hand stays blocked; one deleted or moved by hand is put right', async () => {
  const company = await syncedCompany();
  const keys = [...litellm.state.keys.values()].filter((one) => one.team_id === company.teamId);
  const [blocked, deleted, moved] = keys;
  if (!blocked || !deleted || !moved) throw new Error('three keys');
  blocked.blocked = true;
  litellm.state.keys.delete(deleted.token);
  moved.team_id = null;

  expect(await company.run()).toMatchObject({
    done: { mint_key: 1, restore_key: 1 },
    drift: { fixed: 2, reported: 1 },
  });
  expect(blocked.blocked).toBe(true);
  expect(moved.team_id).toBe(company.teamId);
  expect(await company.run()).toMatchObject({ done: {}, drift: { fixed: 0, reported: 1 } });
});

test('a leaver’s key that somebody unblocks is blocked again', async () => {
  const company = await syncedCompany();
  const { directory, teamId, key } = company;
  directory.members.set(
    teamId,
    (directory.members.get(teamId) ?? []).filter((user) => user.id !== key.user_id),
  );
  await company.run();
  await company.run();
  key.blocked = false;

  expect(await company.run()).toMatchObject({ done: { block_key: 1 }, drift: { fixed: 1, reported: 0 } });
  expect(key.blocked).toBe(true);
  expect(await found(company)).toMatchObject([{ field: 'blocked', before: true, after: false }]);
});

test('a member taken out by hand is put back; one put in by hand is reported and stays', async () => {
  const company = await syncedCompany();
  const { directory, team, key, teamId } = company;
  team.members_with_roles = team.members_with_roles.filter((member) => member.user_id !== key.user_id);
  const [disabled] = directory.members.get(company.groups[0] as typeof teamId) ?? [];
  if (!disabled) throw new Error('a person');
  directory.members.get(teamId)?.push({ ...disabled, accountEnabled: false });
  directory.members.set(company.groups[0] as typeof teamId, [
    { ...disabled, accountEnabled: false },
    ...(directory.members.get(company.groups[0] as typeof teamId) ?? []).slice(1),
  ]);
  team.members_with_roles.push({ user_id: disabled.id, user_email: null, role: 'user' });

  const report = await company.run();
  expect(report).toMatchObject({ done: { add_member: 1 }, drift: { fixed: 1, reported: 1 } });
  const present = team.members_with_roles.map((member) => member.user_id);
  expect(present).toContain(key.user_id);
  expect(present).toContain(disabled.id);
});

test('teams and people that another control plane marked on the same LiteLLM are neither drift nor archived nor deleted', async () => {
  const company = await syncedCompany();
  const other = await createCompany(litellm, await createControlDatabase(), [2]);
  await other.run();
  const teamId = other.groups[0] as Company['groups'][0];
  const [leaver] = other.directory.members.get(teamId) ?? [];
  other.directory.members.set(teamId, (other.directory.members.get(teamId) ?? []).slice(1));
  await other.run();
  for (const key of litellm.state.keys.values())
    if (key.user_id === leaver?.id) litellm.state.keys.delete(key.token);

  expect(await company.run()).toMatchObject({ done: {}, drift: { fixed: 0, reported: 0 } });
  expect(await findDifferences(other)).toEqual([]);
  expect(litellm.state.users.has(leaver?.id ?? '')).toBe(true);
});
