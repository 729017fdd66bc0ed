import { expect, test } from 'vitest';
import type { GraphAnswer } from '../../lib/directory/answer.ts';
import { readChanges, takeLinks } from '../../lib/directory/changes.ts';
import { parseDeltaPage } from '../../lib/directory/delta-page.ts';
import { answersByPath, createAnsweringClient, failed, NOT_FOUND, ok } from './answering-client.ts';
import { groupId, userId } from './members-fixture.ts';

const signal = new AbortController().signal;
const linkOf = (collection: string, token: string) =>
  `https://graph.example/v1.0/${collection}/delta?$deltatoken=${token}`;
const LINKS = { groups: linkOf('groups', 'old'), users: linkOf('users', 'old') };
const NEXT = { groups: linkOf('groups', 'new'), users: linkOf('users', 'new') };
const QUIET = {
  [LINKS.groups]: ok({ value: [], '@odata.deltaLink': NEXT.groups }),
  [LINKS.users]: ok({ value: [], '@odata.deltaLink': NEXT.users }),
};
const REMOVED = { '@removed': { reason: 'changed' } };

const read = (answers: Readonly<Record<string, GraphAnswer>>, links = LINKS) =>
  readChanges(answersByPath({ ...QUIET, ...answers }).client, links, signal);

/** The groups of one page as they are understood. */
const readGroups = async (...value: readonly unknown[]) => {
  const changes = await read({ [LINKS.groups]: ok({ value, '@odata.deltaLink': NEXT.groups }) });
  return changes.status === 'complete' ? changes.groups : changes.status;
};

test('no change costs one call for groups and one for users, and moves both links on', async () => {
  const { client, calls } = answersByPath(QUIET);

  expect(await readChanges(client, LINKS, signal)).toEqual({
    status: 'complete',
    groups: new Map(),
    users: new Map(),
    links: NEXT,
  });
  expect(calls).toHaveLength(2);
});

test('people are reported once each, with what nothing else in the answer contradicts', async () => {
  const value = [
    { id: userId(1) },
    { id: userId(2), ...REMOVED },
    { id: userId(1).toUpperCase(), accountEnabled: false },
    { id: userId(3), accountEnabled: true },
    { id: userId(4), accountEnabled: true },
    { id: userId(4), accountEnabled: false },
  ];
  const changes = await read({ [LINKS.users]: ok({ value, '@odata.deltaLink': NEXT.users }) });

  const users = new Map([
    [userId(1), 'disabled'],
    [userId(2), 'gone'],
    [userId(3), 'enabled'],
    [userId(4), 'unknown'],
  ]);
  expect(changes).toMatchObject({ users, groups: new Map() });
});

test('a deleted group is reported, and so is one whose members did not change', async () => {
  const groups = await readGroups({ id: groupId(1), ...REMOVED }, { id: groupId(2), 'members@delta': null });

  const none = { added: [], removed: [] };
  expect(groups).toEqual(
    new Map([
      [groupId(1), none],
      [groupId(2), none],
    ]),
  );
});

test.each([[{ reason: 'deleted' }], [{ reason: 'changed' }], ['deleted'], [{}]])(
  'a member with "@removed" of %j is evidence of a removal',
  async (removed) => {
    const groups = await readGroups({
      id: groupId(1),
      'members@delta': [{ id: userId(1), '@removed': removed }, { id: userId(2) }],
    });

    expect(groups).toEqual(new Map([[groupId(1), { added: [userId(2)], removed: [userId(1)] }]]));
  },
);

test('a member both added and removed is evidence of nothing, whatever the order of the pages', async () => {
  const page = (token: string, item: unknown) => [
    linkOf('groups', token),
    ok({ value: [{ id: groupId(1), 'members@delta': [item] }], '@odata.nextLink': linkOf('groups', 'end') }),
  ];
  const end = ok({
    value: [{ id: groupId(1), 'members@delta': [{ id: userId(1), ...REMOVED }, { id: userId(2) }] }],
    '@odata.deltaLink': NEXT.groups,
  });

  const changes = await read(
    Object.fromEntries([page('old', { id: userId(1) }), [linkOf('groups', 'end'), end]]),
  );

  expect(changes).toMatchObject({ groups: new Map([[groupId(1), { added: [userId(2)], removed: [] }]]) });
});

test('ids are compared in lower case', async () => {
  const [id, member] = [groupId(0xabc), userId(0xdef)];
  const groups = await readGroups(
    { id: id.toUpperCase(), 'members@delta': [{ id: member.toUpperCase() }] },
    { id, 'members@delta': [{ id: member, ...REMOVED }, { id: userId(0xabc).toUpperCase() }] },
  );

  expect(groups).toEqual(new Map([[id, { added: [userId(0xabc)], removed: [] }]]));
});

test('a device that joined or left is evidence of nothing: no list of ours would show it', async () => {
  const device = { '@odata.type': '#microsoft.graph.device', id: userId(1) };
  const nested = { '@odata.type': '#microsoft.graph.group', id: groupId(2) };

  const groups = await readGroups({ id: groupId(1), 'members@delta': [device, nested] });

  expect(groups).toEqual(new Map([[groupId(1), { added: [groupId(2)], removed: [] }]]));
});

