// What a change of the tenant looks like in a change notification. It says where something happened; what a reader
// may rely on is documented in part only.
// https://learn.microsoft.com/graph/api/resources/changenotification and …/resources/resourcedata

import type { LoggedChange } from './state.ts';
import { type Collection, type Subscription, watchedCollection } from './subscriptions.ts';

export type Notification = Readonly<Record<string, unknown>>;

type Fact = {
  readonly collection: Collection;
  readonly id: string;
  readonly changeType: 'updated' | 'deleted';
  readonly membersDelta?: readonly Readonly<Record<string, string>>[];
};

const TYPES = { groups: 'Group', users: 'User' } as const;

/** The notification of `change` for `subscription`; undefined when it asked for something else. */
export function findNotification(
  change: LoggedChange,
  subscription: Subscription,
  tenantId: string,
): Notification | undefined {
  const { collection, id, changeType, membersDelta } = describe(change);
  const wanted = subscription.changeType.split(',').map((type) => type.trim());
  if (watchedCollection(subscription.resource) !== collection || !wanted.includes(changeType)) {
    return undefined;
  }
  const type = TYPES[collection];
  const resource = `${type}s/${id}`;
  return {
    subscriptionId: subscription.id,
    clientState: subscription.clientState,
    changeType,
    resource,
    resourceData: {
      '@odata.type': `#Microsoft.Graph.${type}`,
      '@odata.id': resource,
      id,
      organizationId: tenantId,
      ...(membersDelta === undefined ? {} : { 'members@delta': membersDelta }),
    },
    subscriptionExpirationDateTime: subscription.expirationDateTime.toISOString(),
    tenantId,
  };
}

// https://learn.microsoft.com/graph/api/resources/change-notifications-api-overview: creation, restoration and soft
// deletion of users and groups arrive as `updated`, only what is gone for good as `deleted`.
function describe(change: LoggedChange): Fact {
  switch (change.kind) {
    case 'member-added':
      return group(change.groupId, [{ id: change.memberId }]);
    case 'member-removed':
      // A text here, while an answer of a delta query has an object with a reason.
      return group(change.groupId, [{ id: change.memberId, '@removed': 'deleted' }]);
    case 'group-created':
    case 'group-updated':
      return group(change.groupId);
    case 'group-deleted':
      // Security groups have no soft deletion.
      return { collection: 'groups', id: change.groupId, changeType: change.isSoft ? 'updated' : 'deleted' };
    case 'user-created':
    case 'user-updated':
    case 'user-deleted':
      return { collection: 'users', id: change.userId, changeType: 'updated' };
  }
}

function group(id: string, membersDelta?: Fact['membersDelta']): Fact {
  return { collection: 'groups', id, changeType: 'updated', ...(membersDelta ? { membersDelta } : {}) };
}
