// Lists come in pages with links to the others (digitalocean/openapi, specification/shared: parameters.yml, pages.yml,
// meta.yml): 20 on a page unless asked otherwise, 200 at most.

import type { Context } from 'hono';

export function answerPage(context: Context, key: string, items: readonly unknown[]): Response {
  const wanted = (name: string, otherwise: number) =>
    Math.max(1, Number(context.req.query(name) ?? otherwise) || otherwise);
  const perPage = Math.min(wanted('per_page', 20), 200);
  const page = wanted('page', 1);
  const last = Math.max(1, Math.ceil(items.length / perPage));
  const linkTo = (number: number) => {
    const url = new URL(context.req.url);
    url.searchParams.set('page', String(number));
    url.searchParams.set('per_page', String(perPage));
    return url.href;
  };
  const pages = {
    ...(page > 1 ? { first: linkTo(1), prev: linkTo(page - 1) } : {}),
    ...(page < last ? { next: linkTo(page + 1), last: linkTo(last) } : {}),
  };
  return context.json({
    [key]: items.slice((page - 1) * perPage, page * perPage),
    links: Object.keys(pages).length > 0 ? { pages } : {},
    meta: { total: items.length },
  });
}
