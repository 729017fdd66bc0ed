// What Microsoft tells a subscriber of the subscription itself, at the address given for that when it was made.
// https://learn.microsoft.com/graph/change-notifications-lifecycle-events

import type { Notification } from './delivery-notification.ts';
import type { Subscription } from './subscriptions.ts';

/** For users and groups only the first arrives; the others belong to Outlook and Teams. */
export const LIFECYCLE_EVENTS = ['reauthorizationRequired', 'subscriptionRemoved', 'missed'] as const;

export type LifecycleEvent = (typeof LIFECYCLE_EVENTS)[number];

/** The notice of `event` for `subscription`. */
export function lifecycleNotice(
  subscription: Subscription,
  event: LifecycleEvent,
  tenantId: string,
): Notification {
  return {
    subscriptionId: subscription.id,
    subscriptionExpirationDateTime: subscription.expirationDateTime.toISOString(),
    tenantId,
    clientState: subscription.clientState,
    lifecycleEvent: event,
    organizationId: tenantId,
  };
}
