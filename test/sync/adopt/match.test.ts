// What is paired with what, and what is never guessed.

import { expect, test } from 'vitest';
import { completeRead } from '../../../lib/directory/read.ts';
import type { GatewayKey, GatewayState, GatewayTeam, GatewayUser } from '../../../lib/gateway/state.ts';
import { NO_MEMBER_LIMITS } from '../../../lib/gateway/state.ts';
import { hashKey, type KeyHash, parseEntraGroupId, parseEntraUserId } from '../../../lib/ids.ts';
import type { StoredAdoption } from '../../../lib/store/adoptions.ts';
import { checkAdoption } from '../../../lib/sync/adopt/check.ts';
import { parseAdoptionText } from '../../../lib/sync/adopt/file.ts';
import { judgeTeam, judgeUser, mayMark } from '../../../lib/sync/adopt/judge.ts';
import { matchKeys, matchUsers } from '../../../lib/sync/adopt/match-people.ts';
import { matchTeams } from '../../../lib/sync/adopt/match-teams.ts';
import type { Present } from '../../../lib/sync/adopt/present.ts';
import { decideDesired } from '../../../lib/sync/desired.ts';
import { markedMetadata } from '../../../lib/sync/marker.ts';
import { newPerson, policyFor } from '../reconcile-fixture.ts';

const GROUP = parseEntraGroupId('00000000-0000-4000-8000-0000000000a1');
const OTHER = parseEntraGroupId('00000000-0000-4000-8000-0000000000a2');
const policy = policyFor([GROUP]);
const [entry] = policy.groups;
const alias = entry?.team ?? '';

const team = (fields: Partial<GatewayTeam> = {}): GatewayTeam => ({
  teamId: 'team-1',
  alias,
  models: ['gpt-4'],
  maxBudgetUsd: 100,
  budgetDuration: '30d',
  tpmLimit: null,
  rpmLimit: null,
  memberLimits: NO_MEMBER_LIMITS,
  blocked: false,
  metadata: {},
  members: [],
  ...fields,
});
const user = (userId: string, fields: Partial<GatewayUser> = {}): GatewayUser => ({
  userId,
  ssoUserId: null,
  email: null,
  alias: null,
  role: null,
  metadata: {},
  ...fields,
});
const key = (name: string, fields: Partial<GatewayKey> = {}): GatewayKey => ({
  keyHash: hashKey(name),
  alias: name,
  userId: 'ada-1',
  teamId: 'team-1',
  blocked: false,
  expiresAt: null,
  metadata: {},
  ...fields,
});
const stateOf = (teams: GatewayTeam[], users: GatewayUser[] = [], keys: GatewayKey[] = []): GatewayState => ({
  teams: new Map(teams.map((row) => [row.teamId, row])),
  users: new Map(users.map((row) => [row.userId, row])),
  keys: new Map(keys.map((row) => [row.keyHash, row])),
});

const ada = newPerson();
const bob = { ...newPerson(), accountEnabled: false };
const NOW = new Date('2026-11-25T12:00:00Z');
const presentOf = (gateway: GatewayState, fields: Partial<Present> = {}): Present => ({
  gateway,
  adoptions: [],
  keys: [],
  desired: decideDesired(policy, new Map([[GROUP, completeRead({ id: GROUP, members: [ada, bob] })]])),
  now: NOW,
  ...fields,
});
const teamsOf = (teams: GatewayTeam[], names: [typeof GROUP, string][], adoptions: StoredAdoption[] = []) =>
  matchTeams(stateOf(teams), new Map(names), policy, adoptions);

test('a team is paired with the group of its name, whatever case and spaces, or with the group of policy.yml', () => {
  const spaced = teamsOf([team({ alias: 'Research' })], [[OTHER, '  research ']]);
  const named = teamsOf([team()], [[GROUP, 'another name in Entra']]);

  expect(spaced.pairs).toEqual([{ groupId: OTHER, teamId: 'team-1' }]);
  expect(named.pairs).toEqual([{ groupId: GROUP, teamId: 'team-1' }]);
});

test('a group of policy.yml that the tenant does not know is no candidate', () => {
  expect(teamsOf([team()], [[OTHER, alias]]).pairs).toEqual([{ groupId: OTHER, teamId: 'team-1' }]);
});

test.each([
  [
    'a name that two groups have',
    [team()],
    [
      [GROUP, alias],
      [OTHER, alias],
    ],
    'several groups',
  ],
  ['two teams of one name', [team(), team({ teamId: 'team-2' })], [[GROUP, alias]], 'several teams'],
  ['a team without a name', [team({ alias: null })], [[GROUP, '']], 'no group'],
  ['a team that may call every model', [team({ models: [] })], [[GROUP, alias]], 'all-proxy-models'],
  ['a budget of nothing', [team({ maxBudgetUsd: 0 })], [[GROUP, alias]], 'a policy cannot say'],
] as const)('%s is left alone with its reason', (_, teams, names, why) => {
  const { pairs, leftAlone } = teamsOf(
    [...teams],
    names.map(([id, name]) => [id, name]),
  );

  expect(pairs).toEqual([]);
  expect(leftAlone.map((one) => one.why)).toEqual(teams.map(() => expect.stringContaining(why)));
});

