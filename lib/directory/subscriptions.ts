// Subscriptions at Microsoft Graph: list, create, renew, delete. What Graph refuses is explained by status and code,
// never by its words. https://learn.microsoft.com/graph/api/resources/subscription

import * as z from 'zod';
import { ControlError } from '../errors.ts';
import type { Secret } from '../secret.ts';
import type { GraphAnswer } from './answer.ts';
import type { DirectoryClient } from './client.ts';
import { reasonOf } from './failure.ts';
import { completeRead, incompleteRead, type Read } from './read.ts';
import { CHANGE_TYPES } from './subscription-plan.ts';

export type Resource = 'groups' | 'users';

export type RemoteSubscription = {
  readonly subscriptionId: string;
  /** As Graph lists it, without a leading slash. */
  readonly resource: string;
  readonly changeTypes: ReadonlySet<string>;
  readonly notificationUrl: string;
  readonly lifecycleNotificationUrl: string | null;
  readonly expiresAt: Date;
};

export type NewSubscription = {
  readonly resource: Resource;
  readonly notificationUrl: string;
  readonly lifecycleNotificationUrl: string;
  readonly clientState: Secret;
  readonly expiresAt: Date;
};

export type Written<T> =
  | { readonly status: 'done'; readonly value: T }
  | { readonly status: 'failed'; readonly error: ControlError };

const PERMISSION: Record<Resource, string> = { groups: 'Group.Read.All', users: 'User.Read.All' };
const PAGE_LIMIT = 20; // of at least 100 subscriptions; an application may have 100 in a tenant

const subscriptionBody = z.object({
  id: z.guid().transform((value) => value.toLowerCase()),
  resource: z.string(),
  changeType: z.string(),
  notificationUrl: z.string(),
  lifecycleNotificationUrl: z.string().nullish(),
  expirationDateTime: z.coerce.date(),
});
const listBody = z.object({
  '@odata.nextLink': z.string().min(1).optional(),
  value: z.array(subscriptionBody),
});

/** Every subscription of our application in the tenant, also those it has for other purposes. */
export async function listRemoteSubscriptions(
  client: DirectoryClient,
  signal: AbortSignal,
): Promise<Read<readonly RemoteSubscription[]>> {
  const found: RemoteSubscription[] = [];
  let path = '/subscriptions';
  for (let page = 0; page < PAGE_LIMIT; page += 1) {
    const answer = await client.get({ path }, signal);
    if (answer.status === 'failed') return incompleteRead(reasonOf(answer.error), answer.error.message);
    const parsed = listBody.safeParse(answer.status === 'ok' ? answer.body : undefined);
    if (!parsed.success)
      return incompleteRead('answer-invalid', 'The list of subscriptions has an unknown form.');
    found.push(...parsed.data.value.map(toRemote));
    const next = parsed.data['@odata.nextLink'];
    if (next === undefined) return completeRead(found);
    path = next;
  }
  return incompleteRead('answer-invalid', 'The pages of subscriptions do not end.');
}

/** Microsoft asks both addresses for an answer before it says yes. */
export async function createSubscription(
  client: DirectoryClient,
  wanted: NewSubscription,
  signal: AbortSignal,
): Promise<Written<RemoteSubscription>> {
  const body = {
    changeType: CHANGE_TYPES.join(','),
    resource: wanted.resource,
    notificationUrl: wanted.notificationUrl,
    lifecycleNotificationUrl: wanted.lifecycleNotificationUrl,
    clientState: wanted.clientState.reveal(),
    expirationDateTime: wanted.expiresAt.toISOString(),
  };
  const answer = await client.write({ path: '/subscriptions', method: 'POST', body }, signal);
  return written(answer, wanted.resource);
}

/** Moves the expiry on, which also reauthorises it.
 *  https://learn.microsoft.com/graph/change-notifications-lifecycle-events */
export async function renewSubscription(
  client: DirectoryClient,
  { subscriptionId, resource, expiresAt }: { subscriptionId: string; resource: Resource; expiresAt: Date },
  signal: AbortSignal,
): Promise<Written<RemoteSubscription>> {
  const body = { expirationDateTime: expiresAt.toISOString() };
  const path = `/subscriptions/${subscriptionId}`;
  return written(await client.write({ path, method: 'PATCH', body }, signal), resource);
}

/** One that is gone already is deleted. */
export async function deleteSubscription(
  client: DirectoryClient,
  subscriptionId: string,
  signal: AbortSignal,
): Promise<Written<null>> {
  const path = `/subscriptions/${subscriptionId}`;
  const answer = await client.write({ path, method: 'DELETE' }, signal);
  return answer.status === 'failed' ? answer : { status: 'done', value: null };
}

function written(answer: GraphAnswer, resource: Resource): Written<RemoteSubscription> {
  if (answer.status === 'failed') return { status: 'failed', error: explain(answer.error, resource) };
  const parsed = subscriptionBody.safeParse(answer.status === 'ok' ? answer.body : undefined);
  if (parsed.success) return { status: 'done', value: toRemote(parsed.data) };
  const message = `Microsoft Graph lost the subscription on ${resource}; the next run makes another.`;
  return { status: 'failed', error: new ControlError('GRAPH_ANSWER_INVALID', message, { retryable: true }) };
}

function explain(error: ControlError, resource: Resource): ControlError {
  const { httpStatus, graphCode } = error.details;
  const details = { ...error.details, resource };
  const refused = (message: string) =>
    new ControlError('SUBSCRIPTION_REFUSED', message, { cause: error, details });
  if (httpStatus === 403 && graphCode === 'Authorization_RequestDenied') {
    return refused(
      `Microsoft does not notify us of ${resource}: grant the application permission ${PERMISSION[resource]} with admin consent.`,
    );
  }
  // https://learn.microsoft.com/graph/change-notifications-overview#subscription-lifetime : limits by application and tenant
  if (httpStatus === 403) {
    return refused(
      `Microsoft refused another subscription on ${resource}: an application may have 100 in a tenant, all together 1,000; delete those nobody needs.`,
    );
  }
  if (httpStatus === 400) {
    return refused(
      `Microsoft could not validate the webhook for ${resource}: deploy control/webhook, and check DO_API_HOST and DO_NAMESPACE with \`lcp doctor\`.`,
    );
  }
  if (httpStatus === 409) {
    return refused(
      `Microsoft still has a subscription on ${resource} of the same kind; the next run looks again.`,
    );
  }
  return error;
}

function toRemote(body: z.output<typeof subscriptionBody>): RemoteSubscription {
  return {
    subscriptionId: body.id,
    resource: body.resource.replace(/^\//, '').toLowerCase(),
    changeTypes: new Set(
      body.changeType
        .toLowerCase()
        .split(',')
        .map((type) => type.trim()),
    ),
    notificationUrl: body.notificationUrl,
    lifecycleNotificationUrl: body.lifecycleNotificationUrl ?? null,
    expiresAt: body.expirationDateTime,
  };
}
