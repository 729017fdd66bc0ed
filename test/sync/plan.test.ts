import { expect, test } from 'vitest';
import type { DirectoryUser } from '../../lib/directory/directory.ts';
import { hashKey } from '../../lib/ids.ts';
import type { Action } from '../../lib/sync/actions.ts';
import { decideDesired } from '../../lib/sync/desired.ts';
import { markedMetadata } from '../../lib/sync/marker.ts';
import { type Plan, planChanges } from '../../lib/sync/plan.ts';
import { buildPlanCompany } from '../bench/plan-company.ts';
import { buildPolicy, buildReads, buildUser, groupId, Model, userId } from './builders.ts';

type Groups = Record<number, readonly DirectoryUser[] | null>;

function planOf(model: Model, groups: Groups, policy = buildPolicy(2)): Plan {
  return planChanges(decideDesired(policy, buildReads(groups)), model.current());
}

function synced(groups: Groups, policy = buildPolicy(2)): Model {
  const model = new Model();
  model.apply(planOf(model, groups, policy).actions);
  return model;
}

const kinds = (plan: Plan) => plan.actions.map((action) => action.kind);
const find = <K extends Action['kind']>(plan: Plan, kind: K) =>
  plan.actions.filter((action): action is Extract<Action, { kind: K }> => action.kind === kind);

test('a joiner gets a user row, a membership and a key, in this order', () => {
  const plan = planOf(synced({ 1: [], 2: [] }), { 1: [buildUser(1)], 2: [] });

  expect(kinds(plan)).toEqual(['create_user', 'add_member', 'mint_key']);
  expect(find(plan, 'mint_key')[0]).toMatchObject({
    userId: userId(1),
    teamId: groupId(1),
    generation: 1,
    replaces: null,
  });
});

test('a second plan after an applied one is empty', () => {
  const groups = { 1: [buildUser(1), buildUser(2)], 2: [buildUser(2)] };

  expect(planOf(synced(groups), groups).actions).toEqual([]);
});

test('a leaver loses the key before the membership, and only in the team they left', () => {
  const plan = planOf(synced({ 1: [buildUser(1)], 2: [buildUser(1)] }), { 1: [], 2: [buildUser(1)] });

  expect(kinds(plan)).toEqual(['block_key', 'remove_member']);
  expect(plan.actions.every((action) => 'teamId' in action && action.teamId === groupId(1))).toBe(true);
  expect(plan.actions[0]?.cause).toBe(`left group ${groupId(1)}`);
});

test('a disabled account loses every team, and the cause says so', () => {
  const disabled = buildUser(1, { accountEnabled: false });
  const plan = planOf(synced({ 1: [buildUser(1)], 2: [buildUser(1)] }), { 1: [disabled], 2: [disabled] });

  expect(kinds(plan)).toEqual(['block_key', 'block_key', 'remove_member', 'remove_member', 'demote_user']);
  expect(new Set(plan.actions.map((action) => action.cause))).toEqual(
    new Set(['account disabled', 'in no mapped group']),
  );
});

test('a guest gets access only where the policy includes guests', () => {
  const guest = buildUser(1, { kind: 'guest' });
  const model = new Model();
  const policy = { ...buildPolicy(2) };
  const including = {
    ...policy,
    groups: policy.groups.map((group, i) => ({ ...group, include_guests: i === 1 })),
  };

  expect(
    find(planOf(model, { 1: [guest], 2: [guest] }, including), 'add_member').map((action) => action.teamId),
  ).toEqual([groupId(2)]);
});

test('an incompletely read group changes nothing in its team and is announced', () => {
  const plan = planOf(synced({ 1: [buildUser(1)], 2: [buildUser(2)] }), { 1: null, 2: [buildUser(2)] });

  expect(plan.actions).toEqual([]);
  expect(plan.notices.map((notice) => [notice.code, notice.teamId])).toEqual([
    ['group_read_incomplete', groupId(1)],
  ]);
});

test('a group that the reader forgot counts as incomplete', () => {
  const plan = planOf(synced({ 1: [buildUser(1)], 2: [] }), { 2: [] });

  expect(plan.actions).toEqual([]);
});

