// Serves the people whom notifications named before anything else of a run: asks Graph about each, and takes what
// they lost at once when the guard lets it. Everything else is left to the rest of the run.

import type { Directory } from '../directory/directory.ts';
import type { GatewayKey } from '../gateway/state.ts';
import type { EntraUserId, KeyHash } from '../ids.ts';
import type { Policy } from '../policy/schema.ts';
import type { Database } from '../store/database.ts';
import { listKeysOf, type StoredKey } from '../store/keys.ts';
import { listMemberships } from '../store/memberships.ts';
import type { KeyRecord } from './current.ts';
import { decideAllowed, type Verdict } from './guard.ts';
import type { Plan } from './plan.ts';
import { planHintedRemovals } from './plan-hinted.ts';
import { readHistory } from './read-history.ts';

/** More people at once are no single leaver: the whole run judges them together. */
const PEOPLE_LIMIT = 10;

export type HintedDependencies = {
  readonly policy: Policy;
  readonly directory: Pick<Directory, 'readAccess'>;
  readonly database: Database;
  /** These keys as LiteLLM has them; one that it lacks is absent. */
  readonly readGatewayKeys: (
    keyHashes: readonly KeyHash[],
    signal: AbortSignal,
  ) => Promise<ReadonlyMap<KeyHash, GatewayKey>>;
};

/** What may be taken from the hinted people right now; undefined when there is nothing, or too much for this way. */
export async function readHintedRemovals(
  { policy, directory, database, readGatewayKeys }: HintedDependencies,
  userIds: readonly EntraUserId[],
  signal: AbortSignal,
): Promise<{ readonly plan: Plan; readonly verdict: Verdict } | undefined> {
  if (userIds.length === 0 || userIds.length > PEOPLE_LIMIT) return undefined;
  const [memberships, storedKeys, history] = await Promise.all([
    listMemberships(database),
    listKeysOf(database, userIds),
    readHistory(database),
  ]);
  const keys = storedKeys.filter(isUsable);
  const mapped = new Set<string>(policy.groups.map((group) => group.entra_group));
  const questions = userIds
    .map((userId) => ({
      userId,
      groupIds: [
        ...new Set([...memberships, ...keys].filter((row) => row.userId === userId).map((row) => row.teamId)),
      ].filter((teamId) => mapped.has(teamId)),
    }))
    .filter((question) => question.groupIds.length > 0);
  // Nobody of ours: a notification about a stranger costs no call.
  if (questions.length === 0) return undefined;
  const [access, gatewayKeys] = await Promise.all([
    directory.readAccess(questions, signal),
    readGatewayKeys(
      keys.map((key) => key.keyHash),
      signal,
    ),
  ]);
  const plan = planHintedRemovals({ policy, access, memberships, keys, gatewayKeys });
  if (plan.actions.length === 0) return undefined;
  const verdict = decideAllowed(plan, policy, history);
  // Over a limit they are held whole, and the plan of the whole run says so.
  if (verdict.quarantined.length > 0 || verdict.allowed.length === 0) return undefined;
  return { plan, verdict };
}

function isUsable(key: StoredKey): key is StoredKey & KeyRecord {
  return key.status === 'live' || key.status === 'retiring' || key.status === 'escrowed';
}
