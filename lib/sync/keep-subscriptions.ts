// Sees to it that Microsoft notifies us: looks at our subscriptions when there is a reason to, and makes, renews and
// removes what the plan says. It never fails a run: the schedule finds every change without a notification.

import { createHash } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { DirectoryClient } from '../directory/client.ts';
import {
  LIFETIME_MS,
  planSubscriptions,
  RENEW_WITHIN_MS,
  RESOURCES,
  type SubscriptionAction,
} from '../directory/subscription-plan.ts';
import {
  createSubscription,
  deleteSubscription,
  listRemoteSubscriptions,
  type Resource,
  renewSubscription,
  type Written,
} from '../directory/subscriptions.ts';
import { ControlError, isControlError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Secret } from '../secret.ts';
import { recordAudit } from '../store/audit.ts';
import type { Database, Queryable } from '../store/database.ts';
import { type Lease, requireLease } from '../store/lease.ts';
import {
  deleteSubscriptionRow,
  findSubscriptionCheck,
  insertSubscription,
  listSubscriptions,
  type SubscriptionCheck,
  type SubscriptionRow,
  updateSubscriptionCheck,
  updateSubscriptionExpiry,
} from '../store/subscriptions.ts';
import type { ReconcileDependencies, RunRequest } from './run.ts';

export type SubscriptionTarget = {
  readonly notificationUrl: string;
  readonly lifecycleNotificationUrl: string;
  readonly clientState: Secret;
};

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
  const notificationUrl = `${apiHost}/api/v1/web/${namespace}/control/webhook`;
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
      const error = await applyActions(actions, { ...options, run, lease, record, wanted, signal });
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

type Steps = SubscriptionKeeperOptions & {
  readonly run: RunRequest;
  readonly lease: Lease;
  readonly record: (work: (transaction: Queryable) => Promise<void>) => Promise<void>;
  readonly wanted: { readonly clientStateDigest: string };
  readonly signal: AbortSignal;
};

/** The first error; one resource that fails does not hold up the other. */
async function applyActions(
  actions: readonly SubscriptionAction[],
  steps: Steps,
): Promise<ControlError | undefined> {
  const errors: ControlError[] = [];
  const withoutSuccessor = new Set<Resource>();
  for (const action of actions) {
    if (action.kind === 'delete' && action.after !== null && withoutSuccessor.has(action.after)) continue;
    let outcome = await applyAction(action, steps);
    if (action.kind === 'create' && isDuplicate(outcome)) outcome = await replace(action, actions, steps);
    if (outcome.status === 'done') continue;
    if (isControlError(outcome.error, 'LEASE_LOST')) throw outcome.error;
    errors.push(outcome.error);
    if (action.kind === 'create') withoutSuccessor.add(action.resource);
  }
  return errors[0];
}

/** Where Microsoft allows no second one, the old one has to go first. */
async function replace(
  action: Extract<SubscriptionAction, { kind: 'create' }>,
  actions: readonly SubscriptionAction[],
  steps: Steps,
): Promise<Written<unknown>> {
  for (const other of actions)
    if (other.kind === 'delete' && other.after === action.resource) await applyAction(other, steps);
  return applyAction(action, steps);
}

function isDuplicate(outcome: Written<unknown>): boolean {
  return outcome.status === 'failed' && outcome.error.details.httpStatus === 409;
}

async function applyAction(action: SubscriptionAction, steps: Steps): Promise<Written<unknown>> {
  const { client, target, clock, record, wanted, signal, log } = steps;
  const expiresAt = new Date(clock.now().getTime() + LIFETIME_MS);
  const audit = (transaction: Queryable, event: string, details: Record<string, unknown>) => {
    const { actor, runId } = steps.run;
    const entry = { actor, runId, event, cause: action.cause, details };
    return recordAudit(transaction, [entry], clock.now());
  };
  switch (action.kind) {
    case 'create': {
      const { resource } = action;
      const made = await createSubscription(client, { ...target, resource, expiresAt }, signal);
      if (made.status === 'failed') return made;
      const { subscriptionId } = made.value;
      await record(async (transaction) => {
        const { notificationUrl } = target;
        const row = { subscriptionId, resource, notificationUrl, expiresAt: made.value.expiresAt };
        await insertSubscription(transaction, { ...row, clientStateDigest: wanted.clientStateDigest });
        await audit(transaction, 'subscription_created', { subscriptionId, resource });
      });
      return made;
    }
    case 'renew': {
      const renewed = await renewSubscription(client, { ...action, expiresAt }, signal);
      if (renewed.status === 'failed') return renewed;
      await record((transaction) =>
        updateSubscriptionExpiry(transaction, action.subscriptionId, renewed.value.expiresAt),
      );
      log.info('subscription_renewed', { resource: action.resource, cause: action.cause });
      return renewed;
    }
    case 'delete': {
      const deleted = await deleteSubscription(client, action.subscriptionId, signal);
      if (deleted.status === 'failed') return deleted;
      await record(async (transaction) => {
        await deleteSubscriptionRow(transaction, action.subscriptionId);
        await audit(transaction, 'subscription_deleted', { subscriptionId: action.subscriptionId });
      });
      return deleted;
    }
    case 'forget':
      await record(async (transaction) => {
        await deleteSubscriptionRow(transaction, action.subscriptionId);
        await audit(transaction, 'subscription_lost', { subscriptionId: action.subscriptionId });
      });
      return { status: 'done', value: null };
  }
}
