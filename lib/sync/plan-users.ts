// People in a plan: their mail, name and role follow Entra and the policy, on user rows that are ours. Pure.

import type { GatewayUser } from '../gateway/state.ts';
import type { UserRole } from '../gateway/users.ts';
import type { EntraUserId } from '../ids.ts';
import type { Action, UserFields } from './actions.ts';
import type { CurrentState } from './current.ts';
import type { DesiredMember, DesiredState, DesiredTeam, Role } from './desired.ts';
import { isManaged } from './marker.ts';
import type { Notice, TeamContext } from './plan-context.ts';

/** LiteLLM's roles from least to most power (docs.litellm.ai, access control). */
export const GATEWAY_ROLE: Record<Role, UserRole> = {
  member: 'internal_user',
  devops: 'proxy_admin_viewer',
  admin: 'proxy_admin',
};
const POWER = ['internal_user_viewer', 'internal_user', 'proxy_admin_viewer', 'proxy_admin'];

/** `contexts` are the teams that are ours to manage, `formerCount` of which the policy does not name any more. */
export function planUsers(
  contexts: readonly Pick<TeamContext, 'team' | 'owned'>[],
  desired: DesiredState,
  formerCount: number,
  current: CurrentState,
  actions: Action[],
  notices: Notice[],
): void {
  const wanted = wantedPeople(contexts.map(({ team }) => team));
  // Whoever may be in a group we could not read keeps the role it may give.
  const everyGroupRead = contexts.every(({ team }) => team.membership.status === 'complete');

  for (const [userId, { member, role }] of wanted) {
    const row = current.gateway.users.get(userId);
    if (row && !isOurs(row, () => contexts.some(({ owned }) => owned.has(userId)))) {
      notices.push({
        code: 'user_not_ours',
        userId,
        detail: 'This user row was made by hand; its mail, name and role are left alone.',
      });
      continue;
    }
    const fields: UserFields = { email: member.email, alias: member.name, role };
    const isReported = desired.drift.role === 'report' && current.applied.user.get(userId)?.role === role;
    if (row) planUser(userId, fields, row, { everyGroupRead, isReported }, actions);
    else actions.push({ kind: 'create_user', userId, fields, cause: 'new' });
  }
  // Whoever is wanted in a team that is not ours is nobody's leaver.
  if (!everyGroupRead || contexts.length < desired.teams.length + formerCount) return;
  const teamIds = new Set<string>(contexts.map(({ team }) => team.groupId));
  planLeavers(wanted, teamIds, current, actions);
}

type WantedPerson = { readonly member: DesiredMember; readonly role: UserRole };

/** Everybody in a group that was read, with the strongest role their groups give. */
function wantedPeople(teams: readonly DesiredTeam[]): ReadonlyMap<EntraUserId, WantedPerson> {
  const wanted = new Map<EntraUserId, WantedPerson>();
  for (const team of teams) {
    if (team.membership.status === 'incomplete') continue;
    for (const [userId, member] of team.membership.members) {
      const role = GATEWAY_ROLE[team.role];
      const other = wanted.get(userId);
      if (!other || power(role) > power(other.role)) wanted.set(userId, { member, role });
    }
  }
  return wanted;
}

export function wantedRoles({ teams }: DesiredState): ReadonlyMap<string, UserRole> {
  return new Map([...wantedPeople(teams)].map(([userId, { role }]) => [userId, role]));
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
  { memberships, generations, applied }: CurrentState,
): ReadonlySet<string> {
  const known = new Set<string>();
  const keep = (userId: string) => people.has(userId) && known.add(userId);
  for (const userId of people.keys()) if (applied.user.has(userId)) known.add(userId);
  for (const { userId } of memberships) keep(userId);
  for (const pair of generations.keys()) keep(pair.slice(0, pair.indexOf('/')));
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
  const before: Record<string, string | null> = {};
  const after: Record<string, string> = {};
  const change = (field: keyof UserFields, is: string | null, wanted: string) => {
    before[field] = is;
    after[field] = wanted;
  };
  // LiteLLM cannot clear a text, so an account that lost its mail keeps the old one.
  if (fields.email !== null && row.email?.toLowerCase() !== fields.email.toLowerCase())
    change('email', row.email, fields.email);
  if (fields.alias !== null && row.alias !== fields.alias) change('alias', row.alias, fields.alias);
  const isStronger = power(row.role) > power(fields.role);
  if (row.role !== fields.role && !isStronger && !isReported) change('role', row.role, fields.role);

  const mark = !isManaged(row);
  if (mark || Object.keys(after).length > 0) {
    actions.push({ kind: 'update_user', userId, before, after, mark, cause: 'changed in Entra or policy' });
  }
  if (isStronger && everyGroupRead && !isReported) {
    const cause = 'no mapped group gives the role any more';
    actions.push({ kind: 'demote_user', userId, before: row.role, after: fields.role, cause });
  }
}

/** Marked, or a bare row that /team/member_add made for a membership of ours (it keeps no mail and no marker). */
function isOurs(row: GatewayUser, isMemberOfOurs: () => boolean): boolean {
  if (isManaged(row)) return true;
  const isBare =
    row.email === null &&
    row.alias === null &&
    row.ssoUserId === null &&
    Object.keys(row.metadata).length === 0;
  return isBare && isMemberOfOurs();
}

export function power(role: string | null): number {
  return POWER.indexOf(role ?? '');
}
