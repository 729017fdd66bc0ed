// The vocabulary of a plan: one closed union of changes, each with its cause, and their order.

import type { UserRole } from '../gateway/users.ts';
import type { EntraGroupId, EntraUserId, KeyHash } from '../ids.ts';
import type { TeamSettings } from './desired.ts';

export type UserFields = {
  readonly email: string | null;
  readonly alias: string | null;
  readonly role: UserRole;
};

export type Action =
  /** Block by hash and detach from the team, so that leaving it does not delete the key. */
  | {
      kind: 'block_key';
      teamId: EntraGroupId;
      userId: EntraUserId;
      keyHash: KeyHash;
      heldByHand: boolean;
      cause: string;
    }
  | { kind: 'remove_member'; teamId: EntraGroupId; userId: EntraUserId; cause: string }
  /** Lowers a role that no mapped group gives any more; who is in none is deactivated that way: LiteLLM knows no
   *  other state of a user. */
  | { kind: 'demote_user'; userId: EntraUserId; before: string | null; after: UserRole; cause: string }
  /** A rotated or a test key at its end: blocked first, so that it is refused at once, then deleted. */
  | { kind: 'retire_key'; keyHash: KeyHash; userId: EntraUserId; teamId: EntraGroupId; cause: string }
  /** A leaver's key after the grace, or one that never became live and was replaced. */
  | { kind: 'delete_key'; keyHash: KeyHash; userId: EntraUserId; teamId: EntraGroupId; cause: string }
  | { kind: 'create_team'; teamId: EntraGroupId; settings: TeamSettings; cause: string }
  | {
      kind: 'update_team';
      teamId: EntraGroupId;
      before: Partial<TeamSettings>;
      after: Partial<TeamSettings>;
      cause: string;
    }
  /** Out of use: everybody has left it, and no key of it works. */
  | { kind: 'archive_team'; teamId: EntraGroupId; cause: string }
  /** In use again. */
  | { kind: 'restore_team'; teamId: EntraGroupId; cause: string }
  /** Given back to the hands of others, as it is. */
  | { kind: 'release_team'; teamId: EntraGroupId; cause: string }
  /** Before any membership: LiteLLM makes missing users itself, but without mail and sso_user_id. */
  | { kind: 'create_user'; userId: EntraUserId; fields: UserFields; cause: string }
  | { kind: 'add_member'; teamId: EntraGroupId; userId: EntraUserId; cause: string }
  /** `mark`: the row is a bare one that a membership of ours made; it gets the marker. */
  | {
      kind: 'update_user';
      userId: EntraUserId;
      before: Partial<UserFields>;
      after: Partial<UserFields>;
      mark: boolean;
      cause: string;
    }
  /** Attach to the team again and, unless held by hand, unblock: exactly the key that was blocked. */
  | {
      kind: 'restore_key';
      teamId: EntraGroupId;
      userId: EntraUserId;
      keyHash: KeyHash;
      unblock: boolean;
      cause: string;
    }
  /** Somebody who left everything and whose last key is gone. Spend stays in LiteLLM's history. */
  | { kind: 'delete_user'; userId: EntraUserId; cause: string }
  /** The key is in LiteLLM but our record does not say so: a run ended between the two. */
  | { kind: 'confirm_key'; teamId: EntraGroupId; userId: EntraUserId; keyHash: KeyHash; cause: string }
  | {
      kind: 'mint_key';
      teamId: EntraGroupId;
      userId: EntraUserId;
      generation: number;
      replaces: KeyHash | null;
      cause: string;
    };

export type ActionKind = Action['kind'];

/** Revocations first; then what others need: teams before members, members before users and keys. */
const ORDER: Record<ActionKind, number> = {
  block_key: 0,
  remove_member: 1,
  demote_user: 2,
  archive_team: 3,
  release_team: 4,
  retire_key: 5,
  delete_key: 6,
  delete_user: 7,
  create_user: 8,
  create_team: 9,
  restore_team: 10,
  update_team: 11,
  add_member: 12,
  update_user: 13,
  restore_key: 14,
  confirm_key: 15,
  mint_key: 16,
};

/** Total order of a plan's actions; two different actions of one plan never compare equal. */
export function compareActions(a: Action, b: Action): number {
  if (a.kind !== b.kind) return ORDER[a.kind] - ORDER[b.kind];
  for (const name of ['teamId', 'userId', 'keyHash'] as const) {
    const [one, other] = [identifierOf(a, name), identifierOf(b, name)];
    // Of one length, as ids are, the first that differ decide; a whole key would be made anew at each comparison.
    if (one.length !== other.length) return compareText(sortKey(a), sortKey(b));
    if (one !== other) return compareText(one, other);
  }
  return 0;
}

function sortKey(action: Action): string {
  return `${identifierOf(action, 'teamId')}/${identifierOf(action, 'userId')}/${identifierOf(action, 'keyHash')}`;
}

function identifierOf(action: Partial<Record<Identifier, string>>, name: Identifier): string {
  return action[name] ?? '';
}
type Identifier = 'teamId' | 'userId' | 'keyHash';

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The action takes a person's access to a team. */
export function isRemoval(
  action: Action,
): action is Extract<Action, { kind: 'block_key' | 'remove_member' }> {
  return action.kind === 'block_key' || action.kind === 'remove_member';
}
