// What there is: LiteLLM's state, and our own records of which memberships and keys are ours. Values only.

import type { GatewayState } from '../gateway/state.ts';
import type { EntraGroupId, EntraUserId, KeyHash } from '../ids.ts';
import type { Applied } from '../store/applied-settings.ts';

/** escrowed: ciphertext stored, not yet known to be in LiteLLM. live: works. retiring: rotated, works until its end.
 *  blocked: by us, kept for a rejoin. abandoned: replaced before it was known to be live; deleted from LiteLLM
 *  wherever it turns up. */
export type KeyStatus = 'escrowed' | 'live' | 'retiring' | 'blocked' | 'abandoned';

export type KeyRecord = {
  readonly keyHash: KeyHash;
  readonly userId: EntraUserId;
  readonly teamId: EntraGroupId;
  readonly generation: number;
  readonly status: KeyStatus;
  /** Somebody else had blocked the key before we did: a rejoin must not unblock it. */
  readonly heldByHand: boolean;
  /** `test`: short-lived, beside the person's own. */
  readonly kind: 'member' | 'test';
  readonly blockedAt: Date | null;
  /** Of retiring and of test keys. */
  readonly endsAt: Date | null;
};

export type OwnedMembership = { readonly teamId: EntraGroupId; readonly userId: EntraUserId };

export type CurrentState = {
  /** When it was looked at. */
  readonly now: Date;
  readonly gateway: GatewayState;
  /** What we last set. */
  readonly applied: Applied;
  readonly memberships: readonly OwnedMembership[];
  readonly keys: readonly KeyRecord[];
  /** Highest generation ever used, by `user/team`; ended keys count, so that an alias is never used twice. */
  readonly generations: ReadonlyMap<string, number>;
};
