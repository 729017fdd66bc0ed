// Direct members of groups into the people of mapped groups, and what single reads change of them.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type {
  DirectGroup,
  DirectoryUser,
  MemberEvidence,
  UserEvidence,
} from '../../lib/directory/directory.ts';
import { completeRead, incompleteRead, type Read } from '../../lib/directory/read.ts';
import { type EntraGroupId, parseEntraGroupId, parseEntraUserId } from '../../lib/ids.ts';
import type { DirectorySnapshot } from '../../lib/store/directory-snapshot.ts';
import { observe, parentsOf, reachableFrom, resolveGroups, updateOf } from '../../lib/sync/snapshot.ts';

const groupId = (n: number) => parseEntraGroupId(`00000000-0000-4000-8000-${String(n).padStart(12, '0')}`);
const user = (n: number, values: Partial<DirectoryUser> = {}): DirectoryUser => ({
  id: parseEntraUserId(`10000000-0000-4000-8000-${String(n).padStart(12, '0')}`),
  displayName: `Person ${n}`,
  mail: null,
  userPrincipalName: `p${n}@example.com`,
  accountEnabled: true,
  kind: 'member',
  ...values,
});
const [top, child, grandchild, other] = [groupId(1), groupId(2), groupId(3), groupId(4)] as const;
const EMPTY: DirectorySnapshot = { groups: new Map(), users: new Map() };
const NOBODY = new Map();
const NO_EVIDENCE = { groups: new Map(), users: new Map() };

type Shape = { users?: readonly DirectoryUser[]; nested?: readonly EntraGroupId[] };
const readsOf = (shapes: Iterable<readonly [EntraGroupId, Shape]>): Map<EntraGroupId, Read<DirectGroup>> =>
  new Map(
    [...shapes].map(([id, { users = [], nested = [] }]) => [
      id,
      completeRead({ id, users, nestedGroupIds: nested }),
    ]),
  );
const fullRead = (shapes: Iterable<readonly [EntraGroupId, Shape]>) =>
  observe(EMPTY, { groups: readsOf(shapes), users: NOBODY }, NO_EVIDENCE);
const COMPANY: readonly (readonly [EntraGroupId, Shape])[] = [
  [top, { users: [user(1)], nested: [child] }],
  [child, { users: [user(2), user(1)], nested: [grandchild] }],
  [grandchild, { users: [user(3)], nested: [top] }],
  [other, { users: [user(4)] }],
];
const idsOf = (read: Read<{ members: readonly DirectoryUser[] }> | undefined) =>
  read?.status === 'complete' ? read.value.members.map((member) => member.id) : read?.reason;

test('people of nested groups count once each, whatever circles the nesting has', () => {
  const groups = resolveGroups(fullRead(COMPANY), [top, other]);

  expect(idsOf(groups.get(top))).toEqual([user(1).id, user(2).id, user(3).id]);
  expect(idsOf(groups.get(other))).toEqual([user(4).id]);
});

test('a nested group that could not be read makes the groups above it incomplete, and no other', () => {
  const before = fullRead(COMPANY).snapshot;
  const failed = new Map([[grandchild, incompleteRead('throttled', 'later')]]);
  const observation = observe(before, { groups: failed, users: NOBODY }, NO_EVIDENCE);
  const groups = resolveGroups(observation, [top, other]);

  expect(idsOf(groups.get(top))).toBe('throttled');
  expect(idsOf(groups.get(other))).toEqual([user(4).id]);
  expect(observation.snapshot.groups.get(grandchild)).toMatchObject({ isStale: true, userIds: [user(3).id] });
});

test('that a nested group is gone is not taken for the mapped group being gone', () => {
  const gone = new Map([[child, incompleteRead('not-found', 'gone')]]);
  const observation = observe(fullRead(COMPANY).snapshot, { groups: gone, users: NOBODY }, NO_EVIDENCE);

  expect(idsOf(resolveGroups(observation, [top]).get(top))).toBe('answer-invalid');
});

test('a group that nobody ever read is incomplete, not empty', () => {
  expect(idsOf(resolveGroups(fullRead([[top, { nested: [child] }]]), [top]).get(top))).toBe('unavailable');
  expect(idsOf(resolveGroups({ snapshot: EMPTY, unreadable: new Map() }, [top]).get(top))).toBe(
    'unavailable',
  );
});

