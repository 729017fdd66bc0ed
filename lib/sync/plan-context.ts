// What the parts of planning share: one team with what is ours in it, why somebody leaves it, and what to know. Pure.

import type { EntraUserId } from '../ids.ts';
import type { KeyRecord } from './current.ts';
import type { DesiredTeam } from './desired.ts';

/** A thing the plan leaves alone that a person should know of. `code` is stable. */
export type Notice = {
  readonly code:
    | 'group_read_incomplete'
    | 'team_not_ours'
    | 'user_not_ours'
    | 'member_not_ours'
    | 'key_not_ours'
    | 'key_held_by_hand'
    | 'team_blocked_by_hand'
    | 'team_not_recorded';
  readonly teamId?: string;
  readonly userId?: string;
  readonly detail: string;
};

export type TeamContext = {
  readonly team: DesiredTeam;
  readonly owned: ReadonlySet<EntraUserId>;
  readonly present: ReadonlySet<string>;
  readonly keys: readonly KeyRecord[];
};

/** Why `userId`, who is ours in the team, is no longer wanted there; undefined when they are, or nobody knows. */
export function leavingCause(team: DesiredTeam, userId: EntraUserId): string | undefined {
  if (team.membership.status === 'incomplete' || team.membership.members.has(userId)) return undefined;
  return team.membership.excluded.get(userId) ?? `left group ${team.groupId}`;
}
