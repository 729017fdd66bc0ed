// Whether one team, one person or one key may be adopted. Pure, and the same when it is proposed and when it is applied.
// The measure of all: the run after the adoption must change, block or make nothing for what was adopted.

import type { GatewayKey, GatewayTeam } from '../../gateway/state.ts';
import type { UserRole } from '../../gateway/users.ts';
import type { EntraGroupId, EntraUserId } from '../../ids.ts';
import type { DesiredMember } from '../desired.ts';
import { isManaged } from '../marker.ts';
import { GATEWAY_ROLE, power } from '../plan-users.ts';
import { settingsChange } from '../team-settings.ts';
import type { Present, TeamPair, UserPair, Why } from './present.ts';

export function judgeTeam(team: GatewayTeam, { groupId, teamId }: TeamPair, present: Present): Why {
  const taken = judgeIds('team', groupId, teamId, present, present.gateway.teams);
  if (taken !== undefined) return taken;
  const wanted = present.desired.teams.find((other) => other.groupId === groupId);
  if (!wanted) return 'policy.yml does not name the group; put the proposed entry there first.';
  if (wanted.membership.status === 'incomplete')
    return `the group could not be read completely (${wanted.membership.detail})`;
  const change = settingsChange(team, wanted.settings);
  if (change === undefined) return undefined;
  return `policy.yml asks for other settings than the team has (${Object.keys(change.after).join(', ')}), and the next run would change them; make them equal first.`;
}

export function judgeUser({ entraId, userId }: UserPair, present: Present): Why {
  const row = present.gateway.users.get(userId);
  if (!row) return 'LiteLLM has no such user.';
  const taken = judgeIds('user', entraId, userId, present, present.gateway.users);
  if (taken !== undefined) return taken;
  if (row.ssoUserId !== null && row.ssoUserId.toLowerCase() !== entraId)
    return 'in LiteLLM the row signs in as another person (sso_user_id).';
  if (wantedPeople(present).has(entraId)) return undefined;
  const cause = present.desired.teams.flatMap(({ membership }) =>
    membership.status === 'complete' ? [membership.excluded.get(entraId)] : [],
  );
  return `the person has no access by Entra (${cause.find((one) => one !== undefined) ?? 'in none of the groups'}).`;
}

/** `owner` and `team` are the ones that the key’s ids in LiteLLM stand for, where they are adopted. */
export function judgeKey(
  key: GatewayKey,
  owner: EntraUserId | undefined,
  team: EntraGroupId | undefined,
  present: Present,
): Why {
  if (key.userId === null) return 'nobody owns it.';
  if (key.teamId === null) return 'it belongs to no team.';
  if (team === undefined) return 'its team is not taken over.';
  if (owner === undefined) return 'its owner is not taken over.';
  if (key.blocked) return 'it is blocked.';
  if (key.expiresAt !== null && key.expiresAt <= present.now) return 'it has expired.';
  if (key.expiresAt !== null)
    return 'it will expire; the next run makes its owner a key without an end, and this one works until then.';
  const wanted = present.desired.teams.find(({ groupId }) => groupId === team)?.membership;
  if (wanted?.status !== 'complete' || !wanted.members.has(owner)) return 'its owner is not in the group.';
  const isOther = (record: Present['keys'][number]) =>
    record.userId === owner && record.teamId === team && record.keyHash !== key.keyHash;
  if (present.keys.some((record) => isOther(record) && record.status !== 'deleted'))
    return 'its owner has a key of ours in the team already.';
  return undefined;
}

/** Everybody who is wanted anywhere, with the strongest role that a group gives. */
export function wantedPeople({
  desired,
}: Pick<Present, 'desired'>): ReadonlyMap<
  EntraUserId,
  { readonly member: DesiredMember; readonly role: UserRole }
> {
  const known = wantedOf.get(desired);
  if (known) return known;
  const wanted = new Map<EntraUserId, { member: DesiredMember; role: UserRole }>();
  for (const { role: groupRole, membership } of desired.teams) {
    if (membership.status === 'incomplete') continue;
    const role = GATEWAY_ROLE[groupRole];
    for (const [userId, member] of membership.members) {
      const other = wanted.get(userId);
      if (!other || power(role) > power(other.role)) wanted.set(userId, { member, role });
    }
  }
  wantedOf.set(desired, wanted);
  return wanted;
}
const wantedOf = new WeakMap<Present['desired'], ReturnType<typeof wantedPeople>>();

/** Rows that stand for a person already, by LiteLLM’s id: taken over before, or made by us. */
export function knownUsers({ adoptions, gateway, desired }: Present): Map<string, EntraUserId> {
  const known = new Map<string, EntraUserId>();
  const wanted = wantedPeople({ desired });
  for (const row of gateway.users.values())
    if (isManaged(row) && wanted.has(row.userId as EntraUserId))
      known.set(row.userId, row.userId as EntraUserId);
  for (const { kind, entraId, gatewayId } of adoptions)
    if (kind === 'user') known.set(gatewayId, entraId as EntraUserId);
  return known;
}

/** Whether mail, name and role of the row may follow Entra: only when the role is the one that the groups give, because
 *  a run would take a stronger one away. /user/new leaves the role empty, which stands for the weakest of people. */
export function mayMark(role: string | null, wanted: UserRole): boolean {
  return role === wanted || (role === null && wanted === 'internal_user');
}

/** One id may stand for one thing only. */
function judgeIds(
  kind: 'team' | 'user',
  entraId: string,
  gatewayId: string,
  { adoptions }: Present,
  rows: ReadonlyMap<string, Parameters<typeof isManaged>[0]>,
): Why {
  const ofKind = adoptions.filter((adoption) => adoption.kind === kind);
  const same = ofKind.find((adoption) => adoption.entraId === entraId);
  if (same?.gatewayId === gatewayId) return undefined;
  const whose = kind === 'team' ? 'this group' : 'this person';
  if (same) return `another ${kind} was already taken over for ${whose}.`;
  if (ofKind.some((adoption) => adoption.gatewayId === gatewayId || adoption.entraId === gatewayId))
    return `this ${kind} was already taken over for another Object ID.`;
  const row = rows.get(gatewayId);
  if (row && isManaged(row)) return `the control plane made this ${kind} itself.`;
  if (entraId !== gatewayId && rows.has(entraId))
    return `LiteLLM already has a ${kind} whose id is the Object ID of ${whose}; look which of the two is used and delete the other.`;
  return undefined;
}
