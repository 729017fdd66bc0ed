// Teams in a plan: settings that follow the policy, and teams that the policy no longer names. Pure.

import type { GatewayTeam } from '../gateway/state.ts';
import { type EntraGroupId, isGuid } from '../ids.ts';
import type { Action } from './actions.ts';
import type { CurrentState } from './current.ts';
import type { DesiredState, DesiredTeam, ExclusionCause, TeamSettings } from './desired.ts';
import { isArchived, isManaged } from './marker.ts';
import type { Notice } from './plan-context.ts';

const FIELDS = [
  'alias',
  'models',
  'maxBudgetUsd',
  'budgetDuration',
  'tpmLimit',
  'rpmLimit',
  'memberLimits',
] as const satisfies readonly (keyof TeamSettings)[];

/** A team of the policy that is there and ours. */
export function planTeam(
  team: DesiredTeam,
  gatewayTeam: GatewayTeam,
  actions: Action[],
  notices: Notice[],
): void {
  const teamId = team.groupId;
  if (isArchived(gatewayTeam)) actions.push({ kind: 'restore_team', teamId, cause: 'in policy.yml again' });
  else if (gatewayTeam.blocked) {
    const detail = 'Somebody blocked the team in LiteLLM; no key of it works until it is unblocked there.';
    notices.push({ code: 'team_blocked_by_hand', teamId, detail });
  }
  const change = settingsChange(gatewayTeam, team.settings);
  if (change) actions.push({ kind: 'update_team', teamId, ...change, cause: 'policy' });
}

/** Teams of ours without a group in the policy, as teams that nobody is wanted in; or their release. */
export function planTeamsWithoutPolicy(
  desired: DesiredState,
  current: CurrentState,
  actions: Action[],
): DesiredTeam[] {
  const named = new Set<string>(desired.teams.map((team) => team.groupId));
  const left = [...current.gateway.teams.values()].filter(
    (team) => isManaged(team) && !named.has(team.teamId) && isGuid(team.teamId),
  );
  return left.flatMap((gatewayTeam): DesiredTeam[] => {
    const teamId = gatewayTeam.teamId as EntraGroupId;
    if (desired.teamsWithoutPolicy === 'release') {
      actions.push({ kind: 'release_team', teamId, cause: 'no longer in policy.yml' });
      return [];
    }
    if (!isArchived(gatewayTeam) || !gatewayTeam.blocked)
      actions.push({ kind: 'archive_team', teamId, cause: 'no longer in policy.yml' });
    return [emptyTeam(gatewayTeam, teamId, current)];
  });
}

/** Whoever has something of the team is without access, and the cause says why. */
function emptyTeam(gatewayTeam: GatewayTeam, groupId: EntraGroupId, current: CurrentState): DesiredTeam {
  const cause: ExclusionCause = 'its team left policy.yml';
  const people = [...current.memberships, ...current.keys].filter((row) => row.teamId === groupId);
  return {
    groupId,
    role: 'member',
    settings: { ...gatewayTeam, alias: gatewayTeam.alias ?? groupId },
    membership: {
      status: 'complete',
      members: new Map(),
      excluded: new Map(people.map(({ userId }) => [userId, cause])),
    },
  };
}

export function settingsChange(
  current: GatewayTeam,
  wanted: TeamSettings,
): { before: Partial<TeamSettings>; after: Partial<TeamSettings> } | undefined {
  const before: Record<string, unknown> = {};
  const after: Record<string, unknown> = {};
  for (const field of FIELDS) {
    const is = field === 'models' ? [...current.models].sort() : current[field];
    if (JSON.stringify(is) !== JSON.stringify(wanted[field])) {
      before[field] = is;
      after[field] = wanted[field];
    }
  }
  return Object.keys(after).length === 0 ? undefined : { before, after };
}
