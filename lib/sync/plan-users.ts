// People in a plan: their mail, name and role follow Entra and the policy, on user rows that are ours. Pure.

import type { GatewayUser } from '../gateway/state.ts';
import type { UserRole } from '../gateway/users.ts';
import type { EntraUserId } from '../ids.ts';
import type { Action, UserFields } from './actions.ts';
import type { CurrentState } from './current.ts';
import { type DesiredMember, type DesiredState, type DesiredTeam, mailOf, type Role } from './desired.ts';
import { isManaged } from './marker.ts';
import type { Notice } from './plan-context.ts';

/** LiteLLM's roles from least to most power (docs.litellm.ai, access control). */
export const GATEWAY_ROLE: Record<Role, UserRole> = {
  member: 'internal_user',
  devops: 'proxy_admin_viewer',
  admin: 'proxy_admin',
};
const POWER = ['internal_user_viewer', 'internal_user', 'proxy_admin_viewer', 'proxy_admin'];

/** `teams` are those that are ours to manage, `formerCount` of which the policy does not name any more. */
export function planUsers(
  teams: readonly DesiredTeam[],
  desired: DesiredState,
  formerCount: number,
  current: CurrentState,
  actions: Action[],
  notices: Notice[],
): void {
  // Whoever may be in a group we could not read keeps the role it may give.
  const everyGroupRead = teams.every(({ membership }) => membership.status === 'complete');
  const isMemberOfOurs = membershipQuestion(teams, current);

  const wanted = visitWantedPeople(teams, (userId, member, role) => {
    const row = current.gateway.users.get(userId);
    if (row && !isOurs(row, isMemberOfOurs)) {
      notices.push({
        code: 'user_not_ours',
        userId,
        detail: 'This user row was made by hand; its mail, name and role are left alone.',
      });
      return;
    }
    const fields: UserFields = { email: mailOf(member), alias: member.displayName, role };
    const isReported = desired.drift.role === 'report' && current.applied.user.get(userId)?.role === role;
    if (row) planUser(userId, fields, row, { everyGroupRead, isReported }, actions);
    else actions.push({ kind: 'create_user', userId, fields, cause: 'new' });
  });
  // Whoever is wanted in a team that is not ours is nobody's leaver.
  if (!everyGroupRead || teams.length < desired.teams.length + formerCount) return;
  const teamIds = new Set<string>(teams.map((team) => team.groupId));
  planLeavers(wanted, teamIds, current, actions);
}

type WantedPerson = { readonly member: DesiredMember; readonly role: UserRole };

/** Visits everybody in a group that was read once, with the strongest role their groups give, and returns who that
 *  is. Only whom a role lifts above a plain member is remembered with it: they are few, the members a hundred
 *  thousand. */
function visitWantedPeople(
  teams: readonly DesiredTeam[],
  visit: (userId: EntraUserId, member: DesiredMember, role: UserRole) => void,
): ReadonlySet<EntraUserId> {
  const lifted = liftedPeople(teams);
  const visited = new Set<EntraUserId>();
  for (const { membership } of teams) {
    if (membership.status === 'incomplete') continue;
    for (const [userId, plainMember] of membership.members) {
      if (visited.has(userId)) continue;
      visited.add(userId);
      const { member, role } = lifted.get(userId) ?? { member: plainMember, role: GATEWAY_ROLE.member };
      visit(userId, member, role);
    }
  }
  return visited;
}

/** Everybody whom a group makes more than a plain member, as the first group that gives the strongest role has them. */
function liftedPeople(teams: readonly DesiredTeam[]): ReadonlyMap<EntraUserId, WantedPerson> {
  const lifted = new Map<EntraUserId, WantedPerson>();
  for (const team of teams) {
    if (team.membership.status === 'incomplete' || team.role === 'member') continue;
    const role = GATEWAY_ROLE[team.role];
    for (const [userId, member] of team.membership.members) {
      const other = lifted.get(userId);
      if (!other || power(role) > power(other.role)) lifted.set(userId, { member, role });
    }
  }
  return lifted;
}

export function wantedRoles({ teams }: DesiredState): ReadonlyMap<string, UserRole> {
  const roles = new Map<string, UserRole>();
  visitWantedPeople(teams, (userId, _, role) => roles.set(userId, role));
  return roles;
}

/** People of ours whom no mapped group has any more: deactivated at once, deleted when the last of their keys is.
 *  Whoever has something
 *  that another gave keeps the role to use it. */
function planLeavers(
  wanted: Pick<ReadonlySet<EntraUserId>, 'has'>,
  teamIds: ReadonlySet<string>,
  current: CurrentState,
  actions: Action[],
): void {
  // Nothing is made of everybody here: a hundred thousand people are looked up in what there is.
  const unwanted = new Map<string, GatewayUser>();
  for (const row of current.gateway.users.values())
    if (!wanted.has(row.userId as EntraUserId) && isManaged(row)) unwanted.set(row.userId, row);
  if (unwanted.size === 0) return;
  const left = [...peopleOnRecord(unwanted, current)].flatMap((userId) => unwanted.get(userId) ?? []);
  const holdings = holdingsOf(new Set(left.map((row) => row.userId)), teamIds, current);
  for (const row of left) {
    const userId = row.userId as EntraUserId;
    // Whoever is still more than a user is made one first, under the guard's rules for that.
    if (!holdings.any.has(userId) && power(row.role) <= power('internal_user')) {
      actions.push({ kind: 'delete_user', userId, cause: 'in no mapped group, and the last key is gone' });
      continue;
    }
    const after = holdings.otherwise.has(userId) ? 'internal_user' : 'internal_user_viewer';
    if (power(row.role) > power(after))
      actions.push({ kind: 'demote_user', userId, before: row.role, after, cause: 'in no mapped group' });
  }
}

