// Sees to it that Microsoft notifies us: looks at our subscriptions when there is a reason to, and makes, renews and
// removes what the plan says. It never fails a run: the schedule finds every change without a notification.

import { createHash } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { DirectoryClient } from '../directory/client.ts';
import { planSubscriptions, RENEW_WITHIN_MS, RESOURCES } from '../directory/subscription-plan.ts';
import { listRemoteSubscriptions } from '../directory/subscriptions.ts';
import { ControlError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Secret } from '../secret.ts';
import type { Database, Queryable } from '../store/database.ts';
import { requireLease } from '../store/lease.ts';
import {
  findSubscriptionCheck,
  listSubscriptions,
  type SubscriptionCheck,
  type SubscriptionRow,
  updateSubscriptionCheck,
} from '../store/subscriptions.ts';
import { webAddressOf } from '../web-address.ts';
import { applySubscriptions, type SubscriptionTarget } from './apply-subscriptions.ts';
import type { ReconcileDependencies } from './run.ts';

export type SubscriptionKeeperOptions = {
  readonly client: DirectoryClient;
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Log;
  readonly target: SubscriptionTarget;
};

/** Where Microsoft is to post, and what it must say: the newest clientState. */
export function subscriptionTarget(
  apiHost: string,
  namespace: string,
  [clientState]: readonly Secret[],
): SubscriptionTarget {
  if (clientState === undefined) throw new ControlError('CONFIG_INVALID', 'GRAPH_CLIENT_STATE is empty.');
  const notificationUrl = webAddressOf({ DO_API_HOST: apiHost, DO_NAMESPACE: namespace }, 'control/webhook');
  return { notificationUrl, lifecycleNotificationUrl: `${notificationUrl}/lifecycle`, clientState };
}

/** What is stored in place of the secret. */
export function digestOfClientState(clientState: Secret): string {
  return createHash('sha256').update(clientState.reveal()).digest('hex');
}

/** Throws LEASE_LOST and the signal's reason, and nothing else. */
export function createSubscriptionKeeper(
  options: SubscriptionKeeperOptions,
): ReconcileDependencies['keepSubscriptions'] {
  const { client, database, clock, log, target } = options;
  const { notificationUrl, lifecycleNotificationUrl } = target;
  const wanted = {
    notificationUrl,
    lifecycleNotificationUrl,
    clientStateDigest: digestOfClientState(target.clientState),
  };

  return async (lease, reauthorize, run, signal) => {
    const [recorded, check] = await Promise.all([
      listSubscriptions(database),
      findSubscriptionCheck(database),
    ]);
    const now = clock.now();
    if (!isCheckDue(recorded, check, wanted, reauthorize, now)) return { state: 'not-due' };
    const record = (work: (transaction: Queryable) => Promise<void>) =>
      database.transaction(async (transaction) => {
        await requireLease(transaction, lease);
        await work(transaction);
      });
    let problem: SubscriptionCheck['problem'] = null;
    const remote = await listRemoteSubscriptions(client, signal);
    if (remote.status === 'incomplete') problem = { code: 'GRAPH_UNAVAILABLE', message: remote.detail };
    else {
      const actions = planSubscriptions({ wanted, remote: remote.value, recorded, reauthorize, now });
      const { clientStateDigest } = wanted;
      const error = await applySubscriptions(actions, { ...options, run, record, clientStateDigest, signal });
      if (error) problem = { code: error.code, message: error.message };
    }
    signal.throwIfAborted();
    await record((transaction) => updateSubscriptionCheck(transaction, problem));
    if (problem) log.warn('subscriptions_degraded', problem);
    return problem ? { state: 'degraded', problem } : { state: 'active' };
  };
}

function isCheckDue(
  recorded: readonly SubscriptionRow[],
  check: SubscriptionCheck,
  wanted: { readonly notificationUrl: string; readonly clientStateDigest: string },
  reauthorize: readonly string[],
  now: Date,
): boolean {
  if (check.isDue || check.problem !== null || reauthorize.length > 0) return true;
  const isAsWanted = (row: SubscriptionRow) =>
    row.notificationUrl === wanted.notificationUrl &&
    row.clientStateDigest === wanted.clientStateDigest &&
    row.expiresAt.getTime() - now.getTime() >= RENEW_WITHIN_MS;
  return recorded.length !== RESOURCES.length || !recorded.every(isAsWanted);
}
