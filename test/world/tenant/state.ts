// The people and groups of the simulated tenant, and the ordered log of every change to them. No I/O: deltas and
// notifications can be derived from the log by sequence number. A clock is needed only to end what can be restored.

import { reachMembers } from './closure.ts';
import { createHistory } from './graph-delta-history.ts';

export type TenantUser = {
  readonly id: string;
  readonly displayName: string;
  readonly mail: string | null;
  readonly userPrincipalName: string;
  readonly accountEnabled: boolean;
  readonly userType: 'Member' | 'Guest';
};

export type TenantGroup = {
  readonly id: string;
  readonly displayName: string;
  /** Direct members, users and groups, in the order they were added. */
  readonly memberIds: readonly string[];
  /** A Microsoft 365 group: restorable once it is deleted, and without groups among its members. */
  readonly isUnified?: boolean;
};

export type TenantSeed = { readonly users: readonly TenantUser[]; readonly groups: readonly TenantGroup[] };

export type TenantChange =
  | { readonly kind: 'user-created' | 'user-deleted'; readonly userId: string }
  | ({ readonly kind: 'user-updated'; readonly userId: string } & Updated)
  | { readonly kind: 'group-created'; readonly groupId: string }
  /** Soft: restorable for 30 days. */
  | { readonly kind: 'group-deleted'; readonly groupId: string; readonly isSoft?: true }
  | ({ readonly kind: 'group-updated'; readonly groupId: string } & Updated)
  | { readonly kind: 'member-added' | 'member-removed'; readonly groupId: string; readonly memberId: string };

type Updated = {
  readonly properties: readonly string[];
  /** It was soft-deleted before; Graph notifies of a restoration as of an update. */
  readonly isRestored?: true;
};

export type LoggedChange = TenantChange & { readonly sequence: number };

export type NewUser = Pick<TenantUser, 'id' | 'displayName' | 'userPrincipalName'> & Partial<TenantUser>;
export type NewNames = Partial<Pick<TenantUser, 'displayName' | 'mail' | 'userPrincipalName'>>;

export type TenantState = ReturnType<typeof createTenantState>;

/** A soft-deleted object, and the groups it was in. */
type Deleted<T> = {
  readonly value: T;
  readonly groupIds: readonly string[];
  readonly deletedAt: Date | undefined;
};

// https://learn.microsoft.com/graph/api/directory-deleteditems-restore
const RESTORABLE_MS = 30 * 24 * 60 * 60 * 1000;
const RESTORED = { properties: ['deletedDateTime'], isRestored: true } as const;

/** A tenant as `seed` describes it; the log starts empty. Each function throws an Error for an unknown id. Without
 *  `now` what is soft-deleted stays restorable. */
