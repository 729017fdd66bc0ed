// What of a plan may be applied. Pure. Five rules, in this order:
// 1. a group that was read incompletely loses nobody; 2. protected people and the last admin stay;
// 3. what a person rejected stays, what a person approved goes ahead; 4. removals over a limit are held whole;
// 5. everything else goes ahead, a leaver within the limits at once.

import type { EntraUserId } from '../ids.ts';
import type { Policy } from '../policy/schema.ts';
import { type Action, isRemoval } from './actions.ts';
import { type Decisions, removalKey } from './decisions.ts';
import type { Plan } from './plan.ts';
import {
  type Held,
  holdOverLimits,
  type Quarantine,
  type RecentRemoval,
  type Removal,
  removalsOf,
} from './removal-limits.ts';

/** What was before this plan. */
export type GuardHistory = {
  /** Without what a person approved: that leaves the limits to those nobody answered for. */
  readonly recent: readonly RecentRemoval[];
  readonly decisions: Decisions;
};

export type RefusalReason =
  | 'group_read_incomplete'
  | 'protected_user'
  | 'last_admin'
  /** A person looked at the removal, held before, and said no. */
  | 'rejected'
  /** Asked about the person alone, Graph did not agree (lib/sync/confirm.ts). */
  | 'not_confirmed'
  | 'follows_held_removal';
export type Refusal = { readonly action: Action; readonly reason: RefusalReason };

/** Every action of the plan is allowed, quarantined or refused, and only one of them. */
export type Verdict = {
  readonly allowed: readonly Action[];
  readonly quarantined: readonly Quarantine[];
  readonly refused: readonly Refusal[];
  /** What would have been held, but a person approved exactly this; its actions are among the allowed. */
  readonly approved: readonly Quarantine[];
};

type Demotion = Extract<Action, { kind: 'demote_user' }>;

/** Parts `plan`. A person leaving a team counts once, with all its actions. */
export function decideAllowed(plan: Plan, policy: Policy, { recent, decisions }: GuardHistory): Verdict {
  const refused: Refusal[] = [];
  const kept = refuseUntouchable(removalsOf(plan), plan, policy, decisions, refused);
  const [begun, rest] = partition(kept, (removal) => decisions.begun.has(removalKey(removal)));
  const { released: within, held } = holdOverLimits(rest, plan, policy, recent);
  const [approved, quarantined] = partition(held, ({ quarantine }) =>
    decisions.approved.has(quarantine.quarantineId),
  );
  const released = [...begun, ...within, ...approved.flatMap(({ removals }) => removals)];

  const goesAhead = new Set<Action>(released.flatMap((removal) => removal.actions));
  const mayDemote = demotionRule(plan, policy, released);
  const heldTeams = new Set(
    plan.actions.flatMap((action) => (isRemoval(action) && !goesAhead.has(action) ? action.teamId : [])),
  );
  const allowed: Action[] = [];
  for (const action of plan.actions) {
    if (isRemoval(action)) {
      if (goesAhead.has(action)) allowed.push(action);
    } else if (action.kind === 'demote_user') {
      const reason = mayDemote(action);
      if (reason === undefined) allowed.push(action);
      else refused.push({ action, reason });
    } else if (action.kind === 'archive_team' && heldTeams.has(action.teamId)) {
      refused.push({ action, reason: 'follows_held_removal' });
    } else if (action.kind === 'delete_user' && policy.protected_users.includes(action.userId)) {
      refused.push({ action, reason: 'protected_user' });
    } else {
      allowed.push(action);
    }
  }
  const quarantineIn = ({ quarantine }: Held) => quarantine;
  return {
    allowed,
    quarantined: quarantined.map(quarantineIn),
    refused,
    approved: approved.map(quarantineIn),
  };
}

function refuseUntouchable(
  removals: Removal[],
  plan: Plan,
  policy: Policy,
  decisions: Decisions,
  refused: Refusal[],
): Removal[] {
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
        : decisions.rejected.has(removalKey(removal))
          ? 'rejected'
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
  const removed = new Set(removals.map(removalKey));
  const admins = plan.teams.filter((team) => team.role === 'admin');
  return new Set(
    admins.flatMap((team) => team.ownedMembers.filter((userId) => !removed.has(`${team.teamId}/${userId}`))),
  );
}

/** A role is lowered only when the removal behind it goes ahead, never for the protected or the last admin. */
function demotionRule(
  plan: Plan,
  policy: Policy,
  released: readonly Removal[],
): (action: Demotion) => RefusalReason | undefined {
  const releasedKeys = new Set(released.map(removalKey));
  const heldUsers = new Set(
    removalsOf(plan)
      .filter((removal) => !releasedKeys.has(removalKey(removal)))
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

function partition<T>(items: readonly T[], isFirst: (item: T) => boolean): [T[], T[]] {
  const [first, second]: [T[], T[]] = [[], []];
  for (const item of items) (isFirst(item) ? first : second).push(item);
  return [first, second];
}