/** Those of `people` to whom we ever gave something. A marked row of somebody else is another control plane's on the same
 *  LiteLLM, or our records are lost: it is left alone. */
function peopleOnRecord(
  people: ReadonlyMap<string, unknown>,
  { memberships, keys, generations, applied }: CurrentState,
): ReadonlySet<string> {
  const known = new Set<string>();
  const keep = (userId: string) => people.has(userId) && known.add(userId);
  for (const userId of people.keys()) if (applied.user.has(userId)) known.add(userId);
  for (const { userId } of memberships) keep(userId);
  for (const { userId } of keys) keep(userId);
  // Only somebody whose last key is gone is known by its number alone. To cut a text that was put together, V8 copies
  // it and keeps the copy: ten megabytes for a hundred thousand keys.
  if (known.size < people.size) for (const pair of generations.keys()) keep(pair.slice(0, pair.indexOf('/')));
  return known;
}

/** Who of `people` has anything left: a membership or a key, recorded by us or in LiteLLM; and who has something that
 *  no group of the policy gave. */
function holdingsOf(
  people: ReadonlySet<string>,
  teamIds: ReadonlySet<string>,
  { gateway, memberships, keys }: CurrentState,
) {
  const [any, otherwise] = [new Set<string>(), new Set<string>()];
  const ours = new Set<string>();
  for (const { teamId, userId } of memberships) {
    if (!people.has(userId)) continue;
    any.add(userId);
    if (teamIds.has(teamId)) ours.add(`${teamId}/${userId}`);
  }
  for (const key of keys) {
    if (!people.has(key.userId)) continue;
    ours.add(key.keyHash);
    // A key that was given up and never turned up is nothing.
    if (key.status !== 'abandoned' || gateway.keys.has(key.keyHash)) any.add(key.userId);
  }
  for (const { teamId, members } of gateway.teams.values())
    for (const { userId } of members)
      if (people.has(userId) && !ours.has(`${teamId}/${userId}`)) otherwise.add(userId);
  for (const { keyHash, userId } of gateway.keys.values())
    if (userId !== null && people.has(userId) && !ours.has(keyHash)) otherwise.add(userId);
  for (const userId of otherwise) any.add(userId);
  return { any, otherwise };
}

function planUser(
  userId: EntraUserId,
  fields: UserFields,
  row: GatewayUser,
  { everyGroupRead, isReported }: { readonly everyGroupRead: boolean; readonly isReported: boolean },
  actions: Action[],
): void {
  const changed: (keyof UserFields)[] = [];
  // LiteLLM cannot clear a text, so an account that lost its mail keeps the old one.
  if (fields.email !== null && row.email?.toLowerCase() !== fields.email.toLowerCase()) changed.push('email');
  if (fields.alias !== null && row.alias !== fields.alias) changed.push('alias');
  const isStronger = power(row.role) > power(fields.role);
  if (row.role !== fields.role && !isStronger && !isReported) changed.push('role');

  const mark = !isManaged(row);
  if (mark || changed.length > 0) {
    const [before, after] = [pickFields(changed, row), pickFields(changed, fields)];
    actions.push({ kind: 'update_user', userId, before, after, mark, cause: 'changed in Entra or policy' });
  }
  if (isStronger && everyGroupRead && !isReported) {
    const cause = 'no mapped group gives the role any more';
    actions.push({ kind: 'demote_user', userId, before: row.role, after: fields.role, cause });
  }
}

function pickFields(
  names: readonly (keyof UserFields)[],
  from: Readonly<Record<keyof UserFields, string | null>>,
): Partial<UserFields> {
  return Object.fromEntries(names.map((name) => [name, from[name]]));
}

/** Whether somebody is a member of ours in one of the teams. Asked only about bare rows, so looked up only then. */
function membershipQuestion(
  teams: readonly DesiredTeam[],
  { memberships }: CurrentState,
): (userId: string) => boolean {
  let people: ReadonlySet<string> | undefined;
  return (userId) => {
    if (people === undefined) {
      const teamIds = new Set(teams.map((team) => team.groupId));
      people = new Set(memberships.filter((row) => teamIds.has(row.teamId)).map((row) => row.userId));
    }
    return people.has(userId);
  };
}

/** Marked, or a bare row that /team/member_add made for a membership of ours (it keeps no mail and no marker). */
function isOurs(row: GatewayUser, isMemberOfOurs: (userId: string) => boolean): boolean {
  if (isManaged(row)) return true;
  const isBare =
    row.email === null &&
    row.alias === null &&
    row.ssoUserId === null &&
    Object.keys(row.metadata).length === 0;
  return isBare && isMemberOfOurs(row.userId);
}

export function power(role: string | null): number {
  return POWER.indexOf(role ?? '');
}
