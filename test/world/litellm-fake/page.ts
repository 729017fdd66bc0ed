// LiteLLM's paging by number.

import { createAnswer } from './problem.ts';

export type PageQuery = { readonly page: number; readonly size: number };

/** Reads the page and its size; more than 100 a page is refused as LiteLLM refuses it. */
export function parsePageQuery(
  query: Record<string, string>,
  sizeName: string,
  defaultSize: number,
): PageQuery {
  const page = Number(query.page ?? 1);
  const size = Number(query[sizeName] ?? defaultSize);
  if (size > 100 || size < 1 || page < 1) {
    throw createAnswer(422, { detail: [{ type: 'less_than_equal', loc: ['query', sizeName] }] });
  }
  return { page, size };
}

/** The rows of one page, sorted by one column; without it the newest first, as LiteLLM has it. */
export function takePage<Row extends object>(
  rows: readonly Row[],
  sortBy: string | undefined,
  query: PageQuery,
) {
  const value = (row: Row) => String((row as Record<string, unknown>)[sortBy ?? ''] ?? '');
  const sorted =
    sortBy === undefined
      ? [...rows].reverse()
      : [...rows].sort((one, other) => (value(one) < value(other) ? -1 : 1));
  const start = (query.page - 1) * query.size;
  return {
    rows: sorted.slice(start, start + query.size),
    total: rows.length,
    totalPages: Math.ceil(rows.length / query.size),
  };
}
