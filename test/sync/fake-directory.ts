// Entra as a test sets it: members and nested groups by group, which may be changed at any time. It reports changes
// as Graph does, from links that stand for what was there when they were given.

import type {
  Access,
  DeltaLinks,
  Directory,
  DirectoryUser,
  MemberEvidence,
  UserEvidence,
} from '../../lib/directory/directory.ts';
import { completeRead, incompleteRead } from '../../lib/directory/read.ts';
import type { EntraGroupId, EntraUserId } from '../../lib/ids.ts';

type Lists = {
  members: Map<EntraGroupId, DirectoryUser[]>;
  nested: Map<EntraGroupId, EntraGroupId[]>;
};
type Moment = Lists & { people: Map<EntraUserId, DirectoryUser> };

export class FakeDirectory implements Directory {
  readonly members = new Map<EntraGroupId, DirectoryUser[]>();
  readonly nested = new Map<EntraGroupId, EntraGroupId[]>();
  /** People who are gone from the tenant; who only left every group is still there. */
  readonly deleted = new Set<EntraUserId>();
  /** Groups whose read fails. */
  readonly unreadable = new Set<EntraGroupId>();
  /** What readChanges answers in place of the changes. */
  changesFault: 'reset' | 'unavailable' | undefined;
  /** Lists of members, and people, are answered as of then: a replica that lags behind. */
  staleMoment: Moment | undefined;
  /** How often each question was asked. */
  readonly asked = { takeLinks: 0, readChanges: 0, readGroups: 0, readUsers: 0, readAccess: 0 };
  readonly #moments: Moment[] = [];
  readonly #seen = new Map<EntraUserId, DirectoryUser>();

  takeLinks: Directory['takeLinks'] = async () => {
    this.asked.takeLinks += 1;
    return completeRead(this.#link());
  };

  readChanges: Directory['readChanges'] = async (links) => {
    this.asked.readChanges += 1;
    if (this.changesFault === 'reset') return { status: 'reset' };
    if (this.changesFault === 'unavailable') return incompleteRead('unavailable', 'injected');
    const before = this.#moments[Number(links.groups)];
    if (before === undefined || links.users !== links.groups) return { status: 'reset' };
    const groups = new Map<EntraGroupId, MemberEvidence>();
    for (const id of new Set([...before.members.keys(), ...this.members.keys()])) {
      const [old, now] = [idsIn(before, id), idsIn(this, id)];
      const added = now.filter((member) => !old.includes(member));
      // Who vanished from the tenant is reported by the users’ changes; Graph promises no more than that.
      const removed = old.filter((member) => !now.includes(member) && this.#exists(member));
      const isDeleted = before.members.has(id) !== this.members.has(id);
      if (added.length + removed.length > 0 || isDeleted) groups.set(id, { added, removed });
    }
    const now = this.#users();
    const changed = [...usersOf(before)].filter(
      ([id, user]) => JSON.stringify(user) !== JSON.stringify(now.get(id)),
    );
    return {
      status: 'complete',
      groups,
      users: new Map(changed.map(([id]) => [id, evidenceOf(now.get(id))])),
      links: this.#link(),
    };
  };

  readGroups: Directory['readGroups'] = async (groupIds) => {
    this.asked.readGroups += groupIds.length;
    const moment = this.staleMoment ?? this;
    return new Map(
      groupIds.map((id) => {
        if (this.unreadable.has(id)) return [id, incompleteRead('unavailable', 'injected')];
        const users = moment.members.get(id);
        if (users === undefined) return [id, incompleteRead('not-found', 'no such group')];
        return [id, completeRead({ id, users, nestedGroupIds: moment.nested.get(id) ?? [] })];
      }),
    );
  };

  readUsers: Directory['readUsers'] = async (userIds) => {
    this.asked.readUsers += userIds.length;
    const users = this.staleMoment?.people ?? this.#users();
    return new Map(
      userIds.map((id) => {
        const user = users.get(id);
        return [id, user ? completeRead(user) : incompleteRead('not-found', 'no such user')];
      }),
    );
  };

  readAccess: Directory['readAccess'] = async (questions) => {
    this.asked.readAccess += questions.length;
    const users = this.#users();
    return new Map(
      questions.map(({ userId, groupIds }) => {
        const user = users.get(userId);
        if (user === undefined) return [userId, completeRead<Access>({ status: 'gone' })];
        const { accountEnabled, kind } = user;
        const isIn = (id: EntraGroupId) => this.listMembers(id).some((member) => member.id === userId);
        const present = { accountEnabled, kind, groupIds: new Set(groupIds.filter(isIn)) };
        return [userId, completeRead<Access>({ status: 'present', ...present })];
      }),
    );
  };

  /** Everybody in the group, however deep. */
  listMembers(groupId: EntraGroupId): DirectoryUser[] {
    const below = new Set([groupId]);
    for (const id of below) for (const nested of this.nested.get(id) ?? []) below.add(nested);
    const users = [...below].flatMap((id) => this.members.get(id) ?? []);
    return [...new Map(users.map((user) => [user.id, user])).values()];
  }

  /** What is there now, for `staleMoment`. */
  moment(): Moment {
    return structuredClone({ people: this.#users(), members: this.members, nested: this.nested });
  }

  #users(): Map<EntraUserId, DirectoryUser> {
    for (const [id, user] of usersOf(this)) this.#seen.set(id, user);
    return new Map([...this.#seen].filter(([id]) => !this.deleted.has(id)));
  }

  #exists(id: string): boolean {
    return this.#users().has(id as EntraUserId) || this.members.has(id as EntraGroupId);
  }

  #link(): DeltaLinks {
    const link = String(this.#moments.push(this.moment()) - 1);
    return { groups: link, users: link };
  }
}

function idsIn({ members, nested }: Lists, groupId: EntraGroupId): string[] {
  return [...(members.get(groupId) ?? []).map((user) => user.id), ...(nested.get(groupId) ?? [])];
}

function evidenceOf(user: DirectoryUser | undefined): UserEvidence {
  if (user === undefined) return 'gone';
  return user.accountEnabled ? 'enabled' : 'disabled';
}

function usersOf({ members }: Lists): Map<EntraUserId, DirectoryUser> {
  return new Map([...members.values()].flat().map((user) => [user.id, user]));
}
