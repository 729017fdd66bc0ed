import { describe, expect, test } from 'vitest';
import { MAX_NOTIFICATIONS, parseNotifications } from '../../lib/directory/notifications.ts';
import { Secret } from '../../lib/secret.ts';
import {
  CLIENT_STATE,
  clientStates,
  groupNotification,
  guid,
  lifecycleNotification,
  postOf,
  userNotification,
} from './notification-fixture.ts';

const parse = (...items: readonly unknown[]) => parseNotifications(postOf(...items), clientStates);
const hintsOf = (...items: readonly unknown[]) => {
  const post = parse(...items);
  return post.status === 'read' ? post.hints : post.status;
};
const upper = 'ABCDEF00-0000-4000-8000-00000000000A';

describe('a notification with our clientState', () => {
  test('of a group becomes a hint for the group and for the people it names as removed', () => {
    const resourceData = {
      '@odata.type': '#Microsoft.Graph.Group',
      id: upper,
      'members@delta': [
        { id: guid(1) },
        { id: guid(2), '@removed': 'deleted' },
        { id: upper, '@removed': { reason: 'deleted' } },
        { id: guid(2), '@removed': 'deleted' },
      ],
    };

    expect(hintsOf(groupNotification(guid(7), { resourceData }))).toEqual([
      { resource: `groups/${upper.toLowerCase()}`, userIds: [guid(2), upper.toLowerCase()] },
    ]);
  });

  test('of a user becomes a hint for the user, whatever it names besides', () => {
    const resourceData = {
      '@odata.type': '#microsoft.graph.user',
      id: guid(1),
      'members@delta': [{ id: guid(2), '@removed': 'deleted' }],
    };

    expect(hintsOf(userNotification(guid(1), { resourceData }))).toEqual([
      { resource: `users/${guid(1)}`, userIds: [] },
    ]);
  });

  test('of the subscription itself becomes a hint for the subscription', () => {
    expect(hintsOf(lifecycleNotification(upper))).toEqual([
      { resource: `subscriptions/${upper.toLowerCase()}`, userIds: [] },
    ]);
  });

  test.each([
    `Groups/${guid(1)}`,
    `/groups/${guid(1)}/members`,
    `groups('${guid(1)}')`,
    `GROUPS/${guid(1).toUpperCase()}`,
  ])('without resourceData is read from its resource %s', (resource) => {
    const expected = [{ resource: `groups/${guid(1)}`, userIds: [] }];

    expect(hintsOf(groupNotification(guid(7), { resource, resourceData: undefined }))).toEqual(expected);
    expect(hintsOf(groupNotification(guid(7), { resource, resourceData: 'no object' }))).toEqual(expected);
    expect(hintsOf(groupNotification(guid(7), { resource, resourceData: { id: 7 } }))).toEqual(expected);
  });

  test.each([
    ['another kind of resource', { resource: `devices/${guid(1)}` }],
    ['no resource', { resource: undefined }],
    ['a resource that is no text', { resource: [`groups/${guid(1)}`] }],
    ['an id that only begins like one', { resource: `groups/${guid(1)}0` }],
    ['SQL in its id', { resource: `groups/${guid(1)}'; drop table hints; --` }],
    ['a path that climbs', { resource: `users/../groups/${guid(1)}` }],
    ['a lifecycle event without a subscription', { lifecycleEvent: 'missed', subscriptionId: undefined }],
    ['a lifecycle event that is no text', { lifecycleEvent: { $ne: null } }],
  ])('and %s is counted as unknown and gives no hint', (_name, changes) => {
    expect(parse(groupNotification(guid(7), { resourceData: undefined, ...changes }))).toMatchObject({
      status: 'read',
      hints: [],
      acceptedCount: 1,
      unknownCount: 1,
    });
  });
});

