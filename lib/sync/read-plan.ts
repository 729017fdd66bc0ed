// The reading half of a run: what policy and Entra ask for, what there is, the plan, and the guard's verdict.
// It writes nothing, so `lcp plan` is exactly what `lcp apply` would do.

import type { Directory, DirectoryGroup } from '../directory/directory.ts';
import type { Read } from '../directory/read.ts';
import type { GatewayState } from '../gateway/state.ts';
import type { Policy } from '../policy/schema.ts';
import type { Database } from '../store/database.ts';
import { listKeys, type StoredKey } from '../store/keys.ts';
import { listMemberships, listRecentRemovals } from '../store/memberships.ts';
import type { CurrentState, KeyRecord } from './current.ts';
import { decideDesired } from './desired.ts';
import { decideAllowed, type Verdict } from './guard.ts';
import { type Plan, planChanges } from './plan.ts';

export type ReadDependencies = {
  readonly policy: Policy;
  readonly directory: Directory;
  /** LiteLLM's whole state, or an error: never a part of it. */
  readonly readGatewayState: (signal: AbortSignal) => Promise<GatewayState>;
  readonly database: Database;
};

export type PlanReading = {
  readonly plan: Plan;
  readonly verdict: Verdict;
  /** For people who read a plan; never part of the plan, its digest, a log or the audit. */
  readonly names: ReadonlyMap<string, string>;
};

export async function readPlan(
  { policy, directory, readGatewayState, database }: ReadDependencies,
  signal: AbortSignal,
): Promise<PlanReading> {
  const groupIds = policy.groups.map((group) => group.entra_group);
  const [reads, gateway, keys, memberships, recentRemovals] = await Promise.all([
    directory.readGroups(groupIds, signal),
    readGatewayState(signal),
    listKeys(database),
    listMemberships(database),
    listRecentRemovals(database),
  ]);
  const current: CurrentState = {
    gateway,
    memberships,
    keys: keys.filter(isOpen),
    generations: highestGenerations(keys),
  };
  const plan = planChanges(decideDesired(policy, reads), current);
  return { plan, verdict: decideAllowed(plan, policy, recentRemovals), names: namesOf(reads, gateway) };
}

function isOpen(key: StoredKey): key is StoredKey & KeyRecord {
  return key.status !== 'deleted';
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
  reads: ReadonlyMap<string, Read<DirectoryGroup>>,
  gateway: GatewayState,
): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const user of gateway.users.values()) if (user.alias !== null) names.set(user.userId, user.alias);
  for (const read of reads.values()) {
    if (read.status === 'incomplete') continue;
    for (const user of read.value.members) names.set(user.id, user.displayName ?? user.userPrincipalName);
  }
  return names;
}
