// What policy and Entra ask for: which teams, and who is in each. Pure. A group that was read incompletely
// has no members here at all, only the reason, so nothing can be concluded from whom it lacks.

import type { DirectoryGroup, DirectoryUser } from '../directory/directory.ts';
import type { IncompleteReason, Read } from '../directory/read.ts';
import { type MemberLimits, NO_MEMBER_LIMITS } from '../gateway/state.ts';
import type { EntraGroupId, EntraUserId } from '../ids.ts';
import type { Policy, PolicyGroup } from '../policy/schema.ts';

export type TeamSettings = {
  readonly alias: string;
  /** Sorted, each once. */
  readonly models: readonly string[];
  readonly maxBudgetUsd: number | null;
  readonly budgetDuration: string | null;
  readonly tpmLimit: number | null;
  readonly rpmLimit: number | null;
  readonly memberLimits: MemberLimits;
};

export type Role = PolicyGroup['role'];

/** The very row that was read, not a copy: a hundred thousand copies are megabytes. */
export type DesiredMember = Pick<DirectoryUser, 'displayName' | 'mail' | 'userPrincipalName'>;

export type Membership =
  | {
      readonly status: 'complete';
      readonly members: ReadonlyMap<EntraUserId, DesiredMember>;
      /** In the group but without access, and why. */
      readonly excluded: ReadonlyMap<EntraUserId, ExclusionCause>;
    }
  | { readonly status: 'incomplete'; readonly reason: IncompleteReason; readonly detail: string };

export type ExclusionCause = 'account disabled' | 'guests are not included' | 'its team left policy.yml';

export type DesiredTeam = {
  readonly groupId: EntraGroupId;
  readonly role: Role;
  readonly settings: TeamSettings;
  readonly membership: Membership;
};

/** Of fields changed by hand; what is absent is put right. */
export type DriftHandling = { readonly [Field in keyof TeamSettings | 'role']?: 'fix' | 'report' };

export type DesiredState = {
  readonly drift: DriftHandling;
  /** What becomes of a team of ours that the policy no longer names. */
  readonly teamsWithoutPolicy: Policy['offboarding']['team_without_policy'];
  readonly teams: readonly DesiredTeam[];
  /** How long a leaver's blocked key is kept for a rejoin. */
  readonly graceMs: number;
};

const DAY_MS = 24 * 60 * 60 * 1000;

/** The desired state, teams sorted by group id. A mapped group that was not read counts as incomplete. */
export function decideDesired(
  policy: Policy,
  reads: ReadonlyMap<EntraGroupId, Read<DirectoryGroup>>,
): DesiredState {
  const teams = policy.groups.map((group): DesiredTeam => {
    const read = reads.get(group.entra_group);
    return {
      groupId: group.entra_group,
      role: group.role,
      settings: settingsOf(group),
      membership:
        read === undefined
          ? { status: 'incomplete', reason: 'unavailable', detail: 'The group was not read in this run.' }
          : read.status === 'incomplete'
            ? read
            : membershipOf(read.value, group.include_guests),
    };
  });
  return {
    teams: teams.sort((a, b) => (a.groupId < b.groupId ? -1 : 1)),
    drift: driftOf(policy),
    teamsWithoutPolicy: policy.offboarding.team_without_policy,
    graceMs: policy.offboarding.grace_days * DAY_MS,
  };
}

function settingsOf(group: PolicyGroup): TeamSettings {
  return {
    alias: group.team,
    models: [...new Set(group.models)].sort(),
    maxBudgetUsd: group.max_budget ?? null,
    budgetDuration: group.budget_duration ?? null,
    tpmLimit: group.tpm_limit ?? null,
    rpmLimit: group.rpm_limit ?? null,
    memberLimits: memberLimitsOf(group),
  };
}

function driftOf({ drift }: Policy): DriftHandling {
  return {
    alias: drift.team,
    models: drift.models,
    maxBudgetUsd: drift.max_budget,
    budgetDuration: drift.budget_duration,
    tpmLimit: drift.tpm_limit,
    rpmLimit: drift.rpm_limit,
    memberLimits: drift.member_limits,
    role: drift.role,
  };
}

/** LiteLLM gives a new team's members the duration of the team's own budget where none is named, so that is what a
 *  missing one means. */
function memberLimitsOf(group: PolicyGroup): MemberLimits {
  const [maxBudgetUsd, tpmLimit, rpmLimit] = [
    group.member_max_budget ?? null,
    group.member_tpm_limit ?? null,
    group.member_rpm_limit ?? null,
  ];
  if (maxBudgetUsd === null && tpmLimit === null && rpmLimit === null) return NO_MEMBER_LIMITS;
  const budgetDuration = group.member_budget_duration ?? group.budget_duration ?? null;
  return { maxBudgetUsd, budgetDuration, tpmLimit, rpmLimit };
}

function membershipOf(group: DirectoryGroup, includeGuests: boolean): Membership {
  const members = new Map<EntraUserId, DesiredMember>();
  const excluded = new Map<EntraUserId, ExclusionCause>();
  for (const user of group.members) {
    const cause = exclusionCause(user, includeGuests);
    if (cause === undefined) members.set(user.id, user);
    else excluded.set(user.id, cause);
  }
  return { status: 'complete', members, excluded };
}

/** The mail that LiteLLM gets. */
export function mailOf({ mail, userPrincipalName }: DesiredMember): string {
  return mail ?? userPrincipalName;
}

function exclusionCause(user: DirectoryUser, includeGuests: boolean): ExclusionCause | undefined {
  if (!user.accountEnabled) return 'account disabled';
  if (user.kind === 'guest' && !includeGuests) return 'guests are not included';
  return undefined;
}
