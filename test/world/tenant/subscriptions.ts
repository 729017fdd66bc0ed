// The subscriptions of the one application of the tenant: what Graph keeps of them, until their time is over. Who
// may make one, and with what, is decided in subscriptions-graph.ts.

import { randomUUID } from 'node:crypto';
import type { Clock } from '../../../lib/clock.ts';

export type SubscriptionRequest = {
  /** As sent, such as `updated,deleted`. */
  readonly changeType: string;
  /** As sent, such as `/groups`. */
  readonly resource: string;
  readonly notificationUrl: string;
  readonly lifecycleNotificationUrl: string | null;
  readonly clientState: string | null;
  readonly expirationDateTime: Date;
};

export type Subscription = SubscriptionRequest & {
  readonly id: string;
  /** Its notifications are lost until it is renewed or reauthorised. */
  readonly isAwaitingReauthorization: boolean;
};

export type Collection = 'groups' | 'users';

export type Subscriptions = ReturnType<typeof createSubscriptions>;

/** No subscriptions yet. What has expired by `clock` is in no list and cannot be found any more. */
export function createSubscriptions(clock: Clock) {
  const kept = new Map<string, Subscription>();

  const isLive = ({ expirationDateTime }: Subscription) => expirationDateTime > clock.now();
  const find = (id: string): Subscription | undefined => {
    const subscription = kept.get(id.toLowerCase());
    return subscription !== undefined && isLive(subscription) ? subscription : undefined;
  };
  const change = (id: string, values: Partial<Omit<Subscription, 'id'>>): Subscription => {
    const changed = { ...requireSubscription(find(id), id), ...values };
    kept.set(changed.id, changed);
    return changed;
  };

  return {
    add(request: SubscriptionRequest): Subscription {
      const subscription = { ...request, id: randomUUID(), isAwaitingReauthorization: false };
      kept.set(subscription.id, subscription);
      return subscription;
    },
    find,
    list: (): readonly Subscription[] => [...kept.values()].filter(isLive),
    /** Renewing also reauthorises.
     *  https://learn.microsoft.com/graph/change-notifications-lifecycle-events#actions-to-take */
    renew: (id: string, expirationDateTime: Date) =>
      change(id, { expirationDateTime, isAwaitingReauthorization: false }),
    reauthorize: (id: string) => change(id, { isAwaitingReauthorization: false }),
    /** Sets any of its values, as somebody else with the application's secret could. Throws an Error for an
     *  unknown id. */
    change,
    remove: (id: string): boolean => find(id) !== undefined && kept.delete(id.toLowerCase()),
  };
}

/** Which collection a subscription watches; undefined for what the tenant does not simulate. */
export function watchedCollection(resource: string): Collection | undefined {
  const name = resource.replace(/^\//, '').toLowerCase();
  return name === 'groups' || name === 'users' ? name : undefined;
}

function requireSubscription(subscription: Subscription | undefined, id: string): Subscription {
  if (subscription === undefined) throw new Error(`There is no subscription ${id}.`);
  return subscription;
}
