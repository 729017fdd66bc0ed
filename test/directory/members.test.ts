import { expect, test } from 'vitest';
import { joinPages, parseMembersPage } from '../../lib/directory/members.ts';
import { memberItem, userId } from './members-fixture.ts';

function read(...bodies: readonly unknown[]) {
  const pages = bodies.map((body) => parseMembersPage(body)).filter((page) => page !== undefined);
  return joinPages(pages);
}

const page = (value: readonly unknown[], count?: number) => ({
  value,
  ...(count === undefined ? {} : { '@odata.count': count }),
});

test('members of all pages come once each, sorted by id, duplicates merged', () => {
  const result = read(page([memberItem(3), memberItem(1)], 3), page([memberItem(2), memberItem(3)]));

  expect(result).toMatchObject({
    status: 'complete',
    value: [{ id: userId(1) }, { id: userId(2) }, { id: userId(3) }],
  });
});

test('fewer members than announced is incomplete', () => {
  expect(read(page([memberItem(1)], 2))).toMatchObject({ status: 'incomplete', reason: 'answer-invalid' });
});

test('a member twice does not stand in for a member lost', () => {
  expect(read(page([memberItem(1), memberItem(1)], 2))).toMatchObject({ status: 'incomplete' });
});

test('more members than announced is complete: the count follows late', () => {
  expect(read(page([memberItem(1), memberItem(2)], 1)).status).toBe('complete');
});

test('a first page without a count is incomplete: a lost page would not show', () => {
  expect(read(page([memberItem(1)]))).toMatchObject({ status: 'incomplete', reason: 'answer-invalid' });
});

test.each([
  ['userPrincipalName', null],
  ['userPrincipalName', undefined],
  ['accountEnabled', null],
  ['accountEnabled', undefined],
])('one member with %s %s makes the read incomplete as limited information', (field, value) => {
  const result = read(page([memberItem(1), { ...memberItem(2), [field]: value }], 2));

  expect(result).toMatchObject({ status: 'incomplete', reason: 'limited-information' });
});

test('members that are no users are left out, yet counted as announced', () => {
  const nested = { '@odata.type': '#microsoft.graph.group', id: userId(9), displayName: 'Nested' };

  const result = read(page([memberItem(1), nested], 2));

  expect(result).toMatchObject({ status: 'complete', value: [{ id: userId(1) }] });
});

test('ids are compared in lower case', () => {
  const result = read(page([{ ...memberItem(0xabc), id: userId(0xabc).toUpperCase() }], 1));

  expect(result).toMatchObject({ status: 'complete', value: [{ id: userId(0xabc) }] });
});

test('a guest is told from a member, and an old account without userType is a member', () => {
  const result = read(
    page(
      [
        { ...memberItem(1), userType: 'Guest' },
        { ...memberItem(2), userType: null },
      ],
      2,
    ),
  );

  expect(result).toMatchObject({ status: 'complete', value: [{ kind: 'guest' }, { kind: 'member' }] });
});

test.each([
  ['no value', {}],
  ['a value that is no list', { value: {} }],
  ['an item without id', { value: [{}] }],
  ['an id that is no GUID', { value: [{ ...memberItem(1), id: '7' }] }],
  ['accountEnabled as text', { value: [{ ...memberItem(1), accountEnabled: 'true' }] }],
  ['a count as text', { '@odata.count': '1', value: [] }],
  ['a nextLink that is no text', { '@odata.nextLink': 7, value: [] }],
  ['an error', { error: { code: 'x', message: '' } }],
])('a page with %s is none', (_, body) => {
  expect(parseMembersPage(body)).toBeUndefined();
});

test('fields that Microsoft adds do not disturb', () => {
  expect(read({ ...page([{ ...memberItem(1), badge: {} }], 1), '@odata.tips': 'x' }).status).toBe('complete');
});
