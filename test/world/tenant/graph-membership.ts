// Whether a person is in some groups, transitively, asked from the person's side.
// https://learn.microsoft.com/graph/api/directoryobject-checkmembergroups

import * as z from 'zod';
import type { GraphCall, GraphWorld } from './graph.ts';
import { graphError, graphReply, type Reply } from './reply.ts';

const GROUP_LIMIT = 20;
const body = z.object({ groupIds: z.array(z.guid()).min(1).max(GROUP_LIMIT) });

/** The caller has found the user. */
export function answerCheckMemberGroups(
  { tenant, graphUrl }: GraphWorld,
  call: GraphCall,
  userId: string,
): Reply {
  const asked = body.safeParse(call.content);
  if (!asked.success) {
    return graphError(400, 'Request_BadRequest', `groupIds must hold 1 to ${GROUP_LIMIT} ids.`);
  }
  const isIn = (groupId: string) =>
    tenant.findGroup(groupId) !== undefined && tenant.listTransitiveMemberIds(groupId).includes(userId);
  return graphReply(200, {
    '@odata.context': `${graphUrl}/v1.0/$metadata#Collection(Edm.String)`,
    value: asked.data.groupIds.map((id) => id.toLowerCase()).filter(isIn),
  });
}
