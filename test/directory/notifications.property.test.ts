import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseHandshake } from '../../lib/directory/notification-handshake.ts';
import { parseNotifications } from '../../lib/directory/notifications.ts';
import { CLIENT_STATE, clientStates, groupNotification, guid, postOf } from './notification-fixture.ts';

const HINT = /^(users|groups|subscriptions)\/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Any JSON, with the names and values that Microsoft uses often enough to get past the first checks. */
const anyItem = fc.dictionary(
  fc.oneof(
    fc.constantFrom(
      'clientState',
      'resource',
      'resourceData',
      'lifecycleEvent',
      'subscriptionId',
      '__proto__',
    ),
    fc.string(),
  ),
  fc.oneof(
    fc.jsonValue(),
    fc.constantFrom(`Groups/${guid(1)}`, `users/${guid(2)}`, guid(3), CLIENT_STATE.slice(1)),
    fc.record(
      {
        '@odata.type': fc.oneof(
          fc.constantFrom('#microsoft.graph.group', '#microsoft.graph.user'),
          fc.jsonValue(),
        ),
        id: fc.oneof(fc.uuid(), fc.jsonValue()),
        'members@delta': fc.oneof(
          fc.array(fc.record({ id: fc.oneof(fc.uuid(), fc.jsonValue()), '@removed': fc.jsonValue() })),
          fc.jsonValue(),
        ),
      },
      { requiredKeys: [] },
    ),
  ),
);
const withState = (clientState: unknown) => anyItem.map((item) => ({ ...item, clientState }));

test('no text whatever throws', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.json()), (body) => {
      const post = parseNotifications(body, clientStates);
      expect(['read', 'malformed', 'too-many']).toContain(post.status);
    }),
  );
});

test('nothing without our clientState becomes a hint, whatever it holds', () => {
  const others = fc
    .oneof(anyItem, fc.jsonValue(), fc.jsonValue().chain(withState))
    .filter((item) => (item as { clientState?: unknown } | null)?.clientState !== CLIENT_STATE);
  fc.assert(
    fc.property(fc.array(others), (items) => {
      expect(parseNotifications(postOf(...items), clientStates)).toEqual({
        status: 'read',
        hints: [],
        acceptedCount: 0,
        refusedCount: items.length,
        unknownCount: 0,
      });
    }),
  );
});

test('every hint is one that the store takes, once a resource, with at most 20 people', () => {
  let hintCount = 0;
  fc.assert(
    fc.property(fc.array(withState(CLIENT_STATE), { maxLength: 50 }), (items) => {
      const post = parseNotifications(postOf(...items), clientStates);
      if (post.status !== 'read') throw new Error('It was not read.');
      hintCount += post.hints.length;
      const resources = post.hints.map(({ resource }) => resource);
      expect(new Set(resources).size).toBe(resources.length);
      for (const { resource, userIds } of post.hints) {
        expect(resource).toMatch(HINT);
        expect(userIds.length).toBeLessThanOrEqual(20);
        expect(userIds.filter((id) => !GUID.test(id))).toEqual([]);
      }
      expect(post.acceptedCount).toBe(items.length);
      expect(post.unknownCount).toBeLessThanOrEqual(items.length);
    }),
  );
  expect(hintCount).toBeGreaterThan(0);
});

test('a real notification is found among any forgeries, in any place', () => {
  fc.assert(
    fc.property(fc.array(anyItem), fc.array(anyItem), fc.uuid(), (before, after, id) => {
      const forged = (items: readonly object[]) => items.map((item) => ({ ...item, clientState: 'forged' }));
      const post = postOf(...forged(before), groupNotification(id), ...forged(after));

      expect(parseNotifications(post, clientStates)).toMatchObject({
        hints: [{ resource: `groups/${id}` }],
        refusedCount: before.length + after.length,
      });
    }),
  );
});

test('a validation token comes back as it was before it was encoded', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 200 }), (token) => {
      const query = new URLSearchParams({ other: '1', validationToken: token }).toString();
      expect(parseHandshake(query)).toEqual({ status: 'token', token });
      expect(parseHandshake(`validationToken=${encodeURIComponent(token)}`)).toEqual({
        status: 'token',
        token,
      });
    }),
  );
});

test('no query string whatever throws', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (query) => {
      expect(['none', 'token', 'invalid']).toContain(parseHandshake(query).status);
    }),
  );
});