test('the proposed policy entry has exactly the team’s settings, and keeps the role that policy.yml gives', () => {
  const settings = { models: ['b', 'a'], maxBudgetUsd: 7, budgetDuration: '7d', rpmLimit: 3 };

  expect(teamsOf([team(settings)], [[GROUP, alias]]).policyGroups).toEqual([
    {
      entra_group: GROUP,
      team: alias,
      role: 'member',
      include_guests: false,
      models: ['a', 'b'],
      max_budget: 7,
      budget_duration: '7d',
      rpm_limit: 3,
    },
  ]);
});

test('a person is paired by mail, by principal name or by sign-in', () => {
  for (const fields of [
    { email: ada.mail?.toUpperCase() ?? null },
    { email: ` ${ada.userPrincipalName} ` },
    { ssoUserId: ada.id },
  ]) {
    const present = presentOf(stateOf([], [user('ada-1', fields)]));
    expect(matchUsers(present, [ada, bob]).items).toEqual([{ entraId: ada.id, userId: 'ada-1' }]);
  }
});

test('two rows of one person, one row of two people, and somebody without access are left alone', () => {
  const twin = { ...newPerson(), mail: ada.mail };
  const twice = presentOf(stateOf([], [user('1', { email: ada.mail }), user('2', { ssoUserId: ada.id })]));
  const shared = presentOf(stateOf([], [user('1', { email: ada.mail })]));
  const disabled = presentOf(stateOf([], [user('1', { email: bob.mail })]));

  const whyOf = (present: Present, people = [ada, bob]) => {
    const { items, leftAlone } = matchUsers(present, people);
    expect(items).toEqual([]);
    return leftAlone.map(({ why }) => why);
  };
  expect(whyOf(twice)).toEqual(Array(2).fill(expect.stringContaining('several LiteLLM users')));
  expect(whyOf(shared, [ada, twin])).toEqual([expect.stringContaining('several people')]);
  expect(whyOf(disabled)).toEqual([expect.stringContaining('account disabled')]);
});

test('nobody is taken over when LiteLLM has another row under their Object ID', () => {
  const rows = [user('ada-1', { email: ada.mail }), user(ada.id, { metadata: markedMetadata() })];

  const { items, leftAlone } = matchUsers(presentOf(stateOf([], rows)), [ada]);

  expect(items).toEqual([]);
  expect(leftAlone[0]?.why).toContain('LiteLLM already has a user whose id is the Object ID');
});

test('no team is taken over for a group that LiteLLM has a team of already, nor one that we made', () => {
  const pair = { groupId: GROUP, teamId: 'team-1' };
  const twin = presentOf(stateOf([team(), team({ teamId: GROUP })]));
  const ours = presentOf(stateOf([team({ metadata: markedMetadata() })]));

  expect(judgeTeam(team(), pair, twin)).toContain('LiteLLM already has a team whose id is the Object ID');
  expect(judgeTeam(team(), pair, ours)).toContain('the control plane made this team');
  expect(judgeTeam(team(), pair, presentOf(stateOf([team()])))).toBeUndefined();
  expect(judgeTeam(team({ rpmLimit: 5 }), pair, presentOf(stateOf([team()])))).toContain('rpmLimit');
});

test('an id that was taken over stands for nothing else any more', () => {
  const adoptions = [{ kind: 'user', entraId: bob.id, gatewayId: 'ada-1', isAdopted: true } as const];
  const present = presentOf(stateOf([], [user('ada-1', { email: ada.mail })]), { adoptions });

  expect(judgeUser({ entraId: ada.id, userId: 'ada-1' }, present)).toContain('already taken over');
});

test('a role follows the groups only where it is what they give', () => {
  expect(mayMark('internal_user', 'internal_user')).toBe(true);
  expect(mayMark(null, 'internal_user')).toBe(true);
  expect(mayMark('proxy_admin', 'internal_user')).toBe(false);
  expect(mayMark(null, 'proxy_admin')).toBe(false);
});

const keysOf = (keys: GatewayKey[], dates: [KeyHash, string | null, string | null][] = [], fields = {}) => {
  const present = presentOf(stateOf([team()], [user('ada-1', { email: ada.mail })], keys), fields);
  const toDate = (value: string | null) => (value === null ? null : new Date(value));
  return matchKeys(
    present,
    [{ groupId: GROUP, teamId: 'team-1' }],
    [{ entraId: ada.id, userId: 'ada-1' }],
    new Map(
      dates.map(([hash, createdAt, lastUsedAt]) => [
        hash,
        { createdAt: toDate(createdAt), lastUsedAt: toDate(lastUsedAt) },
      ]),
    ),
  );
};

