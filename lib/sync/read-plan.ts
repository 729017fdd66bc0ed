// The reading half of a run: what policy and Entra ask for, what there is, the plan, the guard's verdict, and Graph's
// second word on every removal. It writes nothing, so `lcp plan` is exactly what `lcp apply` would do.

import { digestOf } from '../canonical.ts';
import type { Clock } from '../clock.ts';
import type { Directory, DirectoryGroup } from '../directory/directory.ts';
import type { Read } from '../directory/read.ts';
import type { GatewayState } from '../gateway/state.ts';
import type { EntraGroupId, EntraUserId } from '../ids.ts';
import type { Policy } from '../policy/schema.ts';
import { type AppliedRow, listApplied } from '../store/applied-settings.ts';
import type { Database } from '../store/database.ts';
import { type DirectoryState, findDirectoryState, type Settled } from '../store/directory-state.ts';
import { listKeys, type StoredKey } from '../store/keys.ts';
import { listMemberships } from '../store/memberships.ts';
import { confirmRemovals } from './confirm.ts';
import type { CurrentState, KeyRecord } from './current.ts';
import { decideDesired } from './desired.ts';
import { type DriftItem, findDrift, findNewlyApplied } from './drift.ts';
import { decideAllowed, type Verdict } from './guard.ts';
import { nextDueAt } from './key-life.ts';
import { type Plan, planChanges } from './plan.ts';
import type { Notice } from './plan-context.ts';
import { type DirectoryReading, readDirectory } from './read-directory.ts';
import { readHistory } from './read-history.ts';

export type ReadDependencies = {
  readonly policy: Policy;
  readonly directory: Directory;
  /** LiteLLM's whole state, or an error: never a part of it. */
  readonly readGatewayState: (signal: AbortSignal) => Promise<GatewayState>;
  /** That state's digest, without reading it; null where there is none. */
  readonly readGatewayDigest: (signal: AbortSignal) => Promise<string | null>;
  readonly database: Database;
  readonly clock: Clock;
  /** Changes with every deployment: another version may plan otherwise from the same. */
  readonly codeVersion: string;
};

export type PlanReading = {
  readonly plan: Plan;
  readonly verdict: Verdict;
  readonly directory: DirectoryReading;
  /** What is as it should be and is from now on known as what we set. */
  readonly newlyApplied: readonly AppliedRow[];
  /** What somebody changed by hand, as far as it was looked at. */
  readonly drift: readonly DriftItem[];
  /** What this reading proves when the plan is empty: the next run that finds the same need not plan. */
  readonly settled: Settled | null;
  /** Nothing changed since a plan that was empty, so nothing was planned. */
  readonly isSettled: boolean;
  /** For people who read a plan; never part of the plan, its digest, a log or the audit. */
  readonly names: ReadonlyMap<string, string>;
};

export type PlanQuestion =
  /** Everything is read, whatever is known. */
  | { readonly kind: 'full' }
  /** What changed since the last run is read, and what notifications named. */
  | {
      readonly kind: 'changes';
      readonly hintedGroupIds: readonly EntraGroupId[];
      readonly hintedUserIds: readonly EntraUserId[];
    };

const NOTHING_KNOWN: DirectoryState = { links: null, isFullReadDue: true, settled: null };

export async function readPlan(
  dependencies: ReadDependencies,
  question: PlanQuestion,
  signal: AbortSignal,
): Promise<PlanReading> {
  const { policy, database, readGatewayState, readGatewayDigest } = dependencies;
  const hinted = question.kind === 'full' ? { hintedGroupIds: [], hintedUserIds: [] } : question;
  const state = question.kind === 'full' ? NOTHING_KNOWN : await findDirectoryState(database);
  const policyDigest = digestOf({ policy, codeVersion: dependencies.codeVersion });
  const mappedGroupIds = policy.groups.map((group) => group.entra_group);
  const now = dependencies.clock.now();
  const mayBeSettled = state.settled?.policyDigest === policyDigest && !isOver(state.settled, now);
  const [directory, known] = await Promise.all([
    readDirectory(dependencies, { ...hinted, mappedGroupIds, state }, signal),
    mayBeSettled ? readGatewayDigest(signal) : readGatewayState(signal),
  ]);
  if (mayBeSettled && directory.kind === 'unchanged' && known === state.settled?.gatewayDigest) {
    return settledReading(directory, state.settled);
  }

  const [groups, gateway, keys, memberships, history, applied] = await Promise.all([
    directory.groups(),
    typeof known === 'object' && known !== null ? known : readGatewayState(signal),
    listKeys(database),
    listMemberships(database),
    readHistory(database),
    listApplied(database),
  ]);
  const current: CurrentState = {
    now,
    gateway,
    applied,
    memberships,
    keys: keys.filter(isOpen),
    generations: highestGenerations(keys),
  };
  const desired = decideDesired(policy, groups);
  const plan = planChanges(desired, current);
  const verdict = await confirmRemovals(
    decideAllowed(plan, policy, history),
    { policy, directory: dependencies.directory },
    signal,
  );
  return {
    plan,
    verdict,
    directory,
    newlyApplied: findNewlyApplied(desired, current),
    drift: findDrift(desired, current, verdict.allowed),
    settled: settledBy(plan, policyDigest, gateway, nextDueAt(current.keys, desired.graceMs)),
    isSettled: false,
    names: namesOf(groups, gateway),
  };
}

function settledReading(directory: DirectoryReading, settled: Settled): PlanReading {
  return {
    plan: {
      digest: settled.planDigest,
      actions: [],
      teams: [],
      notices: settled.notices as readonly Notice[],
    },
    verdict: { allowed: [], quarantined: [], refused: [], approved: [] },
    directory,
    newlyApplied: [],
    drift: [],
    settled,
    isSettled: true,
    names: new Map(),
  };
}

function isOver({ dueAt }: Settled, now: Date): boolean {
  return dueAt !== null && now.getTime() >= Date.parse(dueAt);
}

function settledBy(
  plan: Plan,
  policyDigest: string,
  gateway: GatewayState,
  dueAt: Date | null,
): Settled | null {
  const isWhole = plan.teams.every((team) => team.read === 'complete');
  if (plan.actions.length > 0 || !isWhole || gateway.digest === undefined) return null;
  return {
    policyDigest,
    gatewayDigest: gateway.digest,
    planDigest: plan.digest,
    notices: plan.notices,
    dueAt: dueAt?.toISOString() ?? null,
  };
}

function isOpen(key: StoredKey): key is StoredKey & KeyRecord {
  return key.status !== 'deleted' && key.status !== 'released';
}

function highestGenerations(keys: readonly StoredKey[]): ReadonlyMap<string, number> {
  const highest = new Map<string, number>();
  for (const { userId, teamId, generation } of keys) {
    const pair = `${userId}/${teamId}`;
    highest.set(pair, Math.max(generation, highest.get(pair) ?? 0));
  }
  return highest;
}

function namesOf(
  groups: ReadonlyMap<EntraGroupId, Read<DirectoryGroup>>,
  gateway: GatewayState,
): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const user of gateway.users.values()) if (user.alias !== null) names.set(user.userId, user.alias);
  for (const read of groups.values()) {
    if (read.status === 'incomplete') continue;
    for (const user of read.value.members) names.set(user.id, user.displayName ?? user.userPrincipalName);
  }
  return names;
}