export function createTenantState(seed: TenantSeed, now?: () => Date) {
  const users = new Map(seed.users.map((user) => [user.id, user]));
  const groups = new Map(seed.groups.map((group) => [group.id, group]));
  const userHistory = createHistory(seed.users);
  const groupHistory = createHistory(seed.groups);
  const deletedUsers = new Map<string, Deleted<TenantUser>>();
  const deletedGroups = new Map<string, Deleted<TenantGroup>>();
  const changes: LoggedChange[] = [];

  const record = (change: TenantChange) => changes.push({ ...change, sequence: changes.length + 1 });
  const putUser = (id: string, value: TenantUser | undefined, change: TenantChange) => {
    put(users, id, value);
    userHistory.record(id, record(change), value);
  };
  const putGroup = (id: string, value: TenantGroup | undefined, change: TenantChange) => {
    put(groups, id, value);
    groupHistory.record(id, record(change), value);
  };
  const requireUser = (id: string) => required(users.get(id), `There is no user ${id}.`);
  const requireGroup = (id: string) => required(groups.get(id), `There is no group ${id}.`);

  function updateUser(userId: string, values: Partial<TenantUser>): void {
    const user = requireUser(userId);
    const next = { ...user, ...values };
    const properties = keysOf(values).filter((key) => user[key] !== next[key]);
    if (properties.length === 0) return;
    putUser(userId, next, { kind: 'user-updated', userId, properties });
  }

  function addMember(groupId: string, memberId: string): void {
    const group = requireGroup(groupId);
    if (!users.has(memberId)) requireGroup(memberId);
    // https://learn.microsoft.com/graph/api/group-post-members
    if (group.isUnified && groups.has(memberId)) throw new Error(`${groupId} cannot have groups as members.`);
    if (group.memberIds.includes(memberId)) return;
    const next = { ...group, memberIds: [...group.memberIds, memberId] };
    putGroup(groupId, next, { kind: 'member-added', groupId, memberId });
  }

  function removeMember(groupId: string, memberId: string): void {
    const group = requireGroup(groupId);
    if (!group.memberIds.includes(memberId)) return;
    const next = { ...group, memberIds: group.memberIds.filter((id) => id !== memberId) };
    putGroup(groupId, next, { kind: 'member-removed', groupId, memberId });
  }

  /** @returns the groups it was in */
  function removeEverywhere(memberId: string): readonly string[] {
    const holders = [...groups.values()].filter((group) => group.memberIds.includes(memberId));
    for (const group of holders) removeMember(group.id, memberId);
    return holders.map((group) => group.id);
  }

  /** Into each of the groups that still exists. */
  function addEverywhere(memberId: string, groupIds: readonly string[]): void {
    for (const groupId of groupIds) if (groups.has(groupId)) addMember(groupId, memberId);
  }

  function takeDeleted<T>(bin: Map<string, Deleted<T>>, id: string): Deleted<T> {
    const deleted = required(bin.get(id), `There is nothing to restore as ${id}.`);
    const { deletedAt } = deleted;
    if (now && deletedAt && now().getTime() - deletedAt.getTime() > RESTORABLE_MS) {
      throw new Error(`${id} was deleted more than 30 days ago.`);
    }
    bin.delete(id);
    return deleted;
  }

  return {
    addMember,
    removeMember,
    createUser(user: NewUser): void {
      if (users.has(user.id) || groups.has(user.id)) throw new Error(`The id ${user.id} is taken.`);
      deletedUsers.delete(user.id);
      const defaults = { mail: user.userPrincipalName, accountEnabled: true, userType: 'Member' } as const;
      putUser(user.id, { ...defaults, ...user }, { kind: 'user-created', userId: user.id });
    },
    /** Entra keeps a deleted user restorable for 30 days, but out of every group and list at once. */
    deleteUser(userId: string): void {
      const value = requireUser(userId);
      const groupIds = removeEverywhere(userId);
      putUser(userId, undefined, { kind: 'user-deleted', userId });
      deletedUsers.set(userId, { value, groupIds, deletedAt: now?.() });
    },
    /** As the user was, in the groups that still exist. Throws an Error 30 days after the deletion. */
    restoreUser(userId: string): void {
      const { value, groupIds } = takeDeleted(deletedUsers, userId);
      putUser(userId, value, { kind: 'user-updated', userId, ...RESTORED });
      addEverywhere(userId, groupIds);
    },
    disableUser: (userId: string) => updateUser(userId, { accountEnabled: false }),
    enableUser: (userId: string) => updateUser(userId, { accountEnabled: true }),
    /** New names for a user, or a new displayName for a group. */
    rename(id: string, names: NewNames): void {
      if (users.has(id)) {
        updateUser(id, names);
        return;
      }
      const group = requireGroup(id);
      if (names.displayName === undefined || names.displayName === group.displayName) return;
      const next = { ...group, displayName: names.displayName };
      putGroup(id, next, { kind: 'group-updated', groupId: id, properties: ['displayName'] });
    },
    createGroup(group: Omit<TenantGroup, 'memberIds'>): void {
      if (users.has(group.id) || groups.has(group.id)) throw new Error(`The id ${group.id} is taken.`);
      deletedGroups.delete(group.id);
      putGroup(group.id, { ...group, memberIds: [] }, { kind: 'group-created', groupId: group.id });
    },
    /** Microsoft 365 groups are restorable for 30 days; security groups are gone at once. */
    deleteGroup(groupId: string): void {
      const value = requireGroup(groupId);
      const groupIds = removeEverywhere(groupId);
      const soft = value.isUnified ? ({ isSoft: true } as const) : {};
      putGroup(groupId, undefined, { kind: 'group-deleted', groupId, ...soft });
      if (value.isUnified) deletedGroups.set(groupId, { value, groupIds, deletedAt: now?.() });
    },
    /** As a Microsoft 365 group was, with those members and in those groups that still exist. Throws an Error for a
     *  security group, and 30 days after the deletion. */
    restoreGroup(groupId: string): void {
      const { value, groupIds } = takeDeleted(deletedGroups, groupId);
      putGroup(groupId, { ...value, memberIds: [] }, { kind: 'group-updated', groupId, ...RESTORED });
      for (const memberId of value.memberIds) if (users.has(memberId)) addMember(groupId, memberId);
      addEverywhere(groupId, groupIds);
    },
    findUser: (idOrName: string) =>
      users.get(idOrName) ?? [...users.values()].find((user) => user.userPrincipalName === idOrName),
    findGroup: (groupId: string) => groups.get(groupId),
    listUsers: (): readonly TenantUser[] => [...users.values()],
    listGroups: (): readonly TenantGroup[] => [...groups.values()],
    /** Ids of all users and groups below `groupId`, once each, however deep or circular the nesting. */
    listTransitiveMemberIds: (groupId: string) => reachMembers(groupId, (id) => groups.get(id)?.memberIds),
    /** As they were after change number `sequence`. */
    findUserAt: userHistory.findAt,
    findGroupAt: groupHistory.findAt,
    listUsersAt: userHistory.listAt,
    listGroupsAt: groupHistory.listAt,
    /** Whether it is or was a group. */
    isGroupId: groupHistory.has,
    /** What happened after `sequence`, oldest first. */
    listChanges: (sequence = 0): readonly LoggedChange[] => changes.slice(sequence),
    /** The number of the newest change; 0 before the first. */
    lastSequence: () => changes.length,
  };
}

function put<T>(map: Map<string, T>, id: string, value: T | undefined): void {
  if (value === undefined) map.delete(id);
  else map.set(id, value);
}

function required<T>(value: T | undefined, message: string): T {
  if (value === undefined) throw new Error(message);
  return value;
}

function keysOf<T extends object>(value: T): (keyof T & string)[] {
  return Object.keys(value) as (keyof T & string)[];
}
