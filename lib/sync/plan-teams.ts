// Teams in a plan: settings that follow the policy, and teams that the policy no longer names. Pure.

import type { GatewayTeam } from '../gateway/state.ts';
import type { EntraGroupId } from '../ids.ts';
import type { Action } from './actions.ts';
import type { CurrentState } from './current.ts';
import type { DesiredState, DesiredTeam, ExclusionCause } from './desired.ts';
import { isArchived, isManaged } from './marker.ts';
import type { Notice } from './plan-context.ts';
import { settingsChange } from './team-settings.ts';

/** A team of the policy that is there and ours. */
export function planTeam(
  team: DesiredTeam,
  gatewayTeam: GatewayTeam,
  desired: DesiredState,
  current: CurrentState,
  actions: Action[],
  notices: Notice[],
): void {
  const teamId = team.groupId;
  if (isArchived(gatewayTeam)) actions.push({ kind: 'restore_team', teamId, cause: 'in policy.yml again' });
  else if (gatewayTeam.blocked) {
    const detail = 'Somebody blocked the team in LiteLLM; no key of it works until it is unblocked there.';
    notices.push({ code: 'team_blocked_by_hand', teamId, detail });
  }
  const change = settingsChange(gatewayTeam, team.settings, current.applied.team.get(teamId), desired.drift);
  if (change) actions.push({ kind: 'update_team', teamId, ...change, cause: 'policy' });
}

/** Teams of ours without a group in the policy, as teams that nobody is wanted in; or their release. */
export function planTeamsWithoutPolicy(
  desired: DesiredState,
  current: CurrentState,
  actions: Action[],
  notices: Notice[],
): DesiredTeam[] {
  const named = new Set<string>(desired.teams.map((team) => team.groupId));
  const left = [...current.gateway.teams.values()].filter(
    (team) => isManaged(team) && !named.has(team.teamId),
  );
  if (left.length === 0) return [];
  const withPeople = new Set<string>([...current.memberships, ...current.keys].map((row) => row.teamId));
  return left.flatMap((gatewayTeam): DesiredTeam[] => {
    const teamId = gatewayTeam.teamId as EntraGroupId;
    if (!current.applied.team.has(teamId) && !withPeople.has(teamId)) {
      const detail =
        'It carries our marker, but we have no record of it: another control plane made it, or our records are lost. It is left as it is.';
      notices.push({ code: 'team_not_recorded', teamId, detail });
      return [];
    }
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
