// What the rest of the library may ask of Entra. Every answer says for itself whether it is complete; what could
// not be read is never a shorter list.

import type { EntraGroupId, EntraUserId } from '../ids.ts';
import type { IncompleteRead, Read } from './read.ts';

export type DirectoryUser = {
  readonly id: EntraUserId;
  readonly displayName: string | null;
  readonly mail: string | null;
  readonly userPrincipalName: string;
  readonly accountEnabled: boolean;
  /** Microsoft's userType; accounts older than the field count as members. */
  readonly kind: 'member' | 'guest';
};

/** The direct members of one group. */
export type DirectGroup = {
  readonly id: EntraGroupId;
  /** Members that are users, once each, disabled accounts and guests included, sorted by id. */
  readonly users: readonly DirectoryUser[];
  /** Members that are groups, once each, sorted. */
  readonly nestedGroupIds: readonly EntraGroupId[];
};

/** A mapped group with everybody who is in it, however deep. */
export type DirectoryGroup = {
  readonly id: EntraGroupId;
  /** Transitive members that are users, once each, disabled accounts and guests included, sorted by id. */
  readonly members: readonly DirectoryUser[];
};

/** Where the next look for changes goes on: opaque addresses from Microsoft, worth 7 days. */
export type DeltaLinks = { readonly groups: string; readonly users: string };

/** What Graph says of a group's direct members, and of a user; a hint how fresh a read is, never a reason to act. */
export type MemberEvidence = {
  readonly added: readonly string[];
  readonly removed: readonly string[];
};
export type UserEvidence = 'gone' | 'enabled' | 'disabled' | 'unknown';

export type DirectoryEvidence = {
  /** Every group of the tenant that changed, deleted ones included. */
  readonly groups: ReadonlyMap<EntraGroupId, MemberEvidence>;
  /** Every user of the tenant that changed, deleted ones included. */
  readonly users: ReadonlyMap<EntraUserId, UserEvidence>;
};

export type DirectoryChanges =
  | ({ readonly status: 'complete'; readonly links: DeltaLinks } & DirectoryEvidence)
  /** The links are no longer good (expired, 410, damaged): only a full read helps. */
  | { readonly status: 'reset' }
  | IncompleteRead;

/** What one person may do right now, asked of Graph directly. */
export type Access =
  | { readonly status: 'gone' }
  | {
      readonly status: 'present';
      readonly accountEnabled: boolean;
      readonly kind: DirectoryUser['kind'];
      /** Which of the groups asked for the person is in, transitively. */
      readonly groupIds: ReadonlySet<EntraGroupId>;
    };

export type AccessQuestion = { readonly userId: EntraUserId; readonly groupIds: readonly EntraGroupId[] };

/** None of these throws for what Graph answers; all throw the signal's reason when the signal aborts. A map has one
 *  entry for every id asked for. */
export type Directory = {
  /** Links as of now: whatever changes after this call is reported from them. */
  takeLinks(signal: AbortSignal): Promise<Read<DeltaLinks>>;
  readChanges(links: DeltaLinks, signal: AbortSignal): Promise<DirectoryChanges>;
  /** Direct members of each group; `not-found` where Graph knows no such group. */
  readGroups(
    groupIds: readonly EntraGroupId[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<EntraGroupId, Read<DirectGroup>>>;
  /** Each person as of now; `not-found` where Graph knows no such user. */
  readUsers(
    userIds: readonly EntraUserId[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<EntraUserId, Read<DirectoryUser>>>;
  /** Whether these people still have what a removal would take: a second, independent question. */
  readAccess(
    questions: readonly AccessQuestion[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<EntraUserId, Read<Access>>>;
};