test('a rejoiner gets exactly the key back that was blocked', () => {
  const model = synced({ 1: [buildUser(1)], 2: [] });
  const keyHash = [...model.keys.keys()][0];
  model.apply(planOf(model, { 1: [], 2: [] }).actions);
  const plan = planOf(model, { 1: [buildUser(1)], 2: [] });

  expect(kinds(plan)).toEqual(['add_member', 'update_user', 'restore_key']);
  expect(find(plan, 'restore_key')[0]).toMatchObject({ keyHash, unblock: true });
  expect(find(plan, 'update_user')[0]).toMatchObject({ after: { role: 'internal_user' } });
});

test('a key that an admin blocked by hand stays blocked through leaving and rejoining', () => {
  const model = synced({ 1: [buildUser(1)], 2: [] });
  for (const key of model.keys.values()) model.keys.set(key.keyHash, { ...key, blocked: true });
  expect(planOf(model, { 1: [buildUser(1)], 2: [] }).notices.map((notice) => notice.code)).toEqual([
    'key_held_by_hand',
  ]);

  model.apply(planOf(model, { 1: [], 2: [] }).actions);
  const plan = planOf(model, { 1: [buildUser(1)], 2: [] });

  expect(find(plan, 'restore_key')[0]?.unblock).toBe(false);
});

test('a key that vanished from LiteLLM is replaced by the next generation', () => {
  const model = synced({ 1: [buildUser(1)], 2: [] });
  const lost = [...model.keys.keys()][0];
  model.keys.clear();

  expect(find(planOf(model, { 1: [buildUser(1)], 2: [] }), 'mint_key')[0]).toMatchObject({
    generation: 2,
    replaces: lost,
  });
});

test('a key that was escrowed and made, but not recorded, is confirmed and not made again', () => {
  const model = synced({ 1: [buildUser(1)], 2: [] });
  for (const record of model.records.values())
    model.records.set(record.keyHash, { ...record, status: 'escrowed' });

  expect(kinds(planOf(model, { 1: [buildUser(1)], 2: [] }))).toEqual(['confirm_key']);
});

test('an abandoned key that turns up in LiteLLM is deleted', () => {
  const model = synced({ 1: [buildUser(1)], 2: [] });
  const keyHash = hashKey('sk-late');
  model.records.set(keyHash, {
    keyHash,
    userId: userId(1),
    teamId: groupId(1),
    generation: 9,
    status: 'abandoned',
    heldByHand: false,
    kind: 'member',
    blockedAt: null,
    endsAt: null,
  });
  model.keys.set(keyHash, {
    keyHash,
    alias: null,
    userId: userId(1),
    teamId: groupId(1),
    blocked: false,
    expiresAt: null,
    metadata: markedMetadata(),
  });

  expect(
    find(planOf(model, { 1: [buildUser(1)], 2: [] }), 'delete_key').map((action) => action.keyHash),
  ).toEqual([keyHash]);
});

test('a removal that was recorded but not finished is planned again', () => {
  const model = synced({ 1: [buildUser(1)], 2: [] });
  for (const record of model.records.values())
    model.records.set(record.keyHash, { ...record, status: 'blocked' });

  expect(kinds(planOf(model, { 1: [], 2: [] }))).toEqual(['block_key', 'remove_member', 'demote_user']);
});

test('hand-made teams, members, keys and default_user_id are in no action', () => {
  const model = synced({ 1: [buildUser(1)], 2: [] });
  model.addTeam({ teamId: 'hand-made', members: [{ userId: 'bob', role: 'user' }] });
  const team = model.teams.get(groupId(1));
  if (team)
    model.teams.set(groupId(1), {
      ...team,
      members: [...team.members, { userId: 'bob', role: 'user' }, { userId: userId(7), role: 'user' }],
    });
  const keyHash = hashKey('sk-by-hand');
  model.keys.set(keyHash, {
    keyHash,
    alias: 'mine',
    userId: userId(1),
    teamId: groupId(1),
    blocked: false,
    expiresAt: null,
    metadata: {},
  });
  const plan = planOf(model, { 1: [buildUser(1, { accountEnabled: false })], 2: [] });

  expect(kinds(plan)).toEqual(['block_key', 'remove_member']);
  expect(JSON.stringify(plan.actions)).not.toMatch(
    /hand-made|bob|default_user_id|"10000000-0000-4000-8000-000000000007"/,
  );
  expect(plan.actions.some((action) => 'keyHash' in action && action.keyHash === keyHash)).toBe(false);
  expect(plan.notices.map((notice) => notice.code)).toEqual(['key_not_ours']);
});

