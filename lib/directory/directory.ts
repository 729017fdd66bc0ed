// What the rest of the library may ask of Entra: whole groups with their transitive members, each read
// saying for itself whether it was complete.

import type { EntraGroupId, EntraUserId } from '../ids.ts';
import type { Read } from './read.ts';

export type DirectoryUser = {
  readonly id: EntraUserId;
  readonly displayName: string | null;
  readonly mail: string | null;
  readonly userPrincipalName: string;
  readonly accountEnabled: boolean;
  /** Microsoft's userType; accounts older than the field count as members. */
  readonly kind: 'member' | 'guest';
};

export type DirectoryGroup = {
  readonly id: EntraGroupId;
  readonly displayName: string | null;
  /** Transitive members that are users, once each, disabled accounts and guests included, sorted by id. */
  readonly members: readonly DirectoryUser[];
};

export type Directory = {
  /** Reads each group in full. The map has one entry for every id asked for, complete or incomplete; it never
   *  throws for what Graph answers, and throws the signal's reason only when the signal aborts. */
  readGroups(
    groupIds: readonly EntraGroupId[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<EntraGroupId, Read<DirectoryGroup>>>;
};
