// Whether a notification carries our clientState, the only thing that tells Microsoft's posts from anybody's.

import { createHash, timingSafeEqual } from 'node:crypto';
import type { Secret } from '../secret.ts';

/** A check against every accepted value, in a time that says nothing about how much of one was guessed: digests of
 *  equal length are compared, each of them whole, and the first match ends nothing early.
 *  https://learn.microsoft.com/graph/change-notifications-delivery-webhooks */
export function createClientStateCheck(accepted: readonly Secret[]): (value: unknown) => boolean {
  const digests = accepted.map((secret) => digestOf(secret.reveal()));
  return (value) => {
    if (typeof value !== 'string') return false;
    const digest = digestOf(value);
    return digests.reduce((isKnown, each) => timingSafeEqual(each, digest) || isKnown, false);
  };
}

function digestOf(value: string): Buffer {
  return createHash('sha256').update(value).digest();
}
