// The body of a request that makes or renews a subscription, with the limits Graph sets for users and groups.
// https://learn.microsoft.com/graph/api/subscription-post-subscriptions and …/graph/api/resources/subscription

import * as z from 'zod';
import { graphError, notSimulated, type Reply } from './reply.ts';
import { type SubscriptionRequest, watchedCollection } from './subscriptions.ts';

export type BodyLimits = { readonly now: Date; readonly allowsHttpTargets: boolean };

export type Parsed<T> =
  | { readonly status: 'valid'; readonly value: T }
  | { readonly status: 'refused'; readonly reply: Reply };

const MINUTE_MS = 60_000;
/** https://learn.microsoft.com/graph/api/resources/subscription#subscription-lifetime: users and groups, 29 days. */
const MAX_LIFETIME_MS = 41_760 * MINUTE_MS;
/** The same page: a shorter lifetime is raised to this one. */
const MIN_LIFETIME_MS = 45 * MINUTE_MS;
const MAX_CLIENT_STATE_LENGTH = 128;
const CHANGE_TYPES: ReadonlySet<string> = new Set(['created', 'updated', 'deleted']);

const instant = z.iso.datetime({ offset: true });
// Strict, so that a misspelt or unsupported property does not pass as accepted.
const newSubscription = z.strictObject({
  changeType: z.string().refine((list) => list.split(',').every((type) => CHANGE_TYPES.has(type.trim()))),
  notificationUrl: z.url(),
  lifecycleNotificationUrl: z.url().nullish(),
  resource: z.string(),
  expirationDateTime: instant,
  clientState: z.string().max(MAX_CLIENT_STATE_LENGTH).nullish(),
  latestSupportedTlsVersion: z.enum(['v1_2', 'v1_3']).optional(),
});
const renewal = z.strictObject({ expirationDateTime: instant });

/** The subscription that POST /subscriptions asks for. */
export function parseNewSubscription(content: unknown, limits: BodyLimits): Parsed<SubscriptionRequest> {
  const parsed = newSubscription.safeParse(content);
  if (!parsed.success) return refuse(describe(parsed.error));
  const { changeType, resource, notificationUrl, lifecycleNotificationUrl, clientState } = parsed.data;
  if (watchedCollection(resource) === undefined) {
    return { status: 'refused', reply: notSimulated(`subscriptions on ${resource}`) };
  }
  const protocols = limits.allowsHttpTargets ? ['https:', 'http:'] : ['https:'];
  for (const url of [notificationUrl, lifecycleNotificationUrl]) {
    if (url && !protocols.includes(new URL(url).protocol)) return refuse('The URL must use https.');
  }
  const expiration = parseExpiration(parsed.data.expirationDateTime, limits.now);
  if (expiration.status === 'refused') return expiration;
  return {
    status: 'valid',
    value: {
      changeType,
      resource,
      notificationUrl,
      lifecycleNotificationUrl: lifecycleNotificationUrl ?? null,
      clientState: clientState ?? null,
      expirationDateTime: expiration.value,
    },
  };
}

/** The new end that PATCH /subscriptions/{id} asks for; of a subscription nothing else can be changed here.
 *  https://learn.microsoft.com/graph/api/subscription-update */
export function parseRenewal(content: unknown, limits: BodyLimits): Parsed<Date> {
  const parsed = renewal.safeParse(content);
  if (!parsed.success) return refuse(describe(parsed.error));
  return parseExpiration(parsed.data.expirationDateTime, limits.now);
}

function parseExpiration(text: string, now: Date): Parsed<Date> {
  const lifetimeMs = Date.parse(text) - now.getTime();
  // The page promises to raise short lifetimes; a past instant is a caller's mistake that must not go unseen.
  if (lifetimeMs <= 0) return refuse('Subscription expiration must be in the future.');
  if (lifetimeMs > MAX_LIFETIME_MS) {
    return refuse('Subscription expiration can only be 41760 minutes in the future.');
  }
  return { status: 'valid', value: new Date(now.getTime() + Math.max(lifetimeMs, MIN_LIFETIME_MS)) };
}

function refuse(message: string): { readonly status: 'refused'; readonly reply: Reply } {
  return { status: 'refused', reply: graphError(400, 'InvalidRequest', message) };
}

function describe(error: z.ZodError): string {
  return error.issues.map(({ path, message }) => `${path.join('.') || 'body'}: ${message}`).join('; ');
}
