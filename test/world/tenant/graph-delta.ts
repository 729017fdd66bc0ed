// Delta queries on groups and users: which round and page a request asks for, and the links that lead on. What is in
// a round is in graph-delta-items.ts.
// https://learn.microsoft.com/graph/delta-query-overview, …/api/group-delta, …/api/user-delta

import type { SpoilableReply } from './fault-effects.ts';
import type { GraphCall, GraphWorld } from './graph.ts';
import { addFaults, findRefusal, syncStateNotFound } from './graph-delta-faults.ts';
import { namesOf, planPages } from './graph-delta-items.ts';
import { type DeltaToken, decodeToken, encodeToken, type Round } from './graph-delta-token.ts';
import { GROUP_FIELDS, selectFields, USER_FIELDS } from './graph-fields.ts';
import { graphError, graphReply, notSimulated, type Reply } from './reply.ts';

export type DeltaCollection = Round['collection'];

/** What Graph is documented, or known, to do now and then; off unless a test turns it on. */
export type DeltaQuirks = {
  /** An empty page with a nextLink comes before the others. */
  hasEmptyPages: boolean;
  /** What the round before reported comes again. */
  isReplaying: boolean;
  /** The newest changes are not reported yet; the next round reports them. */
  lagCount: number;
  /** Lists of direct members are as they were so many changes of the group ago: another replica answers. */
  staleCount: number;
};

const KNOWN_OPTIONS: ReadonlySet<string> = new Set(['$select', '$deltatoken', '$skiptoken']);
// https://learn.microsoft.com/graph/delta-query-overview#optional-query-parameters
const REFUSED_OPTIONS: ReadonlySet<string> = new Set(['$top', '$expand', '$orderby']);
const TOKEN_LIFETIME_MS = 7 * 24 * 60 * 60 * 1000;
/** A link taken by `$deltatoken=latest` had no round before it; so many changes are what a replay repeats. */
const REPLAYED_COUNT = 5;

/** One page of a round; without faults, and how it would be under them. */
export function answerDelta(world: GraphWorld, call: GraphCall, collection: DeltaCollection): SpoilableReply {
  const refusal = checkOptions(call, collection);
  if (refusal !== undefined) return refusal;
  const answer = (quirks: DeltaQuirks) => answerPage(world, call, collection, quirks);
  return {
    ...answer(addFaults(world.quirks, [])),
    underFaults: (faults) =>
      findRefusal(faults, startAddress(world, call, collection)) ?? answer(addFaults(world.quirks, faults)),
  };
}

function checkOptions({ url }: GraphCall, collection: DeltaCollection): Reply | undefined {
  const query = url.searchParams;
  const unknown = [...query.keys()].find((name) => !KNOWN_OPTIONS.has(name));
  if (unknown !== undefined) {
    return REFUSED_OPTIONS.has(unknown)
      ? graphError(400, 'Request_UnsupportedQuery', `The query option '${unknown}' is not supported.`)
      : notSimulated(`the query option ${unknown} of a delta`);
  }
  const select = query.get('$select');
  if (select === null) return undefined;
  const known = collection === 'groups' ? [...GROUP_FIELDS, 'members'] : USER_FIELDS;
  const selected = selectFields({}, select, known);
  return selected.kind === 'unknown-field' ? selected.reply : undefined;
}

function answerPage(
  world: GraphWorld,
  { url }: GraphCall,
  collection: DeltaCollection,
  quirks: DeltaQuirks,
): Reply {
  const skipToken = url.searchParams.get('$skiptoken');
  const deltaToken = url.searchParams.get('$deltatoken');
  const newest = Math.max(0, world.tenant.lastSequence() - quirks.lagCount);
  if (skipToken !== null) {
    const token = decodeToken(skipToken);
    return isGood(world, token, 'page', collection)
      ? pageOf(world, token.round, token.page)
      : syncStateNotFound();
  }
  const begin = (round: Round) =>
    quirks.hasEmptyPages ? reply(world, [], nextLink(world, round, 0)) : pageOf(world, round, 0);
  // An empty token starts anew, as the Location of a 410 has it.
  if (deltaToken === null || deltaToken === '' || deltaToken === 'latest') {
    const isLatest = deltaToken === 'latest';
    const from = isLatest ? newest : null;
    const previousFrom = isLatest ? Math.max(0, newest - REPLAYED_COUNT) : null;
    const select = url.searchParams.get('$select') ?? '';
    return begin({ collection, select, from, to: newest, previousFrom, isReplaying: false });
  }
  const token = decodeToken(deltaToken);
  if (!isGood(world, token, 'round', collection)) return syncStateNotFound();
  const { round } = token;
  return begin({
    ...round,
    from: round.to,
    to: Math.max(newest, round.to),
    // A quiet round has nothing to repeat; the one before it may.
    previousFrom: round.from === round.to ? round.previousFrom : round.from,
    isReplaying: quirks.isReplaying,
  });
}

function isGood(
  world: GraphWorld,
  token: DeltaToken | undefined,
  kind: DeltaToken['kind'],
  collection: DeltaCollection,
): token is DeltaToken {
  return (
    token?.kind === kind &&
    token.round.collection === collection &&
    nowMs(world) - token.issuedAtMs <= TOKEN_LIFETIME_MS
  );
}

function pageOf(world: GraphWorld, round: Round, page: number): Reply {
  const pages = planPages(world.tenant, round, world.pageSize);
  const isLast = page + 1 >= pages.length;
  const deltaLink = () => ({
    '@odata.deltaLink': link(world, '$deltatoken', { kind: 'round', round, page: 0 }),
  });
  return reply(world, pages[page] ?? [], isLast ? deltaLink() : nextLink(world, round, page + 1));
}

function nextLink(world: GraphWorld, round: Round, page: number) {
  return { '@odata.nextLink': link(world, '$skiptoken', { kind: 'page', round, page }) };
}

function link(world: GraphWorld, option: string, token: Omit<DeltaToken, 'issuedAtMs'>): string {
  const text = encodeToken({ ...token, issuedAtMs: nowMs(world) });
  return `${world.graphUrl}/v1.0/${token.round.collection}/delta?${option}=${text}`;
}

function reply(world: GraphWorld, value: readonly unknown[], links: Readonly<Record<string, string>>): Reply {
  return graphReply(200, {
    '@odata.context': `${world.graphUrl}/v1.0/$metadata#directoryObjects`,
    ...links,
    value,
  });
}

function startAddress(world: GraphWorld, { url }: GraphCall, collection: DeltaCollection): string {
  const given = url.searchParams.get('$skiptoken') ?? url.searchParams.get('$deltatoken') ?? '';
  const select = decodeToken(given)?.round.select ?? url.searchParams.get('$select') ?? '';
  const names = select === '' ? '' : `$select=${namesOf(select).join(',')}&`;
  return `${world.graphUrl}/v1.0/${collection}/delta?${names}$deltatoken=`;
}

function nowMs({ clock }: GraphWorld): number {
  return clock?.now().getTime() ?? 0;
}
