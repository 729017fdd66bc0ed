// Which subscriptions to make, renew and delete, so that there is exactly one of ours on groups and one on users. Pure.
// A new one is made before an old one is deleted, so that nothing goes unnotified in between.

import type { RemoteSubscription, Resource } from './subscriptions.ts';

export type WantedSubscriptions = {
  readonly notificationUrl: string;
  readonly lifecycleNotificationUrl: string;
  readonly clientStateDigest: string;
};

export type RecordedSubscription = {
  readonly subscriptionId: string;
  readonly resource: Resource;
  readonly notificationUrl: string;
  readonly clientStateDigest: string;
};

export type SubscriptionAction =
  | { readonly kind: 'create'; readonly resource: Resource; readonly cause: string }
  | {
      readonly kind: 'renew';
      readonly resource: Resource;
      readonly subscriptionId: string;
      readonly cause: string;
    }
  /** `after`: only once that resource has a new one. */
  | {
      readonly kind: 'delete';
      readonly subscriptionId: string;
      readonly cause: string;
      readonly after: Resource | null;
    }
  /** Recorded, but Microsoft has it no more. */
  | { readonly kind: 'forget'; readonly subscriptionId: string; readonly cause: string };

/** Users and groups know no `created`: a creation arrives as `updated`.
 *  https://learn.microsoft.com/graph/api/subscription-post-subscriptions */
export const CHANGE_TYPES: readonly string[] = ['updated', 'deleted'];
export const RESOURCES: readonly Resource[] = ['groups', 'users'];
const DAY_MS = 24 * 60 * 60 * 1000;
/** Of at most 29 days: a control plane that was switched off is not posted to for weeks. */
export const LIFETIME_MS = 3 * DAY_MS;
/** Renewed daily; two days without a run are survived. */
export const RENEW_WITHIN_MS = 2 * DAY_MS;

export function planSubscriptions({
  wanted,
  remote,
  recorded,
  reauthorize,
  now,
}: {
  readonly wanted: WantedSubscriptions;
  readonly remote: readonly RemoteSubscription[];
  readonly recorded: readonly RecordedSubscription[];
  readonly reauthorize: readonly string[];
  readonly now: Date;
}): SubscriptionAction[] {
  const records = new Map(recorded.map((row) => [row.subscriptionId, row]));
  const ourUrls = new Set([wanted.notificationUrl, ...recorded.map((row) => row.notificationUrl)]);
  const ours = remote.filter((one) => records.has(one.subscriptionId) || ourUrls.has(one.notificationUrl));
  const actions: SubscriptionAction[] = [];

  for (const resource of RESOURCES) {
    const fitting = ours
      .filter((one) => isFitting(one, records.get(one.subscriptionId), resource, wanted, now))
      .sort((a, b) => b.expiresAt.getTime() - a.expiresAt.getTime());
    const [kept, ...duplicates] = fitting;
    if (kept === undefined) {
      const isKnown = recorded.some((row) => row.resource === resource);
      actions.push({
        kind: 'create',
        resource,
        cause: isKnown ? 'lost, expired or changed' : 'there is none',
      });
    } else if (reauthorize.includes(kept.subscriptionId)) {
      actions.push(renewal(kept, resource, 'Microsoft asked for it'));
    } else if (kept.expiresAt.getTime() - now.getTime() < RENEW_WITHIN_MS) {
      actions.push(renewal(kept, resource, 'it expires soon'));
    }
    for (const { subscriptionId } of duplicates)
      actions.push({ kind: 'delete', subscriptionId, cause: 'a second one', after: null });
    // The old one goes on notifying until its successor is there.
    const unfitting = ours.filter((one) => one.resource === resource && !fitting.includes(one));
    for (const { subscriptionId } of unfitting)
      actions.push({ kind: 'delete', subscriptionId, cause: 'replaced', after: kept ? null : resource });
  }
  for (const { subscriptionId } of ours.filter((one) => !RESOURCES.includes(one.resource as Resource)))
    actions.push({ kind: 'delete', subscriptionId, cause: 'on something else', after: null });
  const present = new Set(remote.map((one) => one.subscriptionId));
  for (const { subscriptionId } of recorded.filter((row) => !present.has(row.subscriptionId)))
    actions.push({ kind: 'forget', subscriptionId, cause: 'Microsoft has it no more' });
  return actions;
}

function renewal(
  { subscriptionId }: RemoteSubscription,
  resource: Resource,
  cause: string,
): SubscriptionAction {
  return { kind: 'renew', resource, subscriptionId, cause };
}

/** Graph tells no clientState, so only one that we recorded can be known to carry ours. */
function isFitting(
  one: RemoteSubscription,
  record: RecordedSubscription | undefined,
  resource: Resource,
  wanted: WantedSubscriptions,
  now: Date,
): boolean {
  return (
    record?.resource === resource &&
    record.clientStateDigest === wanted.clientStateDigest &&
    one.resource === resource &&
    one.notificationUrl === wanted.notificationUrl &&
    one.lifecycleNotificationUrl === wanted.lifecycleNotificationUrl &&
    one.changeTypes.size === CHANGE_TYPES.length &&
    CHANGE_TYPES.every((type) => one.changeTypes.has(type)) &&
    one.expiresAt.getTime() > now.getTime()
  );
}
