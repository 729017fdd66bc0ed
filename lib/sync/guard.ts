// What of a plan may be applied. Pure. Four rules, in this order:
// 1. a group that was read incompletely loses nobody; 2. protected people and the last admin stay;
// 3. removals over a limit are held whole; 4. everything else goes ahead, a leaver within the limits at once.

import { digestOf } from '../canonical.ts';
import type { EntraGroupId, EntraUserId } from '../ids.ts';
import type { GuardScope, Policy } from '../policy/schema.ts';
import { type Action, isRemoval } from './actions.ts';
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

export type RefusalReason =
  | 'group_read_incomplete'
  | 'protected_user'
  | 'last_admin'
  /** Asked about the person alone, Graph did not agree (lib/sync/confirm.ts). */
  | 'not_confirmed'
  | 'follows_held_removal';
export type Refusal = { readonly action: Action; readonly reason: RefusalReason };

/** Every action of the plan is in exactly one of the three. */
export type Verdict = {
  readonly allowed: readonly Action[];
  readonly quarantined: readonly Quarantine[];
  readonly refused: readonly Refusal[];
};

type Demotion = Extract<Action, { kind: 'demote_user' }>;
type Removal = { readonly teamId: EntraGroupId; readonly userId: EntraUserId; readonly actions: Action[] };

/** Parts `plan`. A person leaving a team counts once, with all its actions. */
export function decideAllowed(plan: Plan, policy: Policy, recent: readonly RecentRemoval[]): Verdict {
  const refused: Refusal[] = [];
  const kept = refuseUntouchable(removalsOf(plan), plan, policy, refused);
  const quarantined: Quarantine[] = [];
  const released = holdOverall(
    holdPerGroup(kept, plan, policy, recent, quarantined),
    plan,
    policy,
    recent,
    quarantined,
  );

  const goesAhead = new Set<Action>(released.flatMap((removal) => removal.actions));
  const mayDemote = demotionRule(plan, policy, released);
  const allowed: Action[] = [];
  for (const action of plan.actions) {
    if (isRemoval(action)) {
      if (goesAhead.has(action)) allowed.push(action);
    } else if (action.kind === 'demote_user') {
      const reason = mayDemote(action);
      if (reason === undefined) allowed.push(action);
      else refused.push({ action, reason });
    } else {
      allowed.push(action);
    }
  }
  return { allowed, quarantined, refused };
}

function removalsOf(plan: Plan): Removal[] {
  const removals = new Map<string, Removal>();
  for (const action of plan.actions) {
    if (!isRemoval(action)) continue;
    const key = pairOf(action);
    const removal = removals.get(key);
    if (removal) removal.actions.push(action);
    else removals.set(key, { teamId: action.teamId, userId: action.userId, actions: [action] });
  }
  return [...removals.values()];
}

function refuseUntouchable(removals: Removal[], plan: Plan, policy: Policy, refused: Refusal[]): Removal[] {
  const incomplete = new Set(
    plan.teams.filter((team) => team.read === 'incomplete').map((team) => team.teamId),
  );
  const protectedUsers = new Set<string>(policy.protected_users);
  const refuse = (removal: Removal, reason: RefusalReason) => {
    for (const action of removal.actions) refused.push({ action, reason });
  };

  const kept = removals.filter((removal) => {
    const reason: RefusalReason | undefined = incomplete.has(removal.teamId)
      ? 'group_read_incomplete'
      : protectedUsers.has(removal.userId)
        ? 'protected_user'
        : undefined;
    if (reason !== undefined) refuse(removal, reason);
    return reason === undefined;
  });

  if (adminsAfter(plan, kept).size > 0) return kept;
  const adminTeams = new Set(plan.teams.filter((team) => team.role === 'admin').map((team) => team.teamId));
  return kept.filter((removal) => {
    if (!adminTeams.has(removal.teamId)) return true;
    refuse(removal, 'last_admin');
    return false;
  });
}

/** Who is in an admin team once `removals` are done. Additions do not count: they may still fail. */
function adminsAfter(plan: Plan, removals: readonly Removal[]): Set<EntraUserId> {
  const removed = new Set(removals.map(pairOf));
  const admins = plan.teams.filter((team) => team.role === 'admin');
  return new Set(
    admins.flatMap((team) => team.ownedMembers.filter((userId) => !removed.has(`${team.teamId}/${userId}`))),
  );
}

function holdPerGroup(
  removals: Removal[],
  plan: Plan,
  policy: Policy,
  recent: readonly RecentRemoval[],
  held: Quarantine[],
): Removal[] {
  const released: Removal[] = [];
  const leavingByTeam = Map.groupBy(removals, (removal) => removal.teamId);
  const recentByTeam = Map.groupBy(recent, (removal) => removal.teamId);
  for (const team of plan.teams) {
    const leaving = leavingByTeam.get(team.teamId) ?? [];
    const before = recentByTeam.get(team.teamId) ?? [];
    const exceeded = exceededLimits(policy.guard.per_group, leaving, before, peopleIn([team]));
    if (exceeded.length > 0) held.push(quarantineOf(team.teamId, leaving, exceeded));
    else for (const removal of leaving) released.push(removal);
  }
  return released;
}

function holdOverall(
  removals: Removal[],
  plan: Plan,
  policy: Policy,
  recent: readonly RecentRemoval[],
  held: Quarantine[],
): Removal[] {
  const exceeded = exceededLimits(policy.guard.overall, removals, recent, peopleIn(plan.teams));
  if (exceeded.length === 0) return removals;
  held.push(quarantineOf('overall', removals, exceeded));
  return [];
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
  const again = new Set(leaving.map(pairOf));
  const earlier = new Set(recent.map(pairOf).filter((key) => !again.has(key)));
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

function quarantineOf(
  scope: EntraGroupId | 'overall',
  removals: readonly Removal[],
  exceeded: ExceededLimit[],
): Quarantine {
  const actions = removals.flatMap((removal) => removal.actions);
  return {
    quarantineId: digestOf({ scope, actions }),
    scope,
    peopleCount: removals.length,
    exceeded,
    actions,
  };
}

/** A role is lowered only when the removal behind it goes ahead, never for the protected or the last admin. */
function demotionRule(
  plan: Plan,
  policy: Policy,
  released: readonly Removal[],
): (action: Demotion) => RefusalReason | undefined {
  const releasedKeys = new Set(released.map(pairOf));
  const heldUsers = new Set(
    removalsOf(plan)
      .filter((removal) => !releasedKeys.has(pairOf(removal)))
      .map((removal) => removal.userId),
  );
  const protectedUsers = new Set<EntraUserId>(policy.protected_users);
  const lastAdmin = adminsAfter(plan, released).size === 0;
  return ({ userId, before }) => {
    if (protectedUsers.has(userId)) return 'protected_user';
    if (heldUsers.has(userId)) return 'follows_held_removal';
    return lastAdmin && before === 'proxy_admin' ? 'last_admin' : undefined;
  };
}

/** A person leaving a team, as a key. */
function pairOf({ teamId, userId }: RecentRemoval): string {
  return `${teamId}/${userId}`;
}
