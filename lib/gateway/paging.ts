// Reads every page of a list, or says that it could not: LiteLLM pages by number, so a row made or deleted in
// between moves the others, and some would be read twice or not at all.

import { ControlError } from '../errors.ts';

export const PAGE_SIZE = 100; // LiteLLM's largest

export type Page<Row> = { readonly rows: readonly Row[]; readonly totalCount: number };

export type PagedRead<Row> = {
  /** For the error: teams, users, keys. */
  readonly what: string;
  readonly readPage: (page: number) => Promise<Page<Row>>;
  readonly idOf: (row: Row) => string;
};

const MAX_READS = 3;

/**
 * The whole list: as many distinct rows as every page says there are. Starts again when pages disagree.
 * @throws ControlError GATEWAY_READ_INCOMPLETE, and what readPage throws
 */
export async function readAllPages<Row>(read: PagedRead<Row>): Promise<Row[]> {
  for (let readCount = 1; readCount <= MAX_READS; readCount += 1) {
    const rows = await readOnce(read);
    if (rows !== undefined) return rows;
  }
  throw new ControlError(
    'GATEWAY_READ_INCOMPLETE',
    `LiteLLM's list of ${read.what} changed during each of ${MAX_READS} reads; the next run reads it again.`,
    { retryable: true, details: { what: read.what, readCount: MAX_READS } },
  );
}

async function readOnce<Row>({ readPage, idOf }: PagedRead<Row>): Promise<Row[] | undefined> {
  const byId = new Map<string, Row>();
  let rowCount = 0;
  let totalCount: number | undefined;
  for (let page = 1; totalCount === undefined || rowCount < totalCount; page += 1) {
    const { rows, totalCount: total } = await readPage(page);
    totalCount ??= total;
    if (total !== totalCount || (rows.length === 0 && rowCount < totalCount)) return undefined;
    rowCount += rows.length;
    for (const row of rows) byId.set(idOf(row), row);
  }
  return rowCount === totalCount && byId.size === totalCount ? [...byId.values()] : undefined;
}
