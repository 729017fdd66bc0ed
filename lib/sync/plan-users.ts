// People in a plan: their mail, name and role follow Entra and the policy, on user rows that are ours. Pure.

import type { GatewayUser } from '../gateway/state.ts';
import type { UserRole } from '../gateway/users.ts';
import type { EntraUserId } from '../ids.ts';
import type { Action, UserFields } from './actions.ts';
import type { CurrentState } from './current.ts';
import type { DesiredMember, Role } from './desired.ts';
import { isManaged } from './marker.ts';
import type { Notice, TeamContext } from './plan-context.ts';

/** LiteLLM's roles from least to most power (docs.litellm.ai, access control). */
export const GATEWAY_ROLE: Record<Role, UserRole> = {
  member: 'internal_user',
  devops: 'proxy_admin_viewer',
  admin: 'proxy_admin',
};
const POWER = ['internal_user_viewer', 'internal_user', 'proxy_admin_viewer', 'proxy_admin'];

export function planUsers(
  contexts: readonly Pick<TeamContext, 'team' | 'owned'>[],
  current: CurrentState,
  actions: Action[],
  notices: Notice[],
): void {
  const wanted = new Map<EntraUserId, { member: DesiredMember; role: UserRole }>();
  // Whoever may be in a group we could not read keeps the role it may give.
  const everyGroupRead = contexts.every(({ team }) => team.membership.status === 'complete');
  for (const { team } of contexts) {
    if (team.membership.status === 'incomplete') continue;
    for (const [userId, member] of team.membership.members) {
      const role = GATEWAY_ROLE[team.role];
      const other = wanted.get(userId);
      if (!other || power(role) > power(other.role)) wanted.set(userId, { member, role });
    }
  }

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
    if (row) planUser(userId, fields, row, everyGroupRead, actions);
    else actions.push({ kind: 'create_user', userId, fields, cause: 'new' });
  }
  if (!everyGroupRead) return;
  const demoted = new Set<EntraUserId>();
  for (const userId of contexts.flatMap(({ owned }) => [...owned].filter((id) => !wanted.has(id)))) {
    const row = current.gateway.users.get(userId);
    if (!row || demoted.has(userId) || !isManaged(row) || power(row.role) <= power('internal_user')) continue;
    demoted.add(userId);
    actions.push({
      kind: 'demote_user',
      userId,
      before: row.role,
      after: 'internal_user',
      cause: 'in no mapped group',
    });
  }
}

function planUser(
  userId: EntraUserId,
  fields: UserFields,
  row: GatewayUser,
  mayDemote: boolean,
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
  if (row.role !== fields.role && !isStronger) change('role', row.role, fields.role);

  const mark = !isManaged(row);
  if (mark || Object.keys(after).length > 0) {
    actions.push({ kind: 'update_user', userId, before, after, mark, cause: 'changed in Entra or policy' });
  }
  if (isStronger && mayDemote) {
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
