// The invariant on which every removal rests: what was not read of a group is never left out in silence.

import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { GraphAnswer } from '../../lib/directory/answer.ts';
import { readGroups } from '../../lib/directory/groups.ts';
import { createAnsweringClient, failed, NOT_FOUND, ok } from './answering-client.ts';
import { groupId, groupItem, memberItem, userId } from './members-fixture.ts';

const GROUP = groupId(99);
const USER_COUNT_MAX = 30;

type Page = Record<string, unknown> & { value: Record<string, unknown>[] };
type Damage = (page: Page, itemAt: number) => GraphAnswer;

const withItem = (page: Page, itemAt: number, edit: (item: Record<string, unknown>) => unknown) =>
  ok({ ...page, value: page.value.map((item, index) => (index === itemAt ? edit(item) : item)) });

/** Each takes something away that the reader can notice. */
const DAMAGES: Readonly<Record<string, Damage>> = {
  'a person has no id': (page, at) => withItem(page, at, ({ id: _, ...item }) => item),
  'a person has no type': (page, at) => withItem(page, at, ({ '@odata.type': _, ...item }) => item),
  'a person is nothing': (page, at) => withItem(page, at, () => null),
  'the fields of a person are hidden': (page, at) =>
    withItem(page, at, (item) => ({ '@odata.type': item['@odata.type'], id: item.id, accountEnabled: null })),
  'the list is missing': ({ value: _, ...page }) => ok(page),
  'the list is an object': (page) => ok({ ...page, value: { ...page.value } }),
  'the body is nothing': () => ok(null),
  'the next page is on no host': (page) => ok({ ...page, '@odata.nextLink': 7 }),
  'the next page is the first one': (page) => ok({ ...page, '@odata.nextLink': pathOf(0) }),
  'the next page is lost': (page) => ok({ ...page, '@odata.nextLink': pathOf(1_000) }),
  'the page is refused': () => failed('GRAPH_DENIED'),
  'the page is throttled': () => failed('GRAPH_THROTTLED'),
  'the time is up': () => failed('DEADLINE_REACHED'),
  'the connection breaks': () => failed('GRAPH_UNAVAILABLE'),
  'the answer is invalid': () => failed('GRAPH_ANSWER_INVALID'),
};

const pathOf = (at: number) => `https://graph.example/v1.0/groups/${GROUP}/members?$skiptoken=${at}`;

/** Pages of `size` with every person and every third one's number as a nested group. */
function cutPages(count: number, size: number): Page[] {
  const people = Array.from({ length: count }, (_, index) => memberItem(index + 1));
  const items = people.flatMap((person, index) => (index % 3 === 0 ? [person, groupItem(index)] : [person]));
  const pageCount = Math.max(1, Math.ceil(items.length / size));
  return Array.from({ length: pageCount }, (_, at) => ({
    ...(at < pageCount - 1 ? { '@odata.nextLink': pathOf(at + 1) } : {}),
    value: items.slice(at * size, (at + 1) * size),
  }));
}

async function read(answers: readonly GraphAnswer[]) {
  const { client } = createAnsweringClient(({ path }) => {
    const at = path.startsWith('/') ? 0 : Number(path.split('=')[1]);
    return answers[at] ?? NOT_FOUND;
  });
  const reads = await readGroups(client, [GROUP], new AbortController().signal);
  return reads.get(GROUP);
}

const shape = fc.record({
  count: fc.integer({ min: 0, max: USER_COUNT_MAX }),
  size: fc.integer({ min: 1, max: 7 }),
});

test('undamaged pages of any size give every person and every nested group', async () => {
  await fc.assert(
    fc.asyncProperty(shape, async ({ count, size }) => {
      const result = await read(cutPages(count, size).map(ok));

      const positions = Array.from({ length: count }, (_, index) => index);
      expect(result).toMatchObject({
        status: 'complete',
        value: {
          id: GROUP,
          users: positions.map((index) => ({ id: userId(index + 1) })),
          nestedGroupIds: positions.filter((index) => index % 3 === 0).map(groupId),
        },
      });
    }),
  );
});

test('pages in any order of their members, with repeats, give the same group', async () => {
  const order = fc.infiniteStream(fc.nat());
  await fc.assert(
    fc.asyncProperty(shape, order, async ({ count, size }, numbers) => {
      const items = cutPages(count, USER_COUNT_MAX * 2).flatMap((page) => page.value);
      const shuffled = items
        .flatMap((item) => [item, item])
        .map((item) => ({ item, rank: Number(numbers.next().value) }))
        .sort((a, b) => a.rank - b.rank)
        .map(({ item }) => item);
      const pageCount = Math.max(1, Math.ceil(shuffled.length / size));
      const pages = Array.from({ length: pageCount }, (_, at) =>
        ok({
          ...(at < pageCount - 1 ? { '@odata.nextLink': pathOf(at + 1) } : {}),
          value: shuffled.slice(at * size, (at + 1) * size),
        }),
      );

      expect(await read(pages)).toEqual(await read(cutPages(count, size).map(ok)));
    }),
  );
});

test('one damaged page makes the whole group incomplete', async () => {
  const damage = fc.record({
    name: fc.constantFrom(...Object.keys(DAMAGES)),
    at: fc.nat(),
    itemAt: fc.nat(),
  });
  const inhabited = shape.filter(({ count }) => count > 0);
  await fc.assert(
    fc.asyncProperty(inhabited, damage, async ({ count, size }, { name, at, itemAt }) => {
      const pages = cutPages(count, size);
      const page = pages[at % pages.length] ?? { value: [] };
      const people = page.value.flatMap((item, index) => ('accountEnabled' in item ? [index] : []));
      // A page of nested groups alone has no person to damage.
      fc.pre(people.length > 0);
      const answers = pages.map(ok);
      const damaged = DAMAGES[name]?.(page, people[itemAt % people.length] ?? 0);
      if (damaged !== undefined) answers[at % pages.length] = damaged;

      expect((await read(answers))?.status).toBe('incomplete');
    }),
    { numRuns: 1_000 },
  );
});

test('garbage in the place of a page never gives a complete group, and never throws', async () => {
  const garbage = fc.oneof(
    fc.anything(),
    fc.record({ value: fc.array(fc.anything(), { minLength: 1 }) }),
    fc.record({
      value: fc.constant([]),
      '@odata.nextLink': fc.anything().filter((link) => link !== undefined),
    }),
  );
  await fc.assert(
    fc.asyncProperty(shape, fc.nat(), garbage, async ({ count, size }, at, body) => {
      const answers = cutPages(count, size).map(ok);
      answers[at % answers.length] = ok(body);

      expect((await read(answers))?.status).toBe('incomplete');
    }),
    { numRuns: 500 },
  );
});

test.each(Object.keys(DAMAGES))(
  'of three pages the middle one: %s, and the read is incomplete',
  async (name) => {
    const answers = cutPages(6, 3).map(ok);
    const page = cutPages(6, 3)[1];
    if (page !== undefined) answers[1] = DAMAGES[name]?.(page, 0) ?? NOT_FOUND;

    expect(answers.length).toBeGreaterThan(2);
    expect((await read(answers))?.status).toBe('incomplete');
  },
);