test('a person read alone is changed everywhere; one that could not be read makes their groups stale', () => {
  const before = fullRead(COMPANY).snapshot;
  const disabled = new Map([[user(1).id, completeRead(user(1, { accountEnabled: false }))]]);
  const changed = observe(before, { groups: NOBODY, users: disabled }, NO_EVIDENCE);
  const read = resolveGroups(changed, [top]).get(top);
  const members = read?.status === 'complete' ? read.value.members : [];
  expect(members.find((member) => member.id === user(1).id)?.accountEnabled).toBe(false);

  const failed = new Map([[user(4).id, incompleteRead('unavailable', 'later')]]);
  const unsure = observe(before, { groups: NOBODY, users: failed }, NO_EVIDENCE);
  expect(idsOf(resolveGroups(unsure, [other]).get(other))).toBe('unavailable');
  expect(idsOf(resolveGroups(unsure, [top]).get(top))).toEqual([user(1).id, user(2).id, user(3).id]);
});

test.each<[string, MemberEvidence, boolean]>([
  ['still lists who was removed', { added: [], removed: [user(4).id] }, true],
  ['lacks who was added', { added: [user(9).id], removed: [] }, true],
  ['agrees with the change', { added: [user(4).id], removed: [user(9).id] }, false],
])('a read that %s is stale: %o', (_name, evidence, isStale) => {
  const reads = readsOf([[other, { users: [user(4)] }]]);
  const observation = observe(
    EMPTY,
    { groups: reads, users: NOBODY },
    { ...NO_EVIDENCE, groups: new Map([[other, evidence]]) },
  );

  expect(observation.contradicted).toEqual(isStale ? [other] : []);
  expect(observation.snapshot.groups.get(other)?.isStale).toBe(isStale);
});

test.each<[boolean, UserEvidence, boolean]>([
  [true, 'disabled', true],
  [false, 'enabled', true],
  [true, 'gone', true],
  [false, 'disabled', false],
  [true, 'enabled', false],
  [true, 'unknown', false],
])('a person read as enabled %s after being reported as %s: stale %s', (accountEnabled, said, isStale) => {
  const before = fullRead(COMPANY).snapshot;
  const read = new Map([[user(1).id, completeRead(user(1, { accountEnabled }))]]);
  const evidence = { ...NO_EVIDENCE, users: new Map([[user(1).id, said]]) };
  const observation = observe(before, { groups: NOBODY, users: read }, evidence);

  expect(observation.contradicted).toEqual(isStale ? [top, child] : []);
  expect(observation.snapshot.groups.get(top)).toMatchObject({ isStale });
  expect(observation.snapshot.groups.get(other)).toMatchObject({ isStale: false });
});

test('what is stored are the rows that were read, and which groups still lead anywhere', () => {
  const before = fullRead(COMPANY).snapshot;
  const reads = readsOf([[top, { users: [user(1), user(5)] }]]);
  const { snapshot } = observe(before, { groups: reads, users: NOBODY }, NO_EVIDENCE);
  const update = updateOf(before, snapshot, [top, other]);

  expect(update.groups.map((group) => group.groupId)).toEqual([top]);
  expect(update.users.map((stored) => stored.id)).toEqual([user(1).id, user(5).id]);
  expect([...(update.reachableGroupIds ?? [])].sort()).toEqual([top, other]);
  expect(updateOf(before, before, [top]).reachableGroupIds).toBeNull();
});

test('the parents of a person or a group are those that have it as a direct member', () => {
  const { snapshot } = fullRead(COMPANY);

  expect(parentsOf(snapshot, new Set([user(1).id]))).toEqual([top, child]);
  expect(parentsOf(snapshot, new Set([grandchild]))).toEqual([child]);
});

test('over any nesting, a mapped group has exactly the people that can be reached from it', () => {
  const nesting = fc.array(
    fc.record({ users: fc.subarray([0, 1, 2, 3, 4]), nested: fc.subarray([0, 1, 2, 3, 4, 5]) }),
    { minLength: 6, maxLength: 6 },
  );
  fc.assert(
    fc.property(nesting, fc.nat(5), (shapes, root) => {
      const observation = fullRead(
        shapes.map((shape, n) => [
          groupId(n),
          { users: shape.users.map((id) => user(id)), nested: shape.nested.map(groupId) },
        ]),
      );
      const reached = new Set([root]);
      for (const n of reached) for (const nested of shapes[n]?.nested ?? []) reached.add(nested);
      const expected = new Set([...reached].flatMap((n) => shapes[n]?.users ?? []));

      expect(new Set(idsOf(resolveGroups(observation, [groupId(root)]).get(groupId(root))))).toEqual(
        new Set([...expected].map((n) => user(n).id)),
      );
      expect(reachableFrom(observation.snapshot, [groupId(root)])).toEqual(
        new Set([...reached].map(groupId)),
      );
    }),
  );
});