describe('a post', () => {
  test('gives one hint a resource, with everybody its notifications name, at most 20', () => {
    const many = Array.from({ length: 30 }, (_, n) => guid(n));

    expect(
      hintsOf(
        groupNotification(guid(100), { removed: [guid(1)] }),
        userNotification(guid(1)),
        groupNotification(guid(100), { removed: [guid(2), guid(1)] }),
        groupNotification(guid(101), { removed: many }),
        groupNotification(guid(101), { removed: many.toReversed() }),
      ),
    ).toEqual([
      { resource: `groups/${guid(100)}`, userIds: [guid(1), guid(2)] },
      { resource: `users/${guid(1)}`, userIds: [] },
      { resource: `groups/${guid(101)}`, userIds: many.slice(0, 20) },
    ]);
  });

  test('is accepted with the new clientState and, while it is being changed, with the old one', () => {
    const rolling = [new Secret('n'.repeat(32)), new Secret('o'.repeat(32)), new Secret('x'.repeat(32))];
    const post = postOf(
      ...['n', 'o', 'x', 'z'].map((letter, n) =>
        groupNotification(guid(n), { clientState: letter.repeat(32) }),
      ),
    );

    expect(parseNotifications(post, rolling)).toMatchObject({ acceptedCount: 3, refusedCount: 1 });
  });

  test.each([
    ['none', undefined],
    ['null', null],
    ['an empty one', ''],
    ['true', true],
    ['the right one in a list', [CLIENT_STATE]],
    ['the right one in an object', { toString: CLIENT_STATE }],
    ['the beginning of the right one', CLIENT_STATE.slice(0, -1)],
    ['more than the right one', `${CLIENT_STATE}0`],
    ['the right one and a NUL', `${CLIENT_STATE}\0`],
    ['the right one in capitals', CLIENT_STATE.toUpperCase()],
    ['a look-alike', CLIENT_STATE.replace('c', 'с')],
    ['the right one with spaces', ` ${CLIENT_STATE} `],
    ['how a secret prints', '[redacted]'],
  ])('with %s as clientState gives no hint', (_name, clientState) => {
    expect(parse(groupNotification(guid(1), { clientState }))).toEqual({
      status: 'read',
      hints: [],
      acceptedCount: 0,
      refusedCount: 1,
      unknownCount: 0,
    });
  });

  test('whose clientState stands in a prototype gives no hint', () => {
    const item = JSON.stringify(groupNotification(guid(1), { clientState: undefined })).slice(1);
    const inherited = `{"value":[{"__proto__":{"clientState":"${CLIENT_STATE}"},${item}]}`;
    const polluting = `{"__proto__":{"value":[]},"constructor":{"prototype":{"clientState":"${CLIENT_STATE}"}},"value":[{${item}]}`;

    expect(parseNotifications(inherited, clientStates)).toMatchObject({ hints: [], refusedCount: 1 });
    expect(parseNotifications(polluting, clientStates)).toMatchObject({ hints: [], refusedCount: 1 });
    expect(({} as Record<string, unknown>).clientState).toBeUndefined();
  });

  test.each([
    '',
    'null',
    '[]',
    '{}',
    '"value"',
    '{"value":{}}',
    '{"value":null}',
    '{"__proto__":{"value":[]}}',
    '{"value":[',
    '<xml/>',
    '{"value":[]}{}',
    '\u0000',
  ])('of the form %j is malformed', (body) => {
    expect(parseNotifications(body, clientStates)).toEqual({ status: 'malformed' });
  });

  test('of a thousand notifications is read, and one of a thousand and one is not', () => {
    const items = Array.from({ length: MAX_NOTIFICATIONS }, (_, n) => groupNotification(guid(n)));

    expect(parse(...items)).toMatchObject({ status: 'read', acceptedCount: MAX_NOTIFICATIONS });
    expect(parse(...items, groupNotification(guid(1)))).toEqual({ status: 'too-many' });
  });

  test('of a million brackets is not even parsed', () => {
    expect(parseNotifications('['.repeat(1_000_000), clientStates)).toEqual({ status: 'too-many' });
    expect(parseNotifications(`{"value":[${'{"a":'.repeat(200_000)}`, clientStates)).toEqual({
      status: 'too-many',
    });
  });
});
