// The sorted changes that make LiteLLM what policy and Entra ask for. Pure: equal inputs in any order give
// the same plan and the same digest. Two invariants live here and in the guard: nothing unmarked is touched,
// and a group that was read incompletely loses nobody.

import { digestOf } from '../canonical.ts';
import type { EntraGroupId, EntraUserId } from '../ids.ts';
import { type Action, compareActions } from './actions.ts';
import type { CurrentState } from './current.ts';
import type { DesiredState, DesiredTeam, Role } from './desired.ts';
import { isManaged } from './marker.ts';
import { leavingCause, type Notice, type TeamContext } from './plan-context.ts';
import { planEndingKeys, planKeys } from './plan-keys.ts';
import { planTeam, planTeamsWithoutPolicy } from './plan-teams.ts';
import { planUsers } from './plan-users.ts';

/** What the guard needs to know of a team beside the actions. Counts are people. */
export type TeamFacts = {
  readonly teamId: EntraGroupId;
  readonly alias: string;
  readonly role: Role;
  readonly read: 'complete' | 'incomplete';
  /** Members that are ours, before the plan. */
  readonly ownedMembers: readonly EntraUserId[];
};

export type Plan = {
  /** SHA-256 of the actions. */
  readonly digest: string;
  readonly actions: readonly Action[];
  readonly teams: readonly TeamFacts[];
  readonly notices: readonly Notice[];
};

export function planChanges(desired: DesiredState, current: CurrentState): Plan {
  const actions: Action[] = [];
  const notices: Notice[] = [];
  const facts: TeamFacts[] = [];
  const ownedByTeam = Map.groupBy(current.memberships, (membership) => membership.teamId);
  const keysByTeam = Map.groupBy(current.keys, (key) => key.teamId);
  // The sets of a team are dropped with it: those of a hundred thousand members would else live to the end.
  const manageable: DesiredTeam[] = [];

  const withoutPolicy = planTeamsWithoutPolicy(desired, current, actions, notices);
  for (const team of [...desired.teams, ...withoutPolicy]) {
    const gatewayTeam = current.gateway.teams.get(team.groupId);
    const context: TeamContext = {
      team,
      owned: new Set((ownedByTeam.get(team.groupId) ?? []).map((membership) => membership.userId)),
      present: new Set(gatewayTeam?.members.map((member) => member.userId)),
      keys: keysByTeam.get(team.groupId) ?? [],
    };
    facts.push({
      teamId: team.groupId,
      alias: team.settings.alias,
      role: team.role,
      read: team.membership.status,
      ownedMembers: [...context.owned].sort(),
    });
    if (team.membership.status === 'incomplete') {
      const { reason, detail } = team.membership;
      notices.push({ code: 'group_read_incomplete', teamId: team.groupId, detail: `${reason}: ${detail}` });
    }
    if (gatewayTeam && !isManaged(gatewayTeam)) {
      notices.push({
        code: 'team_not_ours',
        teamId: team.groupId,
        detail: 'A team with this id was made by hand; nothing in it is touched.',
      });
      continue;
    }
    manageable.push(team);
    if (gatewayTeam) {
      if (!withoutPolicy.includes(team)) planTeam(team, gatewayTeam, desired, current, actions, notices);
    } else if (team.membership.status === 'complete') {
      actions.push({ kind: 'create_team', teamId: team.groupId, settings: team.settings, cause: 'policy' });
    }
    planMembers(context, actions, notices);
    const restored = planKeys(context, current, desired.graceMs, actions, notices);
    planEndingKeys(context, current, desired.graceMs, restored, actions, notices);
  }

  planUsers(manageable, desired, withoutPolicy.length, current, actions, notices);

  actions.sort(compareActions);
  notices.sort((a, b) => compareText(noticeKey(a), noticeKey(b)));
  return { digest: digestOf(actions), actions, teams: facts, notices };
}

function planMembers({ team, owned, present }: TeamContext, actions: Action[], notices: Notice[]): void {
  if (team.membership.status === 'incomplete') return;
  for (const userId of team.membership.members.keys()) {
    if (!present.has(userId)) {
      actions.push({
        kind: 'add_member',
        teamId: team.groupId,
        userId,
        cause: `member of group ${team.groupId}`,
      });
    }
  }
  for (const userId of owned) {
    const cause = leavingCause(team, userId);
    if (cause !== undefined) actions.push({ kind: 'remove_member', teamId: team.groupId, userId, cause });
  }
  for (const [userId] of team.membership.excluded) {
    if (present.has(userId) && !owned.has(userId)) {
      notices.push({
        code: 'member_not_ours',
        teamId: team.groupId,
        userId,
        detail: 'Without access by Entra, but put into the team by hand.',
      });
    }
  }
}

/** What of a team is other than wanted; undefined when nothing is. */
export function noticeKey(notice: Notice): string {
  return `${notice.code}/${notice.teamId ?? ''}/${notice.userId ?? ''}/${notice.detail}`;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
