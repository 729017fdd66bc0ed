// Delta queries on groups and users, derived from the tenant's log of changes.
// https://learn.microsoft.com/graph/delta-query-overview, …/api/group-delta, …/api/user-delta

import type { GraphCall, GraphWorld } from './graph.ts';
import { type DeltaToken, decodeToken, encodeToken } from './graph-delta-token.ts';
import { GROUP_FIELDS, selectFields, USER_FIELDS } from './graph-fields.ts';
import { graphError, graphReply, type Reply } from './reply.ts';
import type { LoggedChange } from './state.ts';

export type DeltaCollection = 'groups' | 'users';

/** What Graph is documented, or known, to do now and then; off unless a test turns it on. */
export type DeltaQuirks = {
  /** An empty page with a nextLink comes before the others. */
  hasEmptyPages: boolean;
  /** What the round before reported comes again. */
  isReplaying: boolean;
  /** The newest changes are not reported yet; the next round reports them. */
  lagCount: number;
  /** Lists of members are as they were so many changes ago: another replica answers. */
  staleCount: number;
};

type Item = Readonly<Record<string, unknown>>;

const KNOWN_OPTIONS: ReadonlySet<string> = new Set(['$select', '$deltatoken', '$skiptoken']);
const TOKEN_LIFETIME_MS = 7 * 24 * 60 * 60 * 1000;
/** Members of one group on a page; more of them repeat the group on the next. */
const MEMBERS_PER_ITEM = 20;

export function answerDelta(world: GraphWorld, call: GraphCall, collection: DeltaCollection): Reply {
  const query = call.url.searchParams;
  const unsupported = [...query.keys()].find((name) => !KNOWN_OPTIONS.has(name));
  if (unsupported !== undefined) {
    return graphError(400, 'Request_UnsupportedQuery', `The query option '${unsupported}' is not supported.`);
  }
  const newest = Math.max(0, world.tenant.lastSequence() - (world.quirks?.lagCount ?? 0));
  const now = world.clock?.now().getTime() ?? 0;
  const given = query.get('$skiptoken') ?? query.get('$deltatoken');
  const select = query.get('$select') ?? '';
  if (given === null || given === 'latest') {
    const from = given === 'latest' ? newest : null;
    return page(world, { collection, select, from, to: newest, offset: 0, issuedAtMs: now });
  }
  const token = decodeToken(given);
  if (token?.collection !== collection || now - token.issuedAtMs > TOKEN_LIFETIME_MS) {
    // https://learn.microsoft.com/graph/delta-query-overview#token-duration
    return graphError(
      400,
      'syncStateNotFound',
      'The sync state generation is not found; a full sync is required.',
    );
  }
  const isNextPage = query.has('$skiptoken');
  return page(world, isNextPage ? token : { ...token, to: Math.max(newest, token.from ?? 0), offset: 0 });
}

function page(world: GraphWorld, token: DeltaToken): Reply {
  const { collection, to, offset } = token;
  const all = [...(world.quirks?.hasEmptyPages ? [null] : []), ...itemsOf(world, token)];
  // An empty page is a page of its own.
  const size = all[offset] === null ? 1 : world.pageSize;
  const value = all.slice(offset, offset + size).filter((item) => item !== null);
  const isLast = offset + size >= all.length;
  const link = (name: string, values: DeltaToken) =>
    `${world.graphUrl}/v1.0/${collection}/delta?${name}=${encodeToken(values)}`;
  const now = world.clock?.now().getTime() ?? 0;
  return graphReply(200, {
    '@odata.context': `${world.graphUrl}/v1.0/$metadata#${collection}`,
    ...(isLast
      ? { '@odata.deltaLink': link('$deltatoken', { ...token, from: to, offset: 0, issuedAtMs: now }) }
      : { '@odata.nextLink': link('$skiptoken', { ...token, offset: offset + size }) }),
    value,
  });
}

