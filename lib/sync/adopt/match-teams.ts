// Which hand-made team belongs to which group: by name, or as it was taken over before. Pure; what is not certain is
// listed with the reason and never guessed.

import type { GatewayState, GatewayTeam } from '../../gateway/state.ts';
import type { EntraGroupId } from '../../ids.ts';
import { checkPolicyGroup, type Policy, type PolicyGroup } from '../../policy/schema.ts';
import type { StoredAdoption } from '../../store/adoptions.ts';
import { isManaged } from '../marker.ts';
import type { LeftAlone } from './file.ts';
import type { TeamPair } from './present.ts';
import { policySettingsOf } from './settings.ts';

export type TeamMatches = {
  readonly pairs: readonly TeamPair[];
  /** Entries for policy.yml with exactly the settings that the teams have. */
  readonly policyGroups: readonly PolicyGroup[];
  readonly leftAlone: readonly LeftAlone[];
};

export function matchTeams(
  gateway: GatewayState,
  groupNames: ReadonlyMap<EntraGroupId, string>,
  policy: Policy,
  adoptions: readonly StoredAdoption[],
): TeamMatches {
  const leftAlone: LeftAlone[] = [];
  const leave = (team: GatewayTeam, why: string) => leftAlone.push({ what: describeTeam(team), why });
  const found = new Map<GatewayTeam, EntraGroupId>();
  for (const team of [...gateway.teams.values()].sort((a, b) => (a.teamId < b.teamId ? -1 : 1))) {
    const adopted = adoptions.find(({ kind, gatewayId }) => kind === 'team' && gatewayId === team.teamId);
    if (adopted) found.set(team, adopted.entraId as EntraGroupId);
    else if (!isManaged(team)) {
      const groupIds = groupsNamed(team, groupNames, policy);
      const [groupId, another] = groupIds;
      if (groupId === undefined) leave(team, 'no group in Entra has its name.');
      else if (another !== undefined) leave(team, `several groups have its name: ${groupIds.join(', ')}.`);
      else found.set(team, groupId);
    }
  }

  const teamsOf = Map.groupBy(found, ([, groupId]) => groupId);
  const pairs: TeamPair[] = [];
  const policyGroups: PolicyGroup[] = [];
  for (const [team, groupId] of found) {
    if ((teamsOf.get(groupId)?.length ?? 0) > 1) {
      leave(team, `several teams have the name of group ${groupId}.`);
      continue;
    }
    const entry = entryOf(team, groupId, policy);
    if ('why' in entry) {
      leave(team, entry.why);
      continue;
    }
    pairs.push({ groupId, teamId: team.teamId });
    policyGroups.push(entry.group);
  }
  return { pairs, policyGroups, leftAlone };
}

export function describeTeam(team: GatewayTeam): string {
  return `team ${team.alias ?? '(no name)'} (${team.teamId})`;
}

function groupsNamed(
  team: GatewayTeam,
  groupNames: ReadonlyMap<EntraGroupId, string>,
  policy: Policy,
): EntraGroupId[] {
  const name = normalize(team.alias);
  if (name === '') return [];
  const byName = [...groupNames].filter(([, other]) => normalize(other) === name).map(([id]) => id);
  // The examples in policy.yml name groups that no tenant has.
  const byPolicy = policy.groups.filter(
    (group) => normalize(group.team) === name && groupNames.has(group.entra_group),
  );
  return [...new Set([...byName, ...byPolicy.map((group) => group.entra_group)])].sort();
}

/** The policy entry that leaves the team exactly as it is. */
function entryOf(
  team: GatewayTeam,
  groupId: EntraGroupId,
  policy: Policy,
): { readonly group: PolicyGroup } | { readonly why: string } {
  if (team.models.length === 0) {
    return {
      why: 'it may call every model, which a policy does not say by leaving models out. Give it in LiteLLM the models it needs, or `all-proxy-models`, which stands for the same as now, and propose again.',
    };
  }
  const existing = policy.groups.find((group) => group.entra_group === groupId);
  const entry = {
    entra_group: groupId,
    team: team.alias,
    ...(existing ? { role: existing.role, include_guests: existing.include_guests } : {}),
    ...policySettingsOf(team),
  };
  const given = Object.entries(entry).filter(([, value]) => value !== null);
  const checked = checkPolicyGroup(Object.fromEntries(given));
  if ('group' in checked) return checked;
  const problems = checked.problems.map(({ path, message }) => `${path}: ${message}`).join(' ');
  return { why: `a policy cannot say its settings; correct them in LiteLLM. ${problems}` };
}

function normalize(name: string | null): string {
  return (name ?? '').trim().toLowerCase();
}
