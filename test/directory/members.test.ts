import { expect, test } from 'vitest';
import { joinPages, parseMembersPage, parseUser } from '../../lib/directory/members.ts';
import { groupId, groupItem, memberItem, userId } from './members-fixture.ts';

function read(...pages: readonly (readonly unknown[])[]) {
  return joinPages(pages.map((value) => parseMembersPage({ value })).filter((page) => page !== undefined));
}

test('members of all pages come once each, sorted by id, duplicates merged', () => {
  const result = read(
    [memberItem(3), groupItem(8), memberItem(1)],
    [memberItem(2), memberItem(3), groupItem(7), groupItem(8)],
  );

  expect(result).toMatchObject({
    status: 'complete',
    value: {
      users: [{ id: userId(1) }, { id: userId(2) }, { id: userId(3) }],
      nestedGroupIds: [groupId(7), groupId(8)],
    },
  });
});

test('a group without members is complete and empty', () => {
  expect(read([])).toEqual({ status: 'complete', value: { users: [], nestedGroupIds: [] } });
});

test.each([
  ['userPrincipalName', null],
  ['userPrincipalName', undefined],
  ['accountEnabled', null],
  ['accountEnabled', undefined],
])('one member with %s %s makes the read incomplete as limited information', (field, value) => {
  expect(read([memberItem(1), { ...memberItem(2), [field]: value }])).toMatchObject({
    status: 'incomplete',
    reason: 'limited-information',
  });
});

test.each(['device', 'servicePrincipal', 'orgContact', 'something Microsoft adds'])(
  'a %s among the members is left out',
  (type) => {
    const other = { '@odata.type': `#microsoft.graph.${type}`, id: userId(9), accountEnabled: null };

    expect(read([memberItem(1), other])).toMatchObject({
      status: 'complete',
      value: { users: [{ id: userId(1) }], nestedGroupIds: [] },
    });
  },
);

test('a nested group of which Graph shows the id alone counts as nested', () => {
  const bare = { '@odata.type': '#microsoft.graph.group', id: groupId(1), displayName: null };

  expect(read([bare])).toMatchObject({ status: 'complete', value: { nestedGroupIds: [groupId(1)] } });
});

test('ids are compared in lower case', () => {
  const result = read([
    memberItem(0xabc),
    { ...memberItem(0xabc), id: userId(0xabc).toUpperCase() },
    { ...groupItem(0xdef), id: groupId(0xdef).toUpperCase() },
  ]);

  expect(result).toMatchObject({
    status: 'complete',
    value: { users: [{ id: userId(0xabc) }], nestedGroupIds: [groupId(0xdef)] },
  });
});

test('a guest is told from a member, and an old account without userType is a member', () => {
  const result = read([
    { ...memberItem(1), userType: 'Guest' },
    { ...memberItem(2), userType: null },
  ]);

  expect(result).toMatchObject({
    status: 'complete',
    value: { users: [{ kind: 'guest' }, { kind: 'member' }] },
  });
});

test.each([
  ['no value', {}],
  ['a value that is no list', { value: {} }],
  ['an item without id', { value: [{ '@odata.type': '#microsoft.graph.device' }] }],
  ['an item without a type', { value: [{ ...memberItem(1), '@odata.type': undefined }] }],
  ['an id that is no GUID', { value: [{ ...memberItem(1), id: '7' }] }],
  ['accountEnabled as text', { value: [{ ...memberItem(1), accountEnabled: 'true' }] }],
  ['a nextLink that is no text', { '@odata.nextLink': 7, value: [] }],
  ['an empty nextLink', { '@odata.nextLink': '', value: [] }],
  ['an error', { error: { code: 'x', message: '' } }],
])('a page with %s is none', (_, body) => {
  expect(parseMembersPage(body)).toBeUndefined();
});

test('fields that Microsoft adds do not disturb', () => {
  expect(parseMembersPage({ value: [{ ...memberItem(1), badge: {} }], '@odata.tips': 'x' })).toBeDefined();
});

test.each([
  ['another person', memberItem(2)],
  ['a list', { value: [memberItem(1)] }],
  ['nothing', null],
])('an answer about %s is no answer about the person asked for', (_, body) => {
  expect(parseUser(body, userId(1))).toMatchObject({ status: 'incomplete', reason: 'answer-invalid' });
});
