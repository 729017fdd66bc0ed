// The settings of a team that follow the policy, and which of them a plan changes. Pure.

import type { GatewayTeam } from '../gateway/state.ts';
import type { AppliedSettings } from '../store/applied-settings.ts';
import type { DriftHandling, TeamSettings } from './desired.ts';

export const TEAM_FIELDS = [
  'alias',
  'models',
  'maxBudgetUsd',
  'budgetDuration',
  'tpmLimit',
  'rpmLimit',
  'memberLimits',
] as const satisfies readonly (keyof TeamSettings)[];

/** As the policy would write it: models sorted, limits in one order. */
export function settingOf(team: GatewayTeam, field: (typeof TEAM_FIELDS)[number]): unknown {
  return field === 'models' ? [...team.models].sort() : team[field];
}

/** What to change, or undefined. A field that somebody changed by hand, while the policy asks for what we had set,
 *  stays when `drift` says only to report it. */
export function settingsChange(
  current: GatewayTeam,
  wanted: TeamSettings,
  applied?: AppliedSettings,
  drift?: DriftHandling,
): { before: Partial<TeamSettings>; after: Partial<TeamSettings> } | undefined {
  const before: Record<string, unknown> = {};
  const after: Record<string, unknown> = {};
  for (const field of TEAM_FIELDS) {
    const is = settingOf(current, field);
    if (isEqual(is, wanted[field])) continue;
    const isByHand = applied !== undefined && isEqual(applied[field], wanted[field]);
    if (isByHand && drift?.[field] === 'report') continue;
    before[field] = is;
    after[field] = wanted[field];
  }
  return Object.keys(after).length === 0 ? undefined : { before, after };
}

export function isEqual(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
