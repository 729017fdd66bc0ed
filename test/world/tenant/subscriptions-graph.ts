// /v1.0/subscriptions: who may subscribe, with what, how often, and what Graph shows of it.
// https://learn.microsoft.com/graph/api/subscription-post-subscriptions, …/subscription-list,
// …/subscription-update, …/subscription-reauthorize

import type { Post } from './delivery-post.ts';
import type { GraphCall, GraphWorld, Permission } from './graph.ts';
import { answerList } from './graph-list.ts';
import { graphError, graphReply, notSimulated, type Reply } from './reply.ts';
import {
  type Subscription,
  type SubscriptionRequest,
  type Subscriptions,
  watchedCollection,
} from './subscriptions.ts';
import { parseNewSubscription, parseRenewal } from './subscriptions-body.ts';
import { isValidated } from './subscriptions-handshake.ts';

export type SubscriptionRules = {
  readonly subscriptions: Subscriptions;
  readonly clientId: string;
  readonly allowsHttpTargets: boolean;
  readonly refusesDuplicates: boolean;
  readonly subscriptionQuota: number;
  readonly post: Post;
  readonly signal: AbortSignal;
  now(): Date;
};

/** Application permissions: the pages ask for these on the resource; write permissions do not count. */
const NEEDED = { groups: 'Group.Read.All', users: 'User.Read.All' } as const satisfies Record<
  string,
  Permission
>;
const FIELDS = [
  'id',
  'resource',
  'applicationId',
  'changeType',
  'clientState',
  'notificationUrl',
  'lifecycleNotificationUrl',
  'expirationDateTime',
  'creatorId',
  'latestSupportedTlsVersion',
];

export function isSubscriptionsPath(pathname: string): boolean {
  return /^\/v1\.0\/subscriptions(\/|$)/.test(pathname);
}

/** Graph's answer to one authorised call below /subscriptions. Making one waits for the subscriber's handshake. */
export async function answerSubscriptions(
  rules: SubscriptionRules,
  world: GraphWorld,
  call: GraphCall & { readonly content?: unknown },
): Promise<Reply> {
  const [, , , id, action, ...rest] = call.url.pathname.split('/').map(decodeURIComponent);
  if (id === undefined) {
    if (call.method === 'POST') return create(rules, world, call.content);
    if (call.method !== 'GET') return notSimulated(`${call.method} ${call.url.pathname}`);
    const items = rules.subscriptions.list().map((subscription) => show(rules, subscription));
    return answerList(world, call, { items, fields: FIELDS });
  }
  const subscription = rules.subscriptions.find(id);
  if (subscription === undefined) return graphError(404, 'ResourceNotFound', 'The object was not found.');
  if (!isPermitted(world, subscription.resource)) return denied();
  switch ([call.method, action, ...rest].filter(Boolean).join(' ')) {
    case 'GET':
      return graphReply(200, show(rules, subscription));
    case 'PATCH': {
      const renewal = parseRenewal(call.content, limitsOf(rules));
      if (renewal.status === 'refused') return renewal.reply;
      return graphReply(200, show(rules, rules.subscriptions.renew(id, renewal.value)));
    }
    case 'DELETE':
      rules.subscriptions.remove(id);
      return graphReply(204, undefined);
    case 'POST reauthorize':
      rules.subscriptions.reauthorize(id);
      return graphReply(204, undefined);
    default:
      return notSimulated(`${call.method} ${call.url.pathname}`);
  }
}

async function create(rules: SubscriptionRules, world: GraphWorld, content: unknown): Promise<Reply> {
  const parsed = parseNewSubscription(content, limitsOf(rules));
  if (parsed.status === 'refused') return parsed.reply;
  const request = parsed.value;
  if (!isPermitted(world, request.resource)) return denied();
  const refusal = findRefusal(rules, request);
  if (refusal !== undefined) return refusal;
  for (const url of [request.notificationUrl, request.lifecycleNotificationUrl]) {
    if (url !== null && !(await isValidated(url, rules.post, rules.signal))) {
      const message = 'Subscription validation request failed: the endpoint must answer 200 with the token.';
      return graphError(400, 'ValidationError', message);
    }
  }
  // Another one may have been made while the subscriber was asked.
  const late = findRefusal(rules, request);
  if (late !== undefined) return late;
  const subscription = rules.subscriptions.add(request);
  return graphReply(201, { ...show(rules, subscription), clientState: request.clientState });
}

function findRefusal(rules: SubscriptionRules, request: SubscriptionRequest): Reply | undefined {
  const live = rules.subscriptions.list();
  const isSame = (other: Subscription) =>
    other.changeType === request.changeType &&
    watchedCollection(other.resource) === watchedCollection(request.resource);
  if (rules.refusesDuplicates && live.some(isSame)) {
    return graphError(409, 'Conflict', 'A subscription with this changeType and resource exists.');
  }
  // https://learn.microsoft.com/graph/change-notifications-overview: 100 subscriptions an app on these resources.
  if (live.length >= rules.subscriptionQuota) {
    const message = `The application has reached its ${rules.subscriptionQuota} subscriptions in this tenant.`;
    return graphError(403, 'ExtensionError', message);
  }
  return undefined;
}

/** As GET shows it: the clientState is not given out again, and a product must not count on it. */
function show({ clientId }: SubscriptionRules, subscription: Subscription) {
  const { isAwaitingReauthorization: _, expirationDateTime, ...shown } = subscription;
  return {
    ...shown,
    expirationDateTime: expirationDateTime.toISOString(),
    clientState: null,
    applicationId: clientId,
    creatorId: clientId,
    latestSupportedTlsVersion: 'v1_2',
  };
}

function isPermitted({ permissions }: GraphWorld, resource: string): boolean {
  const collection = watchedCollection(resource);
  return collection !== undefined && permissions.has(NEEDED[collection]);
}

function limitsOf(rules: SubscriptionRules) {
  return { now: rules.now(), allowsHttpTargets: rules.allowsHttpTargets };
}

function denied(): Reply {
  return graphError(403, 'Authorization_RequestDenied', 'Insufficient privileges to complete the operation.');
}