const lead = (link: string) => ok({ value: [], '@odata.nextLink': link });
const useless: readonly [string, GraphAnswer][] = [
  ['is answered 410, or with any other refusal of the token', failed('GRAPH_ANSWER_INVALID')],
  ['is not found', NOT_FOUND],
  ['is answered with nothing', ok(null)],
  ['is answered without a list', ok({ '@odata.deltaLink': NEXT.groups })],
  ['leads nowhere', ok({ value: [] })],
  ['leads in a circle', lead(LINKS.groups)],
  ['leads to the users', lead(LINKS.users)],
  ['leads to a page that is not found', lead(linkOf('groups', 'lost'))],
  ['reports an item without id', ok({ value: [{}], '@odata.deltaLink': NEXT.groups })],
  ['reports an id that is no GUID', ok({ value: [{ id: '7' }], '@odata.deltaLink': NEXT.groups })],
  [
    'reports a member without id',
    ok({ value: [{ id: groupId(1), 'members@delta': [{}] }], '@odata.deltaLink': NEXT.groups }),
  ],
];

test.each(useless)('a link that %s leaves only a full read', async (_, answer) => {
  expect(await read({ [LINKS.groups]: answer })).toEqual({ status: 'reset' });
});

test.each([
  ['empty', ''],
  ['no address', 'groups'],
  ['broken', 'https://['],
  ['the link of the other collection', LINKS.users],
  ['another list of Graph', 'https://graph.example/v1.0/devices/delta'],
])('a stored link that is %s leaves only a full read', async (_, groups) => {
  expect(await read({}, { ...LINKS, groups })).toEqual({ status: 'reset' });
});

test('pages without end leave only a full read', async () => {
  let page = 0;
  const { client, calls } = createAnsweringClient(({ path }) => {
    page += 1;
    return path === LINKS.users ? (QUIET[path] ?? NOT_FOUND) : lead(linkOf('groups', `page-${page}`));
  });

  expect(await readChanges(client, LINKS, signal)).toEqual({ status: 'reset' });
  expect(calls).toHaveLength(2_001);
});

test.each([
  ['GRAPH_THROTTLED', 'throttled'],
  ['GRAPH_UNAVAILABLE', 'unavailable'],
  ['GRAPH_DENIED', 'denied'],
  ['DEADLINE_REACHED', 'deadline'],
] as const)(
  'when one link fails with %s, nothing is known, and the links stay good',
  async (code, reason) => {
    for (const link of [LINKS.groups, LINKS.users]) {
      expect(await read({ [link]: failed(code) })).toMatchObject({ status: 'incomplete', reason });
    }
  },
);

test('a link that is no longer good counts more than another that failed', async () => {
  const changes = await read({ [LINKS.groups]: failed('GRAPH_THROTTLED'), [LINKS.users]: NOT_FOUND });

  expect(changes).toEqual({ status: 'reset' });
});

test('links are taken as of now, for memberships and for the fields that matter', async () => {
  const { client, calls } = createAnsweringClient(({ path }) =>
    ok({ value: [], '@odata.deltaLink': path.startsWith('/groups') ? NEXT.groups : NEXT.users }),
  );

  expect(await takeLinks(client, signal)).toEqual({ status: 'complete', value: NEXT });
  expect(calls.flat().map(({ path }) => path)).toEqual([
    '/groups/delta?$select=id,members&$deltatoken=latest',
    '/users/delta?$select=id,displayName,mail,userPrincipalName,accountEnabled,userType&$deltatoken=latest',
  ]);
});

test('links that come only after further pages are found', async () => {
  const { client } = createAnsweringClient(({ path }) => {
    const collection = path.includes('/groups/') ? 'groups' : 'users';
    return path.endsWith('latest')
      ? lead(linkOf(collection, 'more'))
      : ok({ value: [], '@odata.deltaLink': NEXT[collection] });
  });

  expect(await takeLinks(client, signal)).toEqual({ status: 'complete', value: NEXT });
});

test.each([
  ['throttled', failed('GRAPH_THROTTLED'), 'throttled'],
  ['refused', failed('GRAPH_DENIED'), 'denied'],
  ['not found', NOT_FOUND, 'answer-invalid'],
  ['answered without a link', ok({ value: [] }), 'answer-invalid'],
] as const)('no links are taken when one question is %s', async (_, answer, reason) => {
  for (const collection of ['groups', 'users'] as const) {
    const { client } = createAnsweringClient(({ path }) =>
      path.includes(`/${collection}/`)
        ? answer
        : ok({ value: [], '@odata.deltaLink': path.includes('/groups/') ? NEXT.groups : NEXT.users }),
    );

    expect(await takeLinks(client, signal)).toMatchObject({ status: 'incomplete', reason });
  }
});

test('a page that both leads on and ends the round is none', () => {
  const page = { value: [], '@odata.nextLink': 'x', '@odata.deltaLink': 'y' };

  expect(parseDeltaPage(page)).toBeUndefined();
});

test('fields that Microsoft adds to a page do not disturb', () => {
  const page = { value: [{ id: groupId(1), more: 1 }], '@odata.deltaLink': 'x', '@odata.context': 'y' };

  expect(parseDeltaPage(page)).toMatchObject({ deltaLink: 'x', items: [{ id: groupId(1) }] });
});
