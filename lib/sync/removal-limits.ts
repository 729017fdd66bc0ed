// Which removals are too many: the limits of policy.yml by count and percent, for a run and for 24 hours, of each
// group and over all. What exceeds one is held whole. Pure.

import { digestOf } from '../canonical.ts';
import type { EntraGroupId, EntraUserId } from '../ids.ts';
import type { GuardScope, Policy } from '../policy/schema.ts';
import { type Action, isRemoval } from './actions.ts';
import { removalKey } from './decisions.ts';
import type { Plan, TeamFacts } from './plan.ts';

/** A removal of the last 24 hours (PostgreSQL's clock), carried out or begun. */
export type RecentRemoval = { readonly teamId: EntraGroupId; readonly userId: EntraUserId };

export type ExceededLimit = {
  readonly limit: 'run.max_count' | 'run.max_percent' | 'day.max_count' | 'day.max_percent';
  /** People, or percent of the people before. */
  readonly value: number;
  readonly bound: number;
};

export type Quarantine = {
  /** SHA-256 of scope and actions: the same hold has the same id in every run. */
  readonly quarantineId: string;
  readonly scope: EntraGroupId | 'overall';
  readonly peopleCount: number;
  readonly exceeded: readonly ExceededLimit[];
  readonly actions: readonly Action[];
};

/** A person leaving a team, with all actions of it. */
export type Removal = {
  readonly teamId: EntraGroupId;
  readonly userId: EntraUserId;
  readonly actions: Action[];
};
export type Held = { readonly quarantine: Quarantine; readonly removals: readonly Removal[] };
export type Holding = { readonly released: Removal[]; readonly held: readonly Held[] };

/** The removals of `plan`, each person and team once. */
export function removalsOf(plan: Plan): Removal[] {
  const removals = new Map<string, Removal>();
  for (const action of plan.actions) {
    if (!isRemoval(action)) continue;
    const key = removalKey(action);
    const removal = removals.get(key);
    if (removal) removal.actions.push(action);
    else removals.set(key, { teamId: action.teamId, userId: action.userId, actions: [action] });
  }
  return [...removals.values()];
}

/** Parts `removals` into those within every limit and those held, by group first, then what is left over all. */
export function holdOverLimits(
  removals: Removal[],
  plan: Plan,
  policy: Policy,
  recent: readonly RecentRemoval[],
): Holding {
  const perGroup = holdPerGroup(removals, plan, policy, recent);
  const overall = holdOverall(perGroup.released, plan, policy, recent);
  return { released: overall.released, held: [...perGroup.held, ...overall.held] };
}

function holdPerGroup(
  removals: Removal[],
  plan: Plan,
  policy: Policy,
  recent: readonly RecentRemoval[],
): Holding {
  const released: Removal[] = [];
  const held: Held[] = [];
  const leavingByTeam = Map.groupBy(removals, (removal) => removal.teamId);
  const recentByTeam = Map.groupBy(recent, (removal) => removal.teamId);
  for (const team of plan.teams) {
    const leaving = leavingByTeam.get(team.teamId) ?? [];
    const before = recentByTeam.get(team.teamId) ?? [];
    const exceeded = exceededLimits(policy.guard.per_group, leaving, before, peopleIn([team]));
    if (exceeded.length > 0) held.push(hold(team.teamId, leaving, exceeded));
    else for (const removal of leaving) released.push(removal);
  }
  return { released, held };
}

function holdOverall(
  removals: Removal[],
  plan: Plan,
  policy: Policy,
  recent: readonly RecentRemoval[],
): Holding {
  const exceeded = exceededLimits(policy.guard.overall, removals, recent, peopleIn(plan.teams));
  if (exceeded.length === 0) return { released: removals, held: [] };
  return { released: [], held: [hold('overall', removals, exceeded)] };
}

function exceededLimits(
  scope: GuardScope,
  leaving: readonly RecentRemoval[],
  recent: readonly RecentRemoval[],
  sizeBefore: number,
): ExceededLimit[] {
  const runCount = leaving.length;
  if (runCount === 0) return [];
  // A removal begun by a run that was killed is planned again: it counts once.
  const again = new Set(leaving.map(removalKey));
  const earlier = new Set(recent.map(removalKey).filter((key) => !again.has(key)));
  const dayCount = runCount + earlier.size;
  if (dayCount <= scope.always_allow) return [];

  const percentOf = (count: number, size: number) => (size === 0 ? 100 : Math.min(100, (100 * count) / size));
  const checks: ExceededLimit[] = [
    { limit: 'run.max_count', value: runCount, bound: scope.run.max_count },
    { limit: 'run.max_percent', value: percentOf(runCount, sizeBefore), bound: scope.run.max_percent },
    { limit: 'day.max_count', value: dayCount, bound: scope.day.max_count },
    {
      limit: 'day.max_percent',
      value: percentOf(dayCount, sizeBefore + earlier.size),
      bound: scope.day.max_percent,
    },
  ];
  return checks.filter((check) => check.value > check.bound);
}

function peopleIn(teams: readonly TeamFacts[]): number {
  return teams.reduce((sum, team) => sum + team.ownedMembers.length, 0);
}

function hold(
  scope: EntraGroupId | 'overall',
  removals: readonly Removal[],
  exceeded: ExceededLimit[],
): Held {
  const actions = removals.flatMap((removal) => removal.actions);
  const quarantineId = digestOf({ scope, actions });
  return { removals, quarantine: { quarantineId, scope, peopleCount: removals.length, exceeded, actions } };
}
