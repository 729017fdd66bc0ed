// What reads of single groups and people make of the last snapshot of Entra, and who is in a mapped group by it,
// however deep. Pure. A group that could not be read makes every mapped group above it incomplete.

import type {
  DirectGroup,
  DirectoryEvidence,
  DirectoryGroup,
  DirectoryUser,
  MemberEvidence,
  UserEvidence,
} from '../directory/directory.ts';
import { completeRead, type IncompleteRead, incompleteRead, type Read } from '../directory/read.ts';
import type { EntraGroupId, EntraUserId } from '../ids.ts';
import type { DirectorySnapshot, SnapshotUpdate, StoredGroup } from '../store/directory-snapshot.ts';

export type Reads = {
  readonly groups: ReadonlyMap<EntraGroupId, Read<DirectGroup>>;
  readonly users: ReadonlyMap<EntraUserId, Read<DirectoryUser>>;
};

/** A snapshot brought up to date, and why some of its groups could not be. */
export type Observation = {
  readonly snapshot: DirectorySnapshot;
  readonly unreadable: ReadonlyMap<EntraGroupId, IncompleteRead>;
  /** Groups whose read, or a read of somebody in them, says otherwise than the change that led to it: another
   *  replica answered. They are stale: the next run reads them again. */
  readonly contradicted: readonly EntraGroupId[];
};

/** `before` with the reads put in. What was not read stays as it was; what could not be read is stale. */
export function observe(before: DirectorySnapshot, reads: Reads, evidence: DirectoryEvidence): Observation {
  const groups = new Map(before.groups);
  const users = new Map(before.users);
  const unreadable = new Map<EntraGroupId, IncompleteRead>();
  const contradicted: EntraGroupId[] = [];
  const markUnreadable = (groupId: EntraGroupId, read: IncompleteRead) => {
    const known = groups.get(groupId) ?? { groupId, userIds: [], nestedGroupIds: [] };
    groups.set(groupId, { ...known, isStale: true });
    unreadable.set(groupId, read);
  };

  for (const [userId, read] of reads.users) {
    if (read.status === 'complete') users.set(userId, read.value);
    else
      for (const group of before.groups.values())
        if (group.userIds.includes(userId)) markUnreadable(group.groupId, read);
  }
  for (const [groupId, read] of reads.groups) {
    if (read.status === 'incomplete') {
      markUnreadable(groupId, read);
      continue;
    }
    const { users: members, nestedGroupIds } = read.value;
    const isStale = contradicts(read.value, evidence.groups.get(groupId));
    if (isStale) contradicted.push(groupId);
    unreadable.delete(groupId);
    groups.set(groupId, { groupId, userIds: members.map((user) => user.id), nestedGroupIds, isStale });
    for (const user of members) users.set(user.id, user);
  }
  const doubtful = new Set(
    [...evidence.users].filter(([id, said]) => isDoubtful(users.get(id), said)).map(([id]) => id),
  );
  for (const groupId of doubtful.size === 0 ? [] : parentsOf({ groups }, doubtful)) {
    const group = groups.get(groupId);
    if (group === undefined || group.isStale) continue;
    groups.set(groupId, { ...group, isStale: true });
    contradicted.push(groupId);
  }
  return { snapshot: { groups, users }, unreadable, contradicted };
}

/** Every mapped group with its transitive members, complete only when every group below it is. */
export function resolveGroups(
  { snapshot, unreadable }: Pick<Observation, 'snapshot' | 'unreadable'>,
  mappedGroupIds: readonly EntraGroupId[],
): ReadonlyMap<EntraGroupId, Read<DirectoryGroup>> {
  return new Map(
    mappedGroupIds.map((groupId) => {
      const below = reachableFrom(snapshot, [groupId]);
      for (const id of below) {
        const reason = unreadable.get(id) ?? (snapshot.groups.has(id) ? undefined : notRead());
        if (reason !== undefined) return [groupId, id === groupId ? reason : nestedReason(reason)];
      }
      const members = new Map<EntraUserId, DirectoryUser>();
      for (const id of below) {
        for (const userId of snapshot.groups.get(id)?.userIds ?? []) {
          const user = snapshot.users.get(userId);
          if (user === undefined) return [groupId, notRead()];
          members.set(userId, user);
        }
      }
      const sorted = [...members.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
      return [groupId, completeRead({ id: groupId, members: sorted })];
    }),
  );
}

/** The groups themselves and all below them, once each, circles included. */
export function reachableFrom(
  { groups }: Pick<DirectorySnapshot, 'groups'>,
  groupIds: readonly EntraGroupId[],
): ReadonlySet<EntraGroupId> {
  const reached = new Set(groupIds);
  // A Set iterates over what is added meanwhile.
  for (const id of reached) for (const nested of groups.get(id)?.nestedGroupIds ?? []) reached.add(nested);
  return reached;
}

/** Groups that have one of `groupIds` or `userIds` as a direct member. */
export function parentsOf(
  { groups }: Pick<DirectorySnapshot, 'groups'>,
  ids: ReadonlySet<string>,
): EntraGroupId[] {
  return [...groups.values()]
    .filter((group) => [...group.userIds, ...group.nestedGroupIds].some((id) => ids.has(id)))
    .map((group) => group.groupId);
}

/** What to store of `after`: the rows that were read or became stale, and which groups still matter. */
export function updateOf(
  before: DirectorySnapshot,
  after: DirectorySnapshot,
  mappedGroupIds: readonly EntraGroupId[],
): SnapshotUpdate {
  const reachable = reachableFrom(after, mappedGroupIds);
  const groups = [...after.groups.values()].filter(
    (group) => reachable.has(group.groupId) && before.groups.get(group.groupId) !== group,
  );
  const users = [...after.users]
    .filter(([id, user]) => before.users.get(id) !== user)
    .map(([, user]) => user);
  return { groups, users, reachableGroupIds: groups.length === 0 ? null : [...reachable] };
}

/** Whether two rows say the same, whatever was read. */
export function isSameGroup(a: StoredGroup | undefined, b: StoredGroup | undefined): boolean {
  const key = (group: StoredGroup | undefined) =>
    group && JSON.stringify([[...group.userIds].sort(), [...group.nestedGroupIds].sort()]);
  return key(a) === key(b);
}

function contradicts(group: DirectGroup, evidence: MemberEvidence | undefined): boolean {
  if (evidence === undefined) return false;
  const present = new Set<string>([...group.users.map((user) => user.id), ...group.nestedGroupIds]);
  return evidence.removed.some((id) => present.has(id)) || evidence.added.some((id) => !present.has(id));
}

/** Whether the last read of somebody cannot be as new as what was said. Whoever is gone is in no group any more. */
function isDoubtful(user: DirectoryUser | undefined, said: UserEvidence): boolean {
  if (user === undefined || said === 'unknown') return false;
  return said === 'gone' || user.accountEnabled !== (said === 'enabled');
}

function notRead(): IncompleteRead {
  return incompleteRead('unavailable', 'The group was not read in this run.');
}

// That a nested group is gone says nothing of the group above: its list will tell.
function nestedReason(read: IncompleteRead): IncompleteRead {
  if (read.reason !== 'not-found') return read;
  return { ...read, reason: 'answer-invalid', detail: 'A group nested in it vanished during the read.' };
}
