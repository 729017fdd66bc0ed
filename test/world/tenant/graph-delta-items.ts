// What a round of a delta reports: objects that changed, as they were at the round's end. Only the tenant's log and
// its history are read, so the same round gives the same items whenever it is asked for.
// https://learn.microsoft.com/graph/delta-query-overview#resource-representation-in-the-delta-query-response

import type { Round } from './graph-delta-token.ts';
import { asGroup, GROUP_FIELDS, type GraphItem, selectFields, USER_FIELDS } from './graph-fields.ts';
import type { LoggedChange, TenantState } from './state.ts';

type Span = Pick<Round, 'select' | 'from' | 'to'>;

/** The pages of `round`, at least one; `pageSize` counts objects, or members where an object has several. */
export function planPages(tenant: TenantState, round: Round, pageSize: number): GraphItem[][] {
  const pages: GraphItem[][] = [[]];
  let weight = 0;
  for (const item of itemsOf(tenant, round).flatMap((whole) => splitMembers(whole, pageSize))) {
    const itemWeight = Math.max(1, membersOf(item).length);
    if (weight > 0 && weight + itemWeight > pageSize) {
      pages.push([]);
      weight = 0;
    }
    pages.at(-1)?.push(item);
    weight += itemWeight;
  }
  return pages;
}

function itemsOf(tenant: TenantState, round: Round): GraphItem[] {
  const { collection, from, previousFrom } = round;
  const between = collection === 'groups' ? groupItems : userItems;
  const replayed =
    round.isReplaying && from !== null ? between(tenant, { ...round, from: previousFrom, to: from }) : [];
  return [...replayed, ...between(tenant, round)];
}

function userItems(tenant: TenantState, span: Span): GraphItem[] {
  const { select, from, to } = span;
  const show = (user: GraphItem) => selectProperties(user, select, USER_FIELDS);
  if (from === null) return tenant.listUsersAt(to).map(show);
  const ids = changesIn(tenant, from, to).flatMap((change) =>
    'userId' in change && isSelected(change, select) ? [change.userId] : [],
  );
  return [...new Set(ids)].map((id) => {
    const user = tenant.findUserAt(id, to);
    // Soft-deleted and restorable: `changed`. Only what is gone for good is `deleted`.
    return user ? show(user) : { id, '@removed': { reason: 'changed' } };
  });
}

function groupItems(tenant: TenantState, span: Span): GraphItem[] {
  const { select, from, to } = span;
  const tracksMembers = isTrackingMembers(select);
  const memberItem = (id: string, isRemoved: boolean): GraphItem => ({
    '@odata.type': `#microsoft.graph.${tenant.isGroupId(id) ? 'group' : 'user'}`,
    id,
    // An object here, while a notification has a text.
    ...(isRemoved ? { '@removed': { reason: 'deleted' } } : {}),
  });
  if (from === null) {
    return tenant.listGroupsAt(to).map((group) => {
      const members = tracksMembers ? group.memberIds.map((id) => memberItem(id, false)) : [];
      return withMembers(selectProperties(asGroup(group), select, GROUP_FIELDS), members);
    });
  }
  const byGroup = Map.groupBy(
    changesIn(tenant, from, to).filter((change) => 'groupId' in change && isSelected(change, select)),
    (change) => ('groupId' in change ? change.groupId : ''),
  );
  return [...byGroup].map(([id, changes]) => {
    const group = tenant.findGroupAt(id, to);
    if (group === undefined)
      return { id, '@removed': { reason: isSoftDeleted(changes) ? 'changed' : 'deleted' } };
    const present = new Set(group.memberIds);
    // A group that was away in between comes back without those of its members that are gone.
    const isBack = changes.some((change) => change.kind === 'group-created' || 'isRestored' in change);
    const earlier = isBack && tracksMembers ? (tenant.findGroupAt(id, from)?.memberIds ?? []) : [];
    const logged = changes.flatMap((change) => ('memberId' in change ? [change.memberId] : []));
    const changed = new Set([...earlier, ...logged]);
    const members = [...changed].map((memberId) => memberItem(memberId, !present.has(memberId)));
    return withMembers(selectProperties(asGroup(group), select, GROUP_FIELDS), members);
  });
}

function changesIn(tenant: TenantState, from: number, to: number): readonly LoggedChange[] {
  return tenant.listChanges(from).filter((change) => change.sequence <= to);
}

/** Whether a link that tracks `select` reports it. Without $select every property is tracked, but no members. */
function isSelected(change: LoggedChange, select: string): boolean {
  if ('memberId' in change) return isTrackingMembers(select);
  if (!('properties' in change) || change.isRestored || select === '') return true;
  return change.properties.some((name) => namesOf(select).includes(name));
}

function isSoftDeleted(changes: readonly LoggedChange[]): boolean {
  return changes.findLast((change) => change.kind === 'group-deleted')?.isSoft === true;
}

function isTrackingMembers(select: string): boolean {
  return namesOf(select).includes('members');
}

export function namesOf(select: string): string[] {
  return select.split(',').map((name) => name.trim());
}

/** The id is always there. */
function selectProperties(item: GraphItem, select: string, known: readonly string[]): GraphItem {
  const names = namesOf(select).filter((name) => name !== 'members');
  const outcome = selectFields(item, select === '' ? null : ['id', ...names].join(','), known);
  return outcome.kind === 'selected' ? outcome.item : { id: item.id };
}

/** A group without members, or without change of them, has no members@delta. */
function withMembers(item: GraphItem, members: readonly GraphItem[]): GraphItem {
  return members.length === 0 ? item : { ...item, 'members@delta': members };
}

/** The same group again and again, as often as its members need.
 *  https://learn.microsoft.com/graph/delta-query-groups#paging-through-members-in-a-large-group */
function splitMembers(item: GraphItem, size: number): GraphItem[] {
  const members = membersOf(item);
  if (members.length <= size) return [item];
  return Array.from({ length: Math.ceil(members.length / size) }, (_, part) =>
    withMembers(item, members.slice(part * size, (part + 1) * size)),
  );
}

function membersOf(item: GraphItem): readonly GraphItem[] {
  return (item['members@delta'] ?? []) as readonly GraphItem[];
}