test('of several keys the one last used is the managed one, and without use the newest', () => {
  const [a, b] = [key('a'), key('b')];

  const used = keysOf(
    [a, b],
    [
      [a.keyHash, '2026-01-01', '2026-06-01'],
      [b.keyHash, '2026-05-01', null],
    ],
  );
  const newest = keysOf(
    [a, b],
    [
      [a.keyHash, '2026-01-01', null],
      [b.keyHash, '2026-05-01', null],
    ],
  );

  expect(used.items.map((item) => item.key_hash)).toEqual([a.keyHash]);
  expect(newest.items.map((item) => item.key_hash)).toEqual([b.keyHash]);
  expect(used.leftAlone).toEqual([
    { what: expect.stringContaining('key b'), why: expect.stringContaining('LiteLLM deletes it') },
  ]);
});

test.each([
  ['blocked', { blocked: true }, 'it is blocked'],
  ['expired', { expiresAt: new Date('2026-11-24') }, 'it has expired'],
  ['going to expire', { expiresAt: new Date('2027-01-01') }, 'it will expire'],
  ['of nobody', { userId: null }, 'nobody owns it'],
  ['in no team', { teamId: null }, 'no team'],
  ['in another team', { teamId: 'team-2' }, 'its team is not taken over'],
  ['of somebody else', { userId: 'bob-1' }, 'its owner is not taken over'],
])('a key that is %s is left alone', (_, fields, why) => {
  const { items, leftAlone } = keysOf([key('a', fields)]);

  expect(items).toEqual([]);
  expect(leftAlone).toEqual([
    { what: `key a (${hashKey('a').slice(0, 8)})`, why: expect.stringContaining(why) },
  ]);
});

test('who has a key of ours in the team keeps it, and the hand-made one is left alone', () => {
  const record = {
    keyHash: hashKey('ours'),
    userId: ada.id,
    teamId: GROUP,
    generation: 1,
    status: 'live',
    heldByHand: false,
    isRevealed: true,
  } as const;

  expect(keysOf([key('a')], [], { keys: [record] }).items).toEqual([]);
  const ended = keysOf([key('a')], [], { keys: [{ ...record, status: 'deleted' }] });
  expect(ended.items.map((item) => item.user)).toEqual([ada.id]);
});

test('a file names every mistake at once, each with its line, and no entry twice', () => {
  const text = `version: 1
teams: []
users:
  - { entra_user: "${ada.id}", user_id: ada-1, email: null }
  - { entra_user: "${ada.id}", user_id: ada-2, email: null }
keys:
  - { key_hash: xyz, user: "${ada.id}", team: "${GROUP}" }
kes: []
`;
  const twice = text.replace('xyz', hashKey('a')).replace('kes: []\n', '');

  expect(() => parseAdoptionText('adoption.yml', text)).toThrow(
    expect.objectContaining({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(/kes.*did you mean `keys`.*\n.*keys\[0\]\.key_hash \(line 7\)/),
    }),
  );
  expect(() => parseAdoptionText('adoption.yml', twice)).toThrow(
    expect.objectContaining({
      message: expect.stringContaining('users[1].entra_user (line 5): The same as in users[0]'),
    }),
  );
});

test('only who is in the group and in the team becomes a member of ours', () => {
  const member = (userId: string) => ({ userId, role: 'user' });
  const gateway = stateOf(
    [team({ members: ['ada-1', 'bob-1', 'stranger', 'default_user_id'].map(member) })],
    [user('ada-1', { email: ada.mail }), user('bob-1', { email: bob.mail })],
  );
  const file = {
    version: 1,
    teams: [
      {
        entra_group: GROUP,
        team_id: 'team-1',
        alias,
        models: ['gpt-4'],
        max_budget: 100,
        budget_duration: '30d',
        tpm_limit: null,
        rpm_limit: null,
        member_max_budget: null,
        member_budget_duration: null,
        member_tpm_limit: null,
        member_rpm_limit: null,
      },
    ],
    users: [{ entra_user: parseEntraUserId(ada.id), user_id: 'ada-1', email: ada.mail }],
    keys: [],
  } as const;

  const { steps, problems } = checkAdoption(
    {
      ...file,
      teams: [...file.teams].map((one) => ({ ...one, models: [...one.models] })),
      users: [...file.users],
      keys: [],
    },
    presentOf(gateway),
  );

  expect(problems).toEqual([]);
  expect(steps.teams.map(({ members }) => members)).toEqual([[ada.id]]);
  expect(steps.users.map(({ follow }) => follow)).toEqual([
    { alias: ada.displayName, role: 'internal_user' },
  ]);
});
