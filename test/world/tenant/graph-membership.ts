// Who is in a group, asked from the group's side, where a replica may lag, and from the person's, where it is
// answered as things are. https://learn.microsoft.com/graph/api/directoryobject-checkmembergroups

import * as z from 'zod';
import type { Fault } from './faults.ts';
import type { GraphCall, GraphWorld } from './graph.ts';
import { graphError, graphReply, type Reply } from './reply.ts';
import type { TenantGroup, TenantState } from './state.ts';

const GROUP_LIMIT = 20;
const body = z.object({ groupIds: z.array(z.guid()).min(1).max(GROUP_LIMIT) });

/** The caller has found the user. Groups that do not exist hold nobody; one malformed id fails the whole question. */
export function answerCheckMemberGroups(
  { tenant, graphUrl }: GraphWorld,
  call: GraphCall,
  userId: string,
): Reply {
  const asked = body.safeParse(call.content);
  if (!asked.success) {
    return graphError(400, 'Request_BadRequest', `groupIds must hold 1 to ${GROUP_LIMIT} ids.`);
  }
  const groupIds = new Set(asked.data.groupIds.map((id) => id.toLowerCase()));
  const isIn = (groupId: string) =>
    tenant.findGroup(groupId) !== undefined && tenant.listTransitiveMemberIds(groupId).includes(userId);
  return graphReply(200, {
    '@odata.context': `${graphUrl}/v1.0/$metadata#Collection(Edm.String)`,
    value: [...groupIds].filter(isIn),
  });
}

/** Direct members as they are, or as they were `staleCount` changes of this group's members ago: a replica that lags
 *  behind. What has been deleted since is in no list. */
export function directMemberIds(
  tenant: TenantState,
  group: TenantGroup,
  staleCount: number,
): readonly string[] {
  if (staleCount === 0) return group.memberIds;
  const ids = new Set(group.memberIds);
  const changes = tenant
    .listChanges()
    .filter((change) => 'memberId' in change)
    .filter((change) => change.groupId === group.id);
  for (const { kind, memberId } of changes.slice(-staleCount).toReversed()) {
    if (kind === 'member-added') ids.delete(memberId);
    else ids.add(memberId);
  }
  return [...ids];
}

/** By how many changes of the group these faults let its members lag, if any does. */
export function staleCountOf(faults: readonly Fault[]): number | undefined {
  return faults.find((fault) => fault.kind === 'stale-members')?.changeCount;
}
