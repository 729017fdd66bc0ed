// A page of a collection: $top, $select, $count, @odata.nextLink with $skiptoken, and the rule that advanced
// queries need the ConsistencyLevel header on every page, since headers are not part of a nextLink.

import type { GraphCall, GraphWorld } from './graph.ts';
import { selectFields } from './graph-fields.ts';
import { graphError, graphReply, notSimulated, type Reply } from './reply.ts';

export type Collection = {
  readonly items: readonly Readonly<Record<string, unknown>>[];
  /** Properties that may be selected. */
  readonly fields: readonly string[];
  /** Whether reading it at all is an advanced query. */
  readonly isAdvanced?: boolean;
};

const LARGEST_TOP = 999;
const KNOWN_OPTIONS: ReadonlySet<string> = new Set(['$top', '$select', '$count', '$skiptoken']);

/** The page that `call` asks for. */
export function answerList(world: GraphWorld, call: GraphCall, collection: Collection): Reply {
  const query = call.url.searchParams;
  const unknown = [...query.keys()].find((name) => !KNOWN_OPTIONS.has(name));
  if (unknown !== undefined) return notSimulated(`the query option ${unknown}`);
  const isCounted = query.get('$count') === 'true';
  const isEventual = call.headers.consistencylevel?.toLowerCase() === 'eventual';
  if ((collection.isAdvanced && !(isCounted && isEventual)) || (isCounted && !isEventual)) {
    const message = "This query needs the header 'ConsistencyLevel: eventual' and $count=true.";
    return graphError(400, 'Request_UnsupportedQuery', message);
  }
  const top = Number(query.get('$top') ?? world.pageSize);
  if (!Number.isInteger(top) || top < 1 || top > LARGEST_TOP) {
    return graphError(400, 'Request_BadRequest', `Invalid page size specified: '${query.get('$top')}'.`);
  }
  return answerPage(world, call, collection, Math.min(top, world.pageSize), isCounted);
}

// Pages are cut by id, not by position, so that a change between two pages shifts nobody out of both.
function answerPage(
  world: GraphWorld,
  call: GraphCall,
  collection: Collection,
  size: number,
  isCounted: boolean,
): Reply {
  const query = call.url.searchParams;
  const skipToken = query.get('$skiptoken');
  const after = skipToken === null ? '' : Buffer.from(skipToken, 'base64url').toString();
  const sorted = [...collection.items].sort((a, b) => (String(a.id) < String(b.id) ? -1 : 1));
  const rest = sorted.filter((item) => String(item.id) > after);
  const value: unknown[] = [];
  for (const item of rest.slice(0, size)) {
    const selected = selectFields(item, query.get('$select'), collection.fields);
    if (selected.kind === 'unknown-field') return selected.reply;
    value.push(selected.item);
  }
  const last = rest[size - 1];
  return graphReply(200, {
    '@odata.context': `${world.graphUrl}/v1.0/$metadata#directoryObjects`,
    ...(isCounted && skipToken === null ? { '@odata.count': sorted.length } : {}),
    ...(rest.length > size && last ? { '@odata.nextLink': nextLink(world, call, String(last.id)) } : {}),
    value,
  });
}

function nextLink(world: GraphWorld, call: GraphCall, lastId: string): string {
  const options = [...call.url.searchParams].filter(([name]) => name !== '$skiptoken');
  options.push(['$skiptoken', Buffer.from(lastId).toString('base64url')]);
  const query = options.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&');
  return `${world.graphUrl}${call.url.pathname}?${query}`;
}