function itemsOf(world: GraphWorld, token: DeltaToken): Item[] {
  const { collection, from, to } = token;
  if (from === null) return firstRound(world, token);
  const replayFrom = world.quirks?.isReplaying ? Math.max(0, from - 5) : from;
  const changes = world.tenant.listChanges(replayFrom).filter((change) => change.sequence <= to);
  return collection === 'groups' ? groupItems(world, token, changes) : userItems(world, token, changes);
}

function firstRound(world: GraphWorld, { collection, select }: DeltaToken): Item[] {
  const { tenant } = world;
  if (collection === 'users') return tenant.listUsers().map((user) => selected(user, select, USER_FIELDS));
  return tenant.listGroups().flatMap((group) => {
    const members = group.memberIds.map((id) => memberItem(world, id, false));
    // An empty group has no members@delta.
    return withMembers(selected(group, select, GROUP_FIELDS), hasMembers(select) ? members : []);
  });
}

function userItems({ tenant }: GraphWorld, { select }: DeltaToken, changes: readonly LoggedChange[]): Item[] {
  const wanted = select.split(',');
  const ids = changes.flatMap((change) => {
    if (!('userId' in change)) return [];
    const isRelevant =
      change.kind !== 'user-updated' || change.properties.some((name) => wanted.includes(name));
    return isRelevant ? [change.userId] : [];
  });
  return [...new Set(ids)].map((id) => {
    const user = tenant.findUser(id);
    // Restorable for 30 days: `changed` and not `deleted`.
    return user ? selected(user, select, USER_FIELDS) : { id, '@removed': { reason: 'changed' } };
  });
}

function groupItems(world: GraphWorld, { select }: DeltaToken, changes: readonly LoggedChange[]): Item[] {
  const { tenant } = world;
  const wanted = select.split(',');
  const ids = changes.flatMap((change) => {
    if (!('groupId' in change)) return [];
    if (change.kind === 'group-updated')
      return change.properties.some((name) => wanted.includes(name)) ? [change.groupId] : [];
    const isMemberChange = change.kind === 'member-added' || change.kind === 'member-removed';
    return isMemberChange && !hasMembers(select) ? [] : [change.groupId];
  });
  return [...new Set(ids)].flatMap((id) => {
    const group = tenant.findGroup(id);
    if (group === undefined) return [{ id, '@removed': { reason: 'deleted' } }];
    const memberIds = changes.flatMap((change) =>
      (change.kind === 'member-added' || change.kind === 'member-removed') && change.groupId === id
        ? [change.memberId]
        : [],
    );
    const members = [...new Set(memberIds)].map((memberId) =>
      memberItem(world, memberId, !group.memberIds.includes(memberId)),
    );
    return withMembers(selected(group, select, GROUP_FIELDS), members);
  });
}

/** The item as often as its members need, the same group each time. */
function withMembers(item: Item, members: readonly Item[]): Item[] {
  if (members.length === 0) return [item];
  const parts = Math.ceil(members.length / MEMBERS_PER_ITEM);
  return Array.from({ length: parts }, (_, part) => ({
    ...item,
    'members@delta': members.slice(part * MEMBERS_PER_ITEM, (part + 1) * MEMBERS_PER_ITEM),
  }));
}

function memberItem({ tenant }: GraphWorld, id: string, isRemoved: boolean): Item {
  const type = tenant.findGroup(id) ? 'group' : 'user';
  // An object here, while a notification has a text.
  return {
    '@odata.type': `#microsoft.graph.${type}`,
    id,
    ...(isRemoved ? { '@removed': { reason: 'deleted' } } : {}),
  };
}

function hasMembers(select: string): boolean {
  return select.split(',').includes('members');
}

function selected(item: Item, select: string, fields: readonly string[]): Item {
  const names = select.split(',').filter((name) => name !== 'members' && name !== '');
  const { memberIds: _, ...plain } = item;
  const outcome = selectFields(plain, names.length === 0 ? null : ['id', ...names].join(','), fields);
  return outcome.kind === 'selected' ? outcome.item : { id: item.id };
}
