// What people decided about held removals, as the guard needs it. Pure.

import type { EntraGroupId, EntraUserId } from '../ids.ts';

/** A person leaving a team, as a key: `team/user`. */
export type RemovalKey = string;

export type Decisions = {
  /** Quarantines that somebody approved and no run has begun: each is good for exactly the removals it holds. */
  readonly approved: ReadonlySet<string>;
  /** Removals of an approved quarantine that an earlier run began. */
  readonly begun: ReadonlySet<RemovalKey>;
  /** Removals that somebody rejected. */
  readonly rejected: ReadonlySet<RemovalKey>;
};

export const NO_DECISIONS: Decisions = { approved: new Set(), begun: new Set(), rejected: new Set() };

export function removalKey({
  teamId,
  userId,
}: {
  readonly teamId: EntraGroupId;
  readonly userId: EntraUserId;
}): RemovalKey {
  return `${teamId}/${userId}`;
}
