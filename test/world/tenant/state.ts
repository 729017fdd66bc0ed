// The people and groups of the simulated tenant, and the ordered log of every change to them. No I/O and no
// clock: deltas and notifications can be derived from the log by sequence number.

import { reachMembers } from './closure.ts';

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
};

export type TenantSeed = { readonly users: readonly TenantUser[]; readonly groups: readonly TenantGroup[] };

export type TenantChange =
  | { readonly kind: 'user-created' | 'user-deleted'; readonly userId: string }
  | { readonly kind: 'user-updated'; readonly userId: string; readonly properties: readonly string[] }
  | { readonly kind: 'group-created' | 'group-deleted'; readonly groupId: string }
  | { readonly kind: 'group-updated'; readonly groupId: string; readonly properties: readonly string[] }
  | { readonly kind: 'member-added' | 'member-removed'; readonly groupId: string; readonly memberId: string };

export type LoggedChange = TenantChange & { readonly sequence: number };

export type NewUser = Pick<TenantUser, 'id' | 'displayName' | 'userPrincipalName'> & Partial<TenantUser>;
export type NewNames = Partial<Pick<TenantUser, 'displayName' | 'mail' | 'userPrincipalName'>>;

export type TenantState = ReturnType<typeof createTenantState>;

/** A tenant as `seed` describes it; the log starts empty. Each function throws an Error for an unknown id. */
export function createTenantState(seed: TenantSeed) {
  const users = new Map(seed.users.map((user) => [user.id, user]));
  const groups = new Map(seed.groups.map((group) => [group.id, group]));
  const changes: LoggedChange[] = [];

  const record = (change: TenantChange) => changes.push({ ...change, sequence: changes.length + 1 });
  const requireUser = (id: string) => required(users.get(id), `There is no user ${id}.`);
  const requireGroup = (id: string) => required(groups.get(id), `There is no group ${id}.`);

  function updateUser(userId: string, values: Partial<TenantUser>): void {
    const user = requireUser(userId);
    const next = { ...user, ...values };
    const properties = keysOf(values).filter((key) => user[key] !== next[key]);
    if (properties.length === 0) return;
    users.set(userId, next);
    record({ kind: 'user-updated', userId, properties });
  }

  function addMember(groupId: string, memberId: string): void {
    const group = requireGroup(groupId);
    if (!users.has(memberId)) requireGroup(memberId);
    if (group.memberIds.includes(memberId)) return;
    groups.set(groupId, { ...group, memberIds: [...group.memberIds, memberId] });
    record({ kind: 'member-added', groupId, memberId });
  }

  function removeMember(groupId: string, memberId: string): void {
    const group = requireGroup(groupId);
    if (!group.memberIds.includes(memberId)) return;
    groups.set(groupId, { ...group, memberIds: group.memberIds.filter((id) => id !== memberId) });
    record({ kind: 'member-removed', groupId, memberId });
  }

  function removeEverywhere(memberId: string): void {
    for (const groupId of groups.keys()) removeMember(groupId, memberId);
  }

  return {
    addMember,
    removeMember,
    createUser(user: NewUser): void {
      if (users.has(user.id) || groups.has(user.id)) throw new Error(`The id ${user.id} is taken.`);
      users.set(user.id, { mail: user.userPrincipalName, accountEnabled: true, userType: 'Member', ...user });
      record({ kind: 'user-created', userId: user.id });
    },
    /** Entra keeps a deleted user restorable for 30 days, but out of every group and list at once. */
    deleteUser(userId: string): void {
      requireUser(userId);
      removeEverywhere(userId);
      users.delete(userId);
      record({ kind: 'user-deleted', userId });
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
      groups.set(id, { ...group, displayName: names.displayName });
      record({ kind: 'group-updated', groupId: id, properties: ['displayName'] });
    },
    createGroup(group: Pick<TenantGroup, 'id' | 'displayName'>): void {
      if (users.has(group.id) || groups.has(group.id)) throw new Error(`The id ${group.id} is taken.`);
      groups.set(group.id, { ...group, memberIds: [] });
      record({ kind: 'group-created', groupId: group.id });
    },
    /** Security groups are gone at once; there is no soft delete for them. */
    deleteGroup(groupId: string): void {
      requireGroup(groupId);
      removeEverywhere(groupId);
      groups.delete(groupId);
      record({ kind: 'group-deleted', groupId });
    },
    findUser: (idOrName: string) =>
      users.get(idOrName) ?? [...users.values()].find((user) => user.userPrincipalName === idOrName),
    findGroup: (groupId: string) => groups.get(groupId),
    listUsers: (): readonly TenantUser[] => [...users.values()],
    listGroups: (): readonly TenantGroup[] => [...groups.values()],
    /** Ids of all users and groups below `groupId`, once each, however deep or circular the nesting. */
    listTransitiveMemberIds: (groupId: string) => reachMembers(groupId, (id) => groups.get(id)?.memberIds),
    /** What happened after `sequence`, oldest first. */
    listChanges: (sequence = 0): readonly LoggedChange[] => changes.slice(sequence),
    /** The number of the newest change; 0 before the first. */
    lastSequence: () => changes.length,
  };
}

function required<T>(value: T | undefined, message: string): T {
  if (value === undefined) throw new Error(message);
  return value;
}

function keysOf<T extends object>(value: T): (keyof T & string)[] {
  return Object.keys(value) as (keyof T & string)[];
}
