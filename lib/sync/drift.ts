// What somebody changed by hand in LiteLLM: what we had set, what is there, and whether this plan puts it right. Pure.
// Whether it does is decided where the plan is made; here it is only told.

import { digestOf } from '../canonical.ts';
import type { AppliedRow } from '../store/applied-settings.ts';
import type { Action } from './actions.ts';
import type { CurrentState, KeyRecord } from './current.ts';
import type { DesiredState } from './desired.ts';
import { isManaged } from './marker.ts';
import { wantedRoles } from './plan-users.ts';
import { isEqual, settingOf, TEAM_FIELDS } from './team-settings.ts';

export type DriftItem = {
  readonly what: 'team' | 'user' | 'member' | 'key';
  readonly teamId?: string;
  readonly userId?: string;
  readonly keyHash?: string;
  readonly field: string;
  /** As we had set it. */
  readonly before: unknown;
  /** As it is. */
  readonly after: unknown;
  /** `reported`: left as it is, by the policy or because it may be somebody's purpose. */
  readonly handling: 'fixed' | 'reported';
};

/** The same drift has the same key in every run. */
export function driftKey({ handling, ...item }: DriftItem): string {
  return digestOf(item);
}

export function findDrift(
  desired: DesiredState,
  current: CurrentState,
  actions: readonly Action[],
): DriftItem[] {
  const items = [
    ...teamDrift(desired, current, actions),
    ...userDrift(desired, current, actions),
    ...keyDrift(current, actions),
    ...memberDrift(desired, current),
  ];
  return items.sort((a, b) => (driftKey(a) < driftKey(b) ? -1 : 1));
}

function teamDrift(desired: DesiredState, current: CurrentState, actions: readonly Action[]): DriftItem[] {
  const changed = new Map(
    actions.flatMap((action) => (action.kind === 'update_team' ? [[action.teamId, action.after]] : [])),
  );
  return desired.teams.flatMap(({ groupId, settings }) => {
    const team = current.gateway.teams.get(groupId);
    const applied = current.applied.team.get(groupId);
    if (!team || !applied || !isManaged(team)) return [];
    return TEAM_FIELDS.flatMap((field): DriftItem[] => {
      const [before, after] = [applied[field], settingOf(team, field)];
      // What is as the policy asks is nobody's fault, whoever made it so.
      if (before === undefined || isEqual(before, after) || isEqual(after, settings[field])) return [];
      const handling = field in (changed.get(groupId) ?? {}) ? 'fixed' : 'reported';
      return [{ what: 'team', teamId: groupId, field, before, after, handling }];
    });
  });
}

function userDrift(desired: DesiredState, current: CurrentState, actions: readonly Action[]): DriftItem[] {
  const wanted = wantedRoles(desired);
  const changed = new Set(
    actions.flatMap((action) =>
      action.kind === 'demote_user' || (action.kind === 'update_user' && action.after.role !== undefined)
        ? [action.userId as string]
        : [],
    ),
  );
  return [...current.applied.user].flatMap(([userId, { role: before }]): DriftItem[] => {
    const row = current.gateway.users.get(userId);
    if (!row || before === undefined || row.role === before || !isManaged(row)) return [];
    if (row.role === (wanted.get(userId) ?? row.role)) return [];
    const handling = changed.has(userId) ? 'fixed' : 'reported';
    return [{ what: 'user', userId, field: 'role', before, after: row.role, handling }];
  });
}

function keyDrift({ keys, gateway }: CurrentState, actions: readonly Action[]): DriftItem[] {
  const touched = new Set<string>(actions.flatMap((action) => ('keyHash' in action ? [action.keyHash] : [])));
  const replaced = new Set<string | null>(
    actions.flatMap((action) => (action.kind === 'mint_key' ? [action.replaces] : [])),
  );
  return keys.flatMap((key): DriftItem[] => {
    const found = keyState(key, gateway.keys.get(key.keyHash));
    if (found === undefined) return [];
    const { keyHash, teamId, userId } = key;
    const isFixed = touched.has(keyHash) || replaced.has(keyHash);
    const handling = isFixed ? 'fixed' : 'reported';
    return [{ what: 'key', teamId, userId, keyHash, ...found, handling }];
  });
}

function keyState(
  { status, heldByHand, teamId }: KeyRecord,
  inGateway: { readonly blocked: boolean; readonly teamId: string | null } | undefined,
): Pick<DriftItem, 'field' | 'before' | 'after'> | undefined {
  switch (status) {
    case 'live':
    case 'retiring':
      if (inGateway === undefined) return { field: 'key', before: 'live', after: 'deleted' };
      if (inGateway.blocked) return { field: 'blocked', before: false, after: true };
      return inGateway.teamId === teamId
        ? undefined
        : { field: 'team', before: teamId, after: inGateway.teamId };
    case 'blocked':
      return inGateway === undefined || inGateway.blocked || heldByHand
        ? undefined
        : { field: 'blocked', before: true, after: false };
    case 'escrowed':
    case 'abandoned':
      return undefined;
  }
}

/** What is as it should be and is not yet known as what we set: from now on another value is somebody's change. */
export function findNewlyApplied(desired: DesiredState, current: CurrentState): AppliedRow[] {
  const teams = desired.teams.flatMap(({ groupId, settings }): AppliedRow[] => {
    const team = current.gateway.teams.get(groupId);
    if (!team || !isManaged(team)) return [];
    const applied = current.applied.team.get(groupId);
    const fresh = TEAM_FIELDS.filter(
      (field) =>
        isEqual(settingOf(team, field), settings[field]) && !isEqual(applied?.[field], settings[field]),
    );
    const values = Object.fromEntries(fresh.map((field) => [field, settings[field]]));
    return fresh.length === 0 ? [] : [{ kind: 'team', id: groupId, settings: values }];
  });
  const users = [...wantedRoles(desired)].flatMap(([id, role]): AppliedRow[] => {
    const row = current.gateway.users.get(id);
    const isFresh = row?.role === role && isManaged(row) && current.applied.user.get(id)?.role !== role;
    return isFresh ? [{ kind: 'user', id, settings: { role } }] : [];
  });
  return [...teams, ...users];
}

/** Who is in a group and had been put into its team, but is there no more; and who is in it without access by Entra. */
function memberDrift(desired: DesiredState, current: CurrentState): DriftItem[] {
  const owned = Map.groupBy(current.memberships, (membership) => membership.teamId);
  return desired.teams.flatMap(({ groupId, membership }): DriftItem[] => {
    const team = current.gateway.teams.get(groupId);
    if (!team || !isManaged(team) || membership.status === 'incomplete') return [];
    const present = new Set(team.members.map((member) => member.userId));
    const ours = new Set<string>((owned.get(groupId) ?? []).map((row) => row.userId));
    const shared = { what: 'member', teamId: groupId, field: 'membership' } as const;
    const missing = [...membership.members.keys()]
      .filter((userId) => ours.has(userId) && !present.has(userId))
      .map((userId) => ({ ...shared, userId, before: 'member', after: 'none', handling: 'fixed' as const }));
    const extra = [...membership.excluded.keys()]
      .filter((userId) => !ours.has(userId) && present.has(userId))
      .map((userId) => ({
        ...shared,
        userId,
        before: 'none',
        after: 'member',
        handling: 'reported' as const,
      }));
    return [...missing, ...extra];
  });
}
