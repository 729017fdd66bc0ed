// The read endpoints of Microsoft Graph v1.0 that the control plane uses, over the tenant's state. Follows the
// vendor's pages; what they do not cover here answers 501 instead of guessing.

import type { Clock } from '../../../lib/clock.ts';
import type { SpoilableReply } from './fault-effects.ts';
import { answerDelta, type DeltaQuirks } from './graph-delta.ts';
import { asGroup, GROUP_FIELDS, hideFields, selectFields, USER_FIELDS } from './graph-fields.ts';
import { answerList } from './graph-list.ts';
import { answerCheckMemberGroups, directMemberIds, staleCountOf } from './graph-membership.ts';
import { graphError, graphReply, notSimulated, type Reply } from './reply.ts';
import type { TenantState } from './state.ts';

/** Group.Read.All is for subscriptions on groups only. */
export type Permission = 'GroupMember.Read.All' | 'User.Read.All' | 'Group.Read.All';

export type GraphWorld = {
  readonly tenant: TenantState;
  readonly graphUrl: string;
  readonly pageSize: number;
  readonly permissions: Set<Permission>;
  /** Delta tokens grow old by it. */
  readonly clock?: Clock;
  /** What goes on until it is turned off; what strikes single requests is in faults.ts. */
  readonly quirks?: DeltaQuirks;
};

/** One request below /v1.0, whether it came alone or inside a batch; header names in lower case. */
export type GraphCall = {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** The parsed JSON body. */
  readonly content?: unknown;
};

const CAST_TO_USER = 'microsoft.graph.user';
const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Graph's answer to one authorised call. */
export function answerGraph(world: GraphWorld, call: GraphCall): SpoilableReply {
  const [, , collection, id, relation, cast, ...rest] = call.url.pathname.split('/').map(decodeURIComponent);
  if (rest.length > 0) return notSimulated(call.url.pathname);
  const isQuestion = collection === 'users' && relation === 'checkMemberGroups';
  if (call.method !== (isQuestion ? 'POST' : 'GET')) {
    return notSimulated(`${call.method} ${call.url.pathname}`);
  }
  if (collection === 'users') return answerUsers(world, call, id, relation);
  if (collection !== 'groups') return notSimulated(call.url.pathname);
  if (!world.permissions.has('GroupMember.Read.All')) return denied();
  if (isDelta(id) && relation === undefined) return answerDelta(world, call, 'groups');
  if (id === undefined) {
    return answerList(world, call, { items: world.tenant.listGroups().map(asGroup), fields: GROUP_FIELDS });
  }
  if (!GUID.test(id)) return graphError(400, 'Request_BadRequest', `Invalid object identifier '${id}'.`);
  const group = world.tenant.findGroup(id.toLowerCase());
  if (group === undefined) return notFound(id);
  if (relation === undefined) return answerOne(call, asGroup(group), GROUP_FIELDS);
  if (relation !== 'members' && relation !== 'transitiveMembers') return notSimulated(relation);
  if (cast !== undefined && cast !== CAST_TO_USER) return notSimulated(cast);
  const isCast = cast !== undefined;
  if (relation === 'transitiveMembers') {
    return answerMembers(world, call, world.tenant.listTransitiveMemberIds(group.id), isCast);
  }
  const answer = (count = 0) =>
    answerMembers(world, call, directMemberIds(world.tenant, group, count), isCast);
  const staleCount = world.quirks?.staleCount;
  return { ...answer(staleCount), underFaults: (faults) => answer(staleCountOf(faults) ?? staleCount) };
}

/** `delta` is short for the qualified name. https://learn.microsoft.com/graph/delta-query-groups */
function isDelta(id: string | undefined): boolean {
  return id === 'delta' || id === 'microsoft.graph.delta';
}

function answerMembers(world: GraphWorld, call: GraphCall, ids: readonly string[], isCast: boolean): Reply {
  const mayReadUsers = world.permissions.has('User.Read.All');
  const users = ids
    .map((id) => world.tenant.findUser(id))
    .filter((user) => user !== undefined)
    .map((user) => ({ '@odata.type': '#microsoft.graph.user', ...user }));
  const groups = ids
    .map((id) => world.tenant.findGroup(id))
    .filter((group) => group !== undefined)
    .map((group) => ({ '@odata.type': '#microsoft.graph.group', ...asGroup(group) }));
  return answerList(world, call, {
    items: [
      // Without the right for a member type its members are listed with their ids alone.
      ...(mayReadUsers ? users : users.map(hideFields)),
      ...(isCast ? [] : groups),
    ],
    fields: isCast ? USER_FIELDS : [...USER_FIELDS, ...GROUP_FIELDS],
    // https://learn.microsoft.com/graph/api/group-list-transitivemembers: a cast is an advanced query.
    isAdvanced: isCast,
  });
}

function answerUsers(
  world: GraphWorld,
  call: GraphCall,
  id: string | undefined,
  relation: string | undefined,
): SpoilableReply {
  if (!world.permissions.has('User.Read.All')) return denied();
  if (isDelta(id) && relation === undefined) return answerDelta(world, call, 'users');
  if (id === undefined)
    return answerList(world, call, { items: world.tenant.listUsers(), fields: USER_FIELDS });
  const user = world.tenant.findUser(id.toLowerCase());
  if (user === undefined) return notFound(id);
  if (relation === undefined) return answerOne(call, user, USER_FIELDS);
  if (relation !== 'checkMemberGroups') return notSimulated(relation);
  // https://learn.microsoft.com/graph/api/user-checkmembergroups#permissions asks for both.
  return world.permissions.has('GroupMember.Read.All')
    ? answerCheckMemberGroups(world, call, user.id)
    : denied();
}

function answerOne(
  call: GraphCall,
  item: Readonly<Record<string, unknown>>,
  fields: readonly string[],
): Reply {
  const selected = selectFields(item, call.url.searchParams.get('$select'), fields);
  return selected.kind === 'unknown-field' ? selected.reply : graphReply(200, selected.item);
}

function denied(): Reply {
  return graphError(403, 'Authorization_RequestDenied', 'Insufficient privileges to complete the operation.');
}

function notFound(id: string): Reply {
  return graphError(
    404,
    'Request_ResourceNotFound',
    `Resource '${id}' does not exist or one of its queried reference-property objects are not present.`,
  );
}
