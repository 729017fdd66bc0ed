// Carries out a plan of subscriptions at Microsoft, one step after the other, each recorded before the next.

import type { Clock } from '../clock.ts';
import type { DirectoryClient } from '../directory/client.ts';
import { LIFETIME_MS, type SubscriptionAction } from '../directory/subscription-plan.ts';
import {
  createSubscription,
  deleteSubscription,
  type Resource,
  renewSubscription,
  type Written,
} from '../directory/subscriptions.ts';
import { type ControlError, isControlError } from '../errors.ts';
import type { RunId } from '../ids.ts';
import type { Log } from '../log.ts';
import type { Secret } from '../secret.ts';
import { recordAudit } from '../store/audit.ts';
import type { Queryable } from '../store/database.ts';
import {
  deleteSubscriptionRow,
  insertSubscription,
  updateSubscriptionExpiry,
} from '../store/subscriptions.ts';

export type SubscriptionTarget = {
  readonly notificationUrl: string;
  readonly lifecycleNotificationUrl: string;
  readonly clientState: Secret;
};

export type SubscriptionSteps = {
  readonly client: DirectoryClient;
  readonly clock: Clock;
  readonly log: Log;
  readonly target: SubscriptionTarget;
  readonly clientStateDigest: string;
  readonly run: { readonly runId: RunId; readonly actor: string };
  /** In a transaction that holds the lease. */
  readonly record: (work: (transaction: Queryable) => Promise<void>) => Promise<void>;
  readonly signal: AbortSignal;
};

/** The first error; one resource that fails does not hold up the other. */
export async function applySubscriptions(
  actions: readonly SubscriptionAction[],
  steps: SubscriptionSteps,
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
  steps: SubscriptionSteps,
): Promise<Written<unknown>> {
  for (const other of actions)
    if (other.kind === 'delete' && other.after === action.resource) await applyAction(other, steps);
  return applyAction(action, steps);
}

function isDuplicate(outcome: Written<unknown>): boolean {
  return outcome.status === 'failed' && outcome.error.details.httpStatus === 409;
}

async function applyAction(action: SubscriptionAction, steps: SubscriptionSteps): Promise<Written<unknown>> {
  const { client, target, clock, record, clientStateDigest, signal, log } = steps;
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
        await insertSubscription(transaction, { ...row, clientStateDigest });
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
