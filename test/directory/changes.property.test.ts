// Whatever Graph does to a delta, nothing is left out of it without being said: pages cut anywhere, empty ones,
// replays, any order, and pages that are no pages at all.

import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { readChanges } from '../../lib/directory/changes.ts';
import { answersByPath, createAnsweringClient, ok } from './answering-client.ts';
import { groupId, userId } from './members-fixture.ts';

const signal = new AbortController().signal;
const linkOf = (collection: string, at: number | string) =>
  `https://graph.example/v1.0/${collection}/delta?$skiptoken=${at}`;
const LINKS = { groups: linkOf('groups', 0), users: linkOf('users', 0) };

type Item = { readonly id: string; readonly [field: string]: unknown };

const removed = fc.constantFrom({}, { '@removed': { reason: 'deleted' } }, { '@removed': 'deleted' });
const enabled = fc.constantFrom(
  {},
  { accountEnabled: true },
  { accountEnabled: false },
  { accountEnabled: null },
);
const userItem: fc.Arbitrary<Item> = fc
  .tuple(fc.nat(12).map(userId), removed, enabled)
  .map(([id, mark, state]) => ({ id, ...mark, ...state }));
const groupItem: fc.Arbitrary<Item> = fc
  .tuple(fc.nat(6).map(groupId), removed, fc.option(fc.array(userItem, { maxLength: 4 }), { nil: undefined }))
  .map(([id, mark, members]) => ({ id, ...mark, ...(members && { 'members@delta': members }) }));

/** Pages of a round, some of them empty; replays are items that come again, on this page or another. */
const pagesOf = (item: fc.Arbitrary<Item>) =>
  fc.array(fc.array(item, { maxLength: 5 }), { minLength: 1, maxLength: 8 });

function pageAnswers(collection: string, pages: readonly (readonly unknown[])[]) {
  return pages.map((value, at) => {
    const isLast = at === pages.length - 1;
    const link = isLast
      ? { '@odata.deltaLink': linkOf(collection, 'end') }
      : { '@odata.nextLink': linkOf(collection, at + 1) };
    return [linkOf(collection, at), ok({ value, ...link })] as const;
  });
}

/** Of all that is said of each person, the one thing that nothing else contradicts. */
const usersOf = (items: readonly Item[]) => {
  const said = (item: Item) =>
    '@removed' in item ? 'gone' : { true: 'enabled', false: 'disabled' }[String(item.accountEnabled)];
  const all = (id: string) => new Set(items.flatMap((item) => (item.id === id ? (said(item) ?? []) : [])));
  return new Map(items.map(({ id }) => [id, all(id).size === 1 ? [...all(id)][0] : 'unknown']));
};

const membersOf = (items: readonly Item[], id: string, isRemoved: boolean) =>
  items
    .filter((item) => item.id === id)
    .flatMap((item) => (item['members@delta'] ?? []) as Item[])
    .filter((member) => '@removed' in member === isRemoved)
    .map((member) => member.id);

test('all pages together are exactly what is reported, and evidence is only what nothing contradicts', async () => {
  await fc.assert(
    fc.asyncProperty(pagesOf(groupItem), pagesOf(userItem), async (groupPages, userPages) => {
      const { client, calls } = answersByPath(
        Object.fromEntries([...pageAnswers('groups', groupPages), ...pageAnswers('users', userPages)]),
      );

      const changes = await readChanges(client, LINKS, signal);

      const items = groupPages.flat();
      const ids = new Set(items.map((item) => item.id));
      const expected = [...ids].map((id) => {
        const added = membersOf(items, id, false);
        const gone = membersOf(items, id, true);
        const evidence = {
          added: [...new Set(added)].filter((member) => !gone.includes(member)),
          removed: [...new Set(gone)].filter((member) => !added.includes(member)),
        };
        return [id, evidence] as const;
      });
      expect(changes).toEqual({
        status: 'complete',
        groups: new Map(expected),
        users: usersOf(userPages.flat()),
        links: { groups: linkOf('groups', 'end'), users: linkOf('users', 'end') },
      });
      expect(calls).toHaveLength(groupPages.length + userPages.length);
    }),
  );
});

test('a page of garbage in the place of any page never gives changes, and never throws', async () => {
  const garbage = fc.oneof(
    fc.anything(),
    fc.record({ value: fc.array(fc.anything(), { minLength: 1 }), '@odata.deltaLink': fc.string() }),
    fc.record({ value: fc.constant([]), '@odata.nextLink': fc.oneof(fc.string(), fc.webUrl()) }),
  );
  await fc.assert(
    fc.asyncProperty(pagesOf(groupItem), fc.nat(), garbage, async (pages, choice, body) => {
      const at = linkOf('groups', choice % pages.length);
      const answers = new Map([...pageAnswers('groups', pages), ...pageAnswers('users', [[]])]);
      answers.set(at, ok(body));
      const { client } = createAnsweringClient(({ path }) => answers.get(path) ?? { status: 'not-found' });

      expect(await readChanges(client, LINKS, signal)).toEqual({ status: 'reset' });
    }),
    { numRuns: 500 },
  );
});

test('a page that lost what names its end never gives changes', async () => {
  await fc.assert(
    fc.asyncProperty(pagesOf(userItem), fc.nat(), async (pages, choice) => {
      const answers = new Map([...pageAnswers('groups', [[]]), ...pageAnswers('users', pages)]);
      const at = choice % pages.length;
      answers.set(linkOf('users', at), ok({ value: pages[at] }));
      const { client } = createAnsweringClient(({ path }) => answers.get(path) ?? { status: 'not-found' });

      expect(await readChanges(client, LINKS, signal)).toEqual({ status: 'reset' });
    }),
  );
});
