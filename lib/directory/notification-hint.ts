// Where one notification of Microsoft Graph points. The form of its resourceData is documented in part only, so it
// is read leniently; nothing is decided from it, and what is not understood gives no hint.

import * as z from 'zod';
import { isGuid } from '../ids.ts';

export type NotificationHint = {
  /** `groups/<id>`, `users/<id>` or `subscriptions/<id>`, ids in lower case. */
  readonly resource: string;
  /** People whom the notification names as removed from the group, once each. */
  readonly userIds: readonly string[];
};

/** Of one group; the group itself is read again anyway, these are only looked at first. */
export const MAX_NAMED_USERS = 20;

const guid = z.string().refine(isGuid).toLowerCase();
const lifecycleSchema = z.object({ lifecycleEvent: z.string(), subscriptionId: guid });
const changeSchema = z.object({
  resource: z.string().optional().catch(undefined),
  resourceData: z.unknown().optional(),
});
const resourceDataSchema = z.object({
  '@odata.type': z.string().optional().catch(undefined),
  id: guid.optional().catch(undefined),
  'members@delta': z.array(z.unknown()).catch([]),
});
// A string in notifications, an object with a reason in answers of delta queries.
const removedMemberSchema = z.object({
  id: guid,
  '@removed': z.union([z.string(), z.object({})]),
});

/** `#microsoft.graph.group`, in any case. */
const TYPE = /^#?microsoft\.graph\.(group|user)$/i;
/** `Groups/<id>` or `groups('<id>')`, perhaps with a relation such as `/members`. */
const RESOURCE = /^\/?(groups|users)(?:\/|\(')([0-9a-f-]{36})(?:'\))?(?:\/[a-z]+)?$/i;

/** The hint in one notification whose clientState was checked; undefined when its form is unknown. Never throws.
 *  https://learn.microsoft.com/graph/api/resources/changenotification and …/graph/change-notifications-lifecycle-events */
export function findHint(item: object): NotificationHint | undefined {
  if (Object.hasOwn(item, 'lifecycleEvent')) {
    const lifecycle = lifecycleSchema.safeParse(item);
    if (!lifecycle.success) return undefined;
    return { resource: `subscriptions/${lifecycle.data.subscriptionId}`, userIds: [] };
  }
  const change = changeSchema.safeParse(item).data;
  const content = resourceDataSchema.safeParse(change?.resourceData).data;
  const [, type] = TYPE.exec(content?.['@odata.type'] ?? '') ?? [];
  const resource =
    type !== undefined && content?.id !== undefined
      ? `${type.toLowerCase()}s/${content.id}`
      : parseResource(change?.resource ?? '');
  if (resource === undefined) return undefined;
  const isGroup = resource.startsWith('groups/');
  return { resource, userIds: isGroup ? removedMembers(content?.['members@delta'] ?? []) : [] };
}

function parseResource(text: string): string | undefined {
  const [, collection = '', id = ''] = RESOURCE.exec(text) ?? [];
  return isGuid(id) ? `${collection}/${id}`.toLowerCase() : undefined;
}

function removedMembers(members: readonly unknown[]): string[] {
  const ids = new Set<string>();
  for (const member of members) {
    const removed = removedMemberSchema.safeParse(member);
    if (removed.success) ids.add(removed.data.id);
    if (ids.size === MAX_NAMED_USERS) break;
  }
  return [...ids];
}
