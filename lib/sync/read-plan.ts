// The reading half of a run: what policy and Entra ask for, what there is, the plan, and the guard's verdict.
// It writes nothing, so `lcp plan` is exactly what `lcp apply` would do.

import type { Directory } from '../directory/directory.ts';
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

export async function readPlan(
  { policy, directory, readGatewayState, database }: ReadDependencies,
  signal: AbortSignal,
): Promise<{ plan: Plan; verdict: Verdict }> {
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
  return { plan, verdict: decideAllowed(plan, policy, recentRemovals) };
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
