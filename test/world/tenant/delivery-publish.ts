// From changes of the tenant to posts: whatever changes the tenant, each logged change becomes one notification for
// each subscription that asked for it.

import type { Deliveries } from './delivery.ts';
import { findNotification, type Notification } from './delivery-notification.ts';
import { type LifecycleEvent, lifecycleNotice } from './lifecycle.ts';
import type { LoggedChange, TenantState } from './state.ts';
import type { Subscription, Subscriptions } from './subscriptions.ts';

/** The functions host takes 1 MB, and a notification has about 500 bytes. */
const MAX_NOTIFICATIONS_IN_POST = 100;

export type Publisher = ReturnType<typeof createPublisher>;

/** Publishes for one tenant. */
export function createPublisher(subscriptions: Subscriptions, deliveries: Deliveries, tenantId: string) {
  let waiting: { readonly url: string; readonly notification: Notification }[] = [];

  // Microsoft gathers what happens together; here, what happens before the caller lets anything else run.
  async function flush(): Promise<void> {
    await Promise.resolve();
    const flushed = waiting;
    waiting = [];
    for (const [url, entries] of Map.groupBy(flushed, (entry) => entry.url)) {
      const all = entries.map(({ notification }) => notification);
      for (let from = 0; from < all.length; from += MAX_NOTIFICATIONS_IN_POST) {
        deliveries.send({ url, value: all.slice(from, from + MAX_NOTIFICATIONS_IN_POST) });
      }
    }
  }

  function required(id: string): Subscription {
    const subscription = subscriptions.find(id);
    if (subscription === undefined) throw new Error(`There is no subscription ${id}.`);
    return subscription;
  }

  function sendLifecycle(id: string, event: LifecycleEvent): void {
    const subscription = required(id);
    const url = subscription.lifecycleNotificationUrl;
    if (url !== null) deliveries.send({ url, value: [lifecycleNotice(subscription, event, tenantId)] });
  }

  return {
    publish(changes: readonly LoggedChange[]): void {
      // One page says that notifications are kept for hours meanwhile, another that they are lost: the worse.
      const listening = subscriptions.list().filter((one) => !one.isAwaitingReauthorization);
      const isIdle = waiting.length === 0;
      for (const change of changes) {
        for (const subscription of listening) {
          const notification = findNotification(change, subscription, tenantId);
          if (notification !== undefined) waiting.push({ url: subscription.notificationUrl, notification });
        }
      }
      if (isIdle && waiting.length > 0) deliveries.track(flush());
    },
    /** Sends a lifecycle notice, if the subscription has an address for it; changes nothing else. Throws an Error
     *  for an unknown id. */
    sendLifecycle,
    /** From now on its notifications are lost until it is renewed or reauthorised, and it is told so. */
    requestReauthorization(id: string): void {
      subscriptions.change(id, { isAwaitingReauthorization: true });
      sendLifecycle(id, 'reauthorizationRequired');
    },
  };
}

/** `tenant`, with `onChange` told of every change as soon as the call that made it has ended, whoever called. */
export function observeChanges(
  tenant: TenantState,
  onChange: (changes: readonly LoggedChange[]) => void,
): TenantState {
  let publishedTo = tenant.lastSequence();
  const tell = () => {
    const changes = tenant.listChanges(publishedTo);
    publishedTo = tenant.lastSequence();
    if (changes.length > 0) onChange(changes);
  };
  const observed = Object.entries(tenant).map(([name, value]: [string, unknown]) => {
    if (typeof value !== 'function') return [name, value];
    const call = (...values: unknown[]): unknown => {
      try {
        return value.apply(tenant, values);
      } finally {
        if (tenant.lastSequence() > publishedTo) tell();
      }
    };
    return [name, call];
  });
  return Object.fromEntries(observed) as TenantState;
}
