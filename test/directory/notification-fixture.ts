// Notifications as Microsoft Graph sends them, with good defaults.

import { Secret } from '../../lib/secret.ts';

export const CLIENT_STATE = 'client-state-of-the-tests-0123456789abcdef';
export const clientStates = [new Secret(CLIENT_STATE)];

/** A GUID that ends in `n`. */
export const guid = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;

export type NotificationItem = Readonly<Record<string, unknown>>;

/** A group whose membership changed; `removed` are the people it names as gone. */
export function groupNotification(
  groupId: string,
  { removed = [], ...changes }: { readonly removed?: readonly string[] } & NotificationItem = {},
): NotificationItem {
  return {
    subscriptionId: guid(9_001),
    clientState: CLIENT_STATE,
    changeType: 'updated',
    resource: `Groups/${groupId}`,
    subscriptionExpirationDateTime: '2026-12-20T18:23:45.9356913Z',
    tenantId: guid(9_000),
    resourceData: {
      '@odata.type': '#Microsoft.Graph.Group',
      '@odata.id': `Groups/${groupId}`,
      id: groupId,
      organizationId: guid(9_000),
      ...(removed.length === 0
        ? {}
        : { 'members@delta': removed.map((id) => ({ id, '@removed': 'deleted' })) }),
    },
    ...changes,
  };
}

export function userNotification(userId: string, changes: NotificationItem = {}): NotificationItem {
  return {
    ...groupNotification(userId),
    resource: `Users/${userId}`,
    resourceData: { '@odata.type': '#Microsoft.Graph.User', '@odata.id': `Users/${userId}`, id: userId },
    ...changes,
  };
}

export function lifecycleNotification(
  subscriptionId: string,
  changes: NotificationItem = {},
): NotificationItem {
  return {
    subscriptionId,
    subscriptionExpirationDateTime: '2026-12-20T18:23:45.9356913Z',
    tenantId: guid(9_000),
    clientState: CLIENT_STATE,
    lifecycleEvent: 'reauthorizationRequired',
    ...changes,
  };
}

export const postOf = (...items: readonly unknown[]) => JSON.stringify({ value: items });