test('a team with the id of a mapped group that was made by hand is left alone and announced', () => {
  const model = new Model();
  model.addTeam({ teamId: groupId(1), alias: 'by hand' });
  const plan = planOf(model, { 1: [buildUser(1)], 2: [] });

  expect(plan.actions.filter((action) => 'teamId' in action && action.teamId === groupId(1))).toEqual([]);
  expect(plan.notices.map((notice) => notice.code)).toEqual(['team_not_ours']);
});

test('a team that left the policy is archived: everybody leaves it like leavers, and back in the policy all is as before', () => {
  const model = synced({ 1: [buildUser(1)], 2: [buildUser(2)] });
  const plan = planOf(model, { 1: [buildUser(1)] }, buildPolicy(1));
  expect(kinds(plan)).toEqual(['block_key', 'remove_member', 'demote_user', 'archive_team']);
  expect(plan.actions[0]?.cause).toBe('its team left policy.yml');
  const [keyHash] = find(plan, 'block_key').map((action) => action.keyHash);
  model.apply(plan.actions);
  expect(planOf(model, { 1: [buildUser(1)] }, buildPolicy(1)).actions).toEqual([]);

  const back = planOf(model, { 1: [buildUser(1)], 2: [buildUser(2)] });
  expect(kinds(back)).toEqual(['restore_team', 'add_member', 'update_user', 'restore_key']);
  expect(find(back, 'restore_key')[0]).toMatchObject({ keyHash, unblock: true });
  model.apply(back.actions);
  expect(planOf(model, { 1: [buildUser(1)], 2: [buildUser(2)] }).actions).toEqual([]);
});

test('where the policy says so, a team that left it is released: nothing of it changes, and nothing is ours', () => {
  const releasing = buildPolicy(1, { teamWithoutPolicy: 'release' });
  const model = synced({ 1: [buildUser(1)], 2: [buildUser(2)] });
  const plan = planOf(model, { 1: [buildUser(1)] }, releasing);
  expect(kinds(plan)).toEqual(['release_team']);
  model.apply(plan.actions);

  expect(planOf(model, { 1: [buildUser(1)] }, releasing).actions).toEqual([]);
  expect(model.workingKeys(userId(2), groupId(2))).toHaveLength(1);
  expect(model.users.get(userId(2))?.role).toBe('internal_user');
});

test('a team of the policy that somebody blocked in LiteLLM stays blocked, and is announced', () => {
  const model = synced({ 1: [buildUser(1)], 2: [] });
  const team = model.teams.get(groupId(1));
  if (team) model.teams.set(groupId(1), { ...team, blocked: true });
  const plan = planOf(model, { 1: [buildUser(1)], 2: [] });

  expect(plan.actions).toEqual([]);
  expect(plan.notices.map((notice) => notice.code)).toEqual(['team_blocked_by_hand']);
});

test('limits of members follow the policy', () => {
  const model = synced({ 1: [buildUser(1)], 2: [] });
  const [first, ...rest] = buildPolicy(2).groups;
  const limited = { ...first, member_max_budget: 5, member_rpm_limit: 10 } as typeof first;
  const policy = { ...buildPolicy(2), groups: [limited as NonNullable<typeof first>, ...rest] };
  const plan = planOf(model, { 1: [buildUser(1)], 2: [] }, policy);

  // Without a duration of its own, that of the team's budget, as LiteLLM does for a new team.
  const memberLimits = { maxBudgetUsd: 5, budgetDuration: '30d', tpmLimit: null, rpmLimit: 10 };
  expect(find(plan, 'update_team')).toMatchObject([{ teamId: groupId(1), after: { memberLimits } }]);
  model.apply(plan.actions);
  expect(planOf(model, { 1: [buildUser(1)], 2: [] }, policy).actions).toEqual([]);
});

test('a renamed person keeps the team and the key; mail and name follow', () => {
  const plan = planOf(synced({ 1: [buildUser(1)], 2: [] }), {
    1: [buildUser(1, { mail: 'new@example.com', displayName: 'New Name' })],
    2: [],
  });

  expect(plan.actions).toMatchObject([
    {
      kind: 'update_user',
      before: { email: 'person1@example.com' },
      after: { email: 'new@example.com', alias: 'New Name' },
    },
  ]);
});

