// A post to the notification address as hints. Anybody may send one: what does not carry our clientState is not
// looked at, and what does still says only where to look.

import type { Secret } from '../secret.ts';
import { findHint, MAX_NAMED_USERS, type NotificationHint } from './notification-hint.ts';
import { createClientStateCheck } from './notification-state.ts';

export type NotificationPost =
  | {
      readonly status: 'read';
      /** One a resource. */
      readonly hints: readonly NotificationHint[];
      /** Items with our clientState. */
      readonly acceptedCount: number;
      /** Items without it. */
      readonly refusedCount: number;
      /** Accepted items of a form we do not know. */
      readonly unknownCount: number;
    }
  | { readonly status: 'malformed' }
  | { readonly status: 'too-many' };

/** Microsoft sends a few; more are a flood. */
export const MAX_NOTIFICATIONS = 1_000;
/** Values in a post: 1,000 notifications have about 20,000. A million bytes of brackets, parsed, are 150 MB, more than
 *  the function has (measured), and a killed function would take its container and connection with it. */
const MAX_VALUES = 100_000;
const [COMMA, BRACKET, BRACE] = [0x2c, 0x5b, 0x7b];

/** What `body` holds, accepted with any of `clientStates`. Never throws. */
export function parseNotifications(body: string, clientStates: readonly Secret[]): NotificationPost {
  if (countValues(body) > MAX_VALUES) return { status: 'too-many' };
  const items = parseItems(body);
  if (items === undefined) return { status: 'malformed' };
  if (items.length > MAX_NOTIFICATIONS) return { status: 'too-many' };

  const isOurs = createClientStateCheck(clientStates);
  const accepted = items.filter((item) => isObject(item) && isOurs(ownValue(item, 'clientState')));
  const hints = accepted.map((item) => findHint(item as object));
  const known = hints.filter((hint) => hint !== undefined);
  return {
    status: 'read',
    hints: mergeHints(known),
    acceptedCount: accepted.length,
    refusedCount: items.length - accepted.length,
    unknownCount: accepted.length - known.length,
  };
}

/** At least as many as JSON.parse would make: each follows a comma or a bracket, and those in texts count too. */
function countValues(body: string): number {
  let count = 0;
  for (let at = 0; at < body.length; at += 1) {
    const code = body.charCodeAt(at);
    if (code === COMMA || code === BRACKET || code === BRACE) count += 1;
  }
  return count;
}

function parseItems(body: string): readonly unknown[] | undefined {
  try {
    const post: unknown = JSON.parse(body);
    const items = isObject(post) ? ownValue(post, 'value') : undefined;
    return Array.isArray(items) ? items : undefined;
  } catch {
    return undefined;
  }
}

function mergeHints(hints: readonly NotificationHint[]): NotificationHint[] {
  const merged = new Map<string, readonly string[]>();
  for (const { resource, userIds } of hints) {
    const all = new Set([...(merged.get(resource) ?? []), ...userIds]);
    merged.set(resource, [...all].slice(0, MAX_NAMED_USERS));
  }
  return [...merged].map(([resource, userIds]) => ({ resource, userIds }));
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Never what a prototype holds. */
function ownValue(object: object, name: string): unknown {
  return Object.getOwnPropertyDescriptor(object, name)?.value;
}
