// The invariant on which every removal rests: an incomplete page never yields a complete read.

import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { failedAnswer, type GraphAnswer } from '../../lib/directory/answer.ts';
import type { DirectoryClient } from '../../lib/directory/client.ts';
import { createDirectory } from '../../lib/directory/groups.ts';
import { parseEntraGroupId } from '../../lib/ids.ts';
import { memberItem, userId } from './members-fixture.ts';

const GROUP = parseEntraGroupId('bbbbbbbb-0000-4000-8000-000000000001');

type Page = Record<string, unknown> & { value: Record<string, unknown>[] };

type Damage = (pages: GraphAnswer[], at: number, itemAt: number) => void;

/** Each takes something away that the reader cannot know by itself. */
const DAMAGES: Readonly<Record<string, Damage>> = {
  'the next link is lost': (pages, at) =>
    change(pages, at, ({ '@odata.nextLink': _, ...page }) => page as Page),
  'a member is lost': (pages, at, itemAt) =>
    change(pages, at, (page) => ({ ...page, value: page.value.filter((_, index) => index !== itemAt) })),
  'a member is replaced by another one': (pages, at, itemAt) =>
    change(pages, at, (page) => ({
      ...page,
      value: page.value.map((item, index) => (index === itemAt ? (page.value[index - 1] ?? {}) : item)),
    })),
  'the fields of a member are hidden': (pages, at, itemAt) =>
    change(pages, at, (page) => ({
      ...page,
      value: page.value.map((item, index) =>
        index === itemAt ? { id: item.id, accountEnabled: null } : item,
      ),
    })),
  'the list is empty': (pages, at) => change(pages, at, (page) => ({ ...page, value: [] })),
  'the list is missing': (pages, at) => replace(pages, at, { status: 'ok', body: {} }),
  'the page is not found': (pages, at) => replace(pages, at, { status: 'not-found' }),
  'the page is refused': (pages, at) => replace(pages, at, failedAnswer('GRAPH_DENIED', 'No.')),
  'the page is throttled': (pages, at) => replace(pages, at, failedAnswer('GRAPH_THROTTLED', 'Wait.')),
  'the time is up': (pages, at) => replace(pages, at, failedAnswer('DEADLINE_REACHED', 'Late.')),
  'the connection breaks': (pages, at) => replace(pages, at, failedAnswer('GRAPH_UNAVAILABLE', 'Broken.')),
  'the first page comes again': (pages, at) => {
    if (at > 0 && pages[0]) pages[at] = pages[0];
  },
};

function replace(pages: GraphAnswer[], at: number, answer: GraphAnswer): void {
  pages[at] = answer;
}

function change(pages: GraphAnswer[], at: number, edit: (page: Page) => Page): void {
  const answer = pages[at];
  if (answer?.status !== 'ok') return;
  const page = answer.body as Page;
  // A page without a list was damaged before; nothing more can be taken from it.
  if (page.value !== undefined) pages[at] = { status: 'ok', body: edit(page) };
}

function cutPages(count: number, size: number): GraphAnswer[] {
  const items = Array.from({ length: count }, (_, index) => memberItem(index + 1));
  const pageCount = Math.max(1, Math.ceil(count / size));
  return Array.from({ length: pageCount }, (_, at) => ({
    status: 'ok',
    body: {
      ...(at === 0 ? { '@odata.count': count } : {}),
      ...(at < pageCount - 1 ? { '@odata.nextLink': `page-${at + 1}` } : {}),
      value: items.slice(at * size, (at + 1) * size),
    },
  }));
}

function clientOf(pages: readonly GraphAnswer[]): DirectoryClient {
  const group: GraphAnswer = { status: 'ok', body: { id: GROUP, displayName: 'Group' } };
  const page = (at: number): GraphAnswer => pages[at] ?? { status: 'not-found' };
  return {
    batch: () => Promise.resolve([group, page(0)]),
    get: ({ path }) => Promise.resolve(page(Number(path.split('-')[1]))),
  };
}

async function read(pages: readonly GraphAnswer[]) {
  const reads = await createDirectory(clientOf(pages)).readGroups([GROUP], new AbortController().signal);
  return reads.get(GROUP);
}

const shape = fc.record({ count: fc.integer({ min: 0, max: 30 }), size: fc.integer({ min: 1, max: 7 }) });

test('undamaged pages of any size give every member', async () => {
  await fc.assert(
    fc.asyncProperty(shape, async ({ count, size }) => {
      const result = await read(cutPages(count, size));

      expect(result?.status === 'complete' && result.value.members.map((member) => member.id)).toEqual(
        Array.from({ length: count }, (_, index) => userId(index + 1)),
      );
    }),
  );
});

test('an incomplete page never yields a complete read', async () => {
  const damages = fc.array(
    fc.record({ name: fc.constantFrom(...Object.keys(DAMAGES)), at: fc.nat(30), itemAt: fc.nat(6) }),
    { minLength: 1, maxLength: 3 },
  );
  await fc.assert(
    fc.asyncProperty(shape, damages, async ({ count, size }, chosen) => {
      const pages = cutPages(count, size);
      for (const { name, at, itemAt } of chosen) DAMAGES[name]?.(pages, at % pages.length, itemAt);

      const result = await read(pages);

      // Complete is allowed only if nobody is missing: some damage hits where there was nothing to lose.
      if (result?.status === 'complete') expect(result.value.members).toHaveLength(count);
    }),
    { numRuns: 1_000 },
  );
});

test.each(Object.keys(DAMAGES))(
  'of three pages the middle one: %s, and the read is incomplete',
  async (name) => {
    const pages = cutPages(9, 3);
    DAMAGES[name]?.(pages, 1, 1);

    const result = await read(pages);

    expect(result?.status).toBe('incomplete');
  },
);
