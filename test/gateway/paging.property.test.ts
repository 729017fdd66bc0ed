// Whatever happens to a list while its pages are read, the result is whole or an error.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isControlError } from '../../lib/errors.ts';
import { PAGE_SIZE, readAllPages } from '../../lib/gateway/paging.ts';

type Change = { readonly beforePage: number; readonly kind: 'insert' | 'remove'; readonly at: number };

test('a list that changes between pages is read whole as it was at some moment, or not at all', async () => {
  const change = fc.record({
    beforePage: fc.integer({ min: 1, max: 12 }),
    kind: fc.constantFrom<Change['kind']>('insert', 'remove'),
    at: fc.nat(400),
  });
  await fc.assert(
    fc.asyncProperty(fc.nat(350), fc.array(change, { maxLength: 4 }), async (count, changes) => {
      const rows = Array.from({ length: count }, (_, index) => `row-${index}`);
      const sizes = new Set([rows.length]);
      let readCount = 0;
      const read = readAllPages<string>({
        what: 'rows',
        idOf: (row) => row,
        readPage: async (page) => {
          readCount += 1;
          for (const { beforePage, kind, at } of changes) {
            if (beforePage !== readCount) continue;
            if (kind === 'insert') rows.splice(at, 0, `new-${readCount}-${at}-${rows.length}`);
            else rows.splice(at, 1);
            sizes.add(rows.length);
          }
          const start = (page - 1) * PAGE_SIZE;
          return { rows: rows.slice(start, start + PAGE_SIZE), totalCount: rows.length };
        },
      });

      try {
        const found = await read;
        expect(new Set(found).size).toBe(found.length);
        expect(sizes.has(found.length)).toBe(true);
      } catch (error) {
        if (!isControlError(error, 'GATEWAY_READ_INCOMPLETE')) throw error;
      }
    }),
  );
});

test('a row made on the first page and one deleted on the last, with the same total, are seen', async () => {
  const rows = Array.from({ length: 200 }, (_, index) => `row-${index}`);
  let readCount = 0;

  const found = await readAllPages<string>({
    what: 'rows',
    idOf: (row) => row,
    readPage: async (page) => {
      readCount += 1;
      if (readCount === 2) {
        rows.unshift('new');
        rows.pop();
      }
      const start = (page - 1) * PAGE_SIZE;
      return { rows: rows.slice(start, start + PAGE_SIZE), totalCount: rows.length };
    },
  });

  expect(found).toEqual(rows);
});

test('a list that does not change is read whole in one pass', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(350), async (count) => {
      const rows = Array.from({ length: count }, (_, index) => index);
      let readCount = 0;
      const found = await readAllPages<number>({
        what: 'rows',
        idOf: String,
        readPage: async (page) => {
          readCount += 1;
          return { rows: rows.slice((page - 1) * PAGE_SIZE, page * PAGE_SIZE), totalCount: count };
        },
      });

      expect(found).toEqual(rows);
      expect(readCount).toBe(Math.max(1, Math.ceil(count / PAGE_SIZE)));
    }),
  );
});