test('a mail that differs only in case is no change', () => {
  const plan = planOf(synced({ 1: [buildUser(1)], 2: [] }), {
    1: [buildUser(1, { mail: 'Person1@Example.com' })],
    2: [],
  });

  expect(plan.actions).toEqual([]);
});

test('changed settings of a team are one update with before and after', () => {
  const model = synced({ 1: [], 2: [] });
  const policy = buildPolicy(2);
  const groups = policy.groups.map((group, i) =>
    i === 0 ? { ...group, max_budget: 250, models: ['mistral-local', 'gpt-4'] } : group,
  );
  const plan = planOf(model, { 1: [], 2: [] }, { ...policy, groups });

  expect(plan.actions).toMatchObject([
    {
      kind: 'update_team',
      before: { models: ['gpt-4'], maxBudgetUsd: 100 },
      after: { models: ['gpt-4', 'mistral-local'], maxBudgetUsd: 250 },
    },
  ]);
});

test('the strongest role of several groups wins, and is lowered only when every group was read', () => {
  const policy = buildPolicy(2, { roles: ['member', 'admin'] });
  const model = synced({ 1: [buildUser(1)], 2: [buildUser(1), buildUser(2)] }, policy);
  expect(model.users.get(userId(1))?.role).toBe('proxy_admin');

  expect(find(planOf(model, { 1: [buildUser(1)], 2: null }, policy), 'demote_user')).toEqual([]);
  expect(find(planOf(model, { 1: [buildUser(1)], 2: [buildUser(2)] }, policy), 'demote_user')).toMatchObject([
    { userId: userId(1), before: 'proxy_admin', after: 'internal_user' },
  ]);
});

test('no team is made for a group that could not be read', () => {
  expect(kinds(planOf(new Model(), { 1: null, 2: [] }))).toEqual(['create_team']);
});

test('a person whose only key was abandoned gets a new one, and the abandoned one is deleted if it turns up', () => {
  const model = synced({ 1: [buildUser(1)], 2: [] });
  for (const record of model.records.values())
    model.records.set(record.keyHash, { ...record, status: 'abandoned' });

  expect(kinds(planOf(model, { 1: [buildUser(1)], 2: [] }))).toEqual(['delete_key', 'mint_key']);
});

test.each([
  ['unblocked again by hand', { blocked: false, teamId: null }],
  ['attached to the team again by hand', { blocked: true, teamId: groupId(1) }],
])('a leaver’s key that was %s is blocked and detached once more', (_name, byHand) => {
  const model = synced({ 1: [buildUser(1)], 2: [] });
  model.apply(planOf(model, { 1: [], 2: [] }).actions);
  expect(planOf(model, { 1: [], 2: [] }).actions).toEqual([]);
  for (const key of model.keys.values()) model.keys.set(key.keyHash, { ...key, ...byHand });

  expect(planOf(model, { 1: [], 2: [] }).actions).toMatchObject([{ kind: 'block_key', heldByHand: false }]);
});

test('the strongest role wins whichever group comes first', () => {
  const policy = buildPolicy(2, { roles: ['admin', 'member'] });

  expect(synced({ 1: [buildUser(1)], 2: [buildUser(1)] }, policy).users.get(userId(1))?.role).toBe(
    'proxy_admin',
  );
});

test.each([
  ['with fields of its own', { email: 'by@hand.example', metadata: { owner: 'bob' } }],
  ['bare', {}],
])(
  'a user row made by hand, %s, keeps its mail, name and role; the person still gets access',
  (_name, fields) => {
    const model = synced({ 1: [], 2: [] });
    model.users.set(userId(1), {
      userId: userId(1),
      ssoUserId: null,
      email: null,
      alias: null,
      role: 'internal_user',
      metadata: {},
      ...fields,
    });
    const plan = planOf(model, { 1: [buildUser(1)], 2: [] });

    expect(kinds(plan)).toEqual(['add_member', 'mint_key']);
    expect(plan.notices.map((notice) => notice.code)).toEqual(['user_not_ours']);
  },
);

test('the digest of what was planned before stays what it was: approvals of held plans are bound to it', () => {
  const { policy, reads, current } = buildPlanCompany(300, 3);

  const plan = planChanges(decideDesired(policy, reads), current);

  expect(plan.actions).toHaveLength(18);
  expect(plan.digest).toBe('407836a67dbe8d18a0516857dee4bcd1a8ebf197f9e4b65fb937528ecc2084c7');
});
