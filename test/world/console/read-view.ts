// Reads everything the page shows, from the tenant, the control database and LiteLLM, into plain values. A part that
// cannot be read says so in its place; the rest of the page stays.

import { type DropletHealth, readDropletHealth } from '../../../lib/cli/droplet-health.ts';
import type { GatewayKey } from '../../../lib/gateway/state.ts';
import type { EntraGroupId, EntraUserId, KeyHash } from '../../../lib/ids.ts';
import type { Database } from '../../../lib/store/database.ts';
import { listKeys, type StoredKey } from '../../../lib/store/keys.ts';
import { listWaitingQuarantines, type QuarantineRow } from '../../../lib/store/quarantines.ts';
import { findPlan, listRuns, type RunRow } from '../../../lib/store/runs.ts';
import type { Plan } from '../../../lib/sync/plan.ts';
import type { RunReport } from '../../../lib/sync/report.ts';
import type { TenantUser } from '../tenant/state.ts';
import type { World } from '../world.ts';

export type Part<T> =
  | { readonly kind: 'read'; readonly value: T }
  | { readonly kind: 'unread'; readonly reason: string };

export type GroupView = {
  readonly id: string;
  readonly name: string;
  readonly directIds: ReadonlySet<string>;
  /** With those of nested groups. */
  readonly allIds: ReadonlySet<string>;
  readonly peopleCount: number;
};

/** How a person's key for a team stands in LiteLLM. `escrowed`: made and stored, LiteLLM does not have it yet. */
export type KeyState = 'live' | 'blocked' | 'escrowed' | 'none';
export type KeyCell = { readonly state: KeyState; readonly keyHash: KeyHash | undefined };

export type RunView = RunRow & { readonly report: RunReport | undefined };

export type ConsoleView = {
  readonly people: readonly TenantUser[];
  readonly protectedIds: ReadonlySet<string>;
  /** Groups of the policy and those nested in them; `unmapped` names the others. */
  readonly groups: readonly GroupView[];
  readonly unmapped: readonly string[];
  readonly teams: readonly { readonly id: string; readonly name: string }[];
  readonly faults: readonly { readonly id: string; readonly text: string }[];
  readonly isRunning: boolean;
  readonly runs: Part<{
    readonly runs: readonly RunView[];
    readonly selected: RunView | undefined;
    readonly plan: Plan | undefined;
    readonly held: readonly QuarantineRow[];
  }>;
  /** By `user/team`. */
  readonly keys: Part<ReadonlyMap<string, KeyCell>>;
  readonly droplet: Part<DropletHealth>;
};

export type ViewSources = {
  readonly world: World;
  readonly database: Database;
  readonly listGatewayKeys: () => Promise<readonly GatewayKey[]>;
  /** Texts of the faults by their ids in the tenant. */
  readonly faultTexts: ReadonlyMap<string, string>;
};

const RUN_COUNT = 8;

export async function readView(
  sources: ViewSources,
  selectedRunId: string | undefined,
): Promise<ConsoleView> {
  const { world, database, faultTexts } = sources;
  const { tenant, faults, deliveries } = world.tenant;
  const teams = world.policy.groups.map((group) => ({ id: group.entra_group as string, name: group.team }));
  const [runs, keys, droplet] = await Promise.all([
    partOf(readRuns(database, selectedRunId)),
    partOf(readKeys(sources)),
    partOf(readDropletHealth(database, new Date())),
  ]);
  const shown = shownGroupIds(world);
  const people = tenant.listUsers();
  const all = tenant.listGroups();
  return {
    people,
    protectedIds: new Set(world.policy.protected_users),
    groups: all
      .filter((group) => shown.has(group.id))
      .map(({ id, displayName, memberIds }) => {
        const allIds = new Set(tenant.listTransitiveMemberIds(id));
        const peopleCount = people.filter((person) => allIds.has(person.id)).length;
        return { id, name: displayName, directIds: new Set(memberIds), allIds, peopleCount };
      }),
    unmapped: all.filter((group) => !shown.has(group.id)).map((group) => group.displayName),
    teams,
    faults: [
      ...deliveries.faults.list().map(({ id }) => ({ id: `delivery-${id}`, text: 'Notifications are lost' })),
      ...faults.list().map(({ id, fault }) => ({ id, text: faultTexts.get(id) ?? fault.kind })),
    ],
    isRunning: world.host.running().length > 0,
    runs,
    keys,
    droplet,
  };
}

function shownGroupIds(world: World): Set<string> {
  const { tenant } = world.tenant;
  const ids = new Set<string>();
  for (const { entra_group: mapped } of world.policy.groups) {
    ids.add(mapped);
    for (const id of tenant.listTransitiveMemberIds(mapped)) if (tenant.findGroup(id)) ids.add(id);
  }
  return ids;
}

async function readRuns(database: Database, selectedRunId: string | undefined) {
  const [rows, held] = await Promise.all([listRuns(database, RUN_COUNT), listWaitingQuarantines(database)]);
  const runs = rows.map((row): RunView => ({ ...row, report: reportIn(row) }));
  const selected = runs.find((run) => run.runId === selectedRunId) ?? runs[0];
  const digest = selected?.planDigest ?? undefined;
  const plan = digest === undefined ? undefined : ((await findPlan(database, digest)) as Plan | undefined);
  return { runs, selected, plan, held };
}

/** The summary of a run is its report; of one that failed it is empty. */
function reportIn({ summary }: RunRow): RunReport | undefined {
  return summary !== null && 'done' in summary ? (summary as unknown as RunReport) : undefined;
}

async function readKeys({ database, listGatewayKeys }: ViewSources): Promise<ReadonlyMap<string, KeyCell>> {
  const [stored, inGateway] = await Promise.all([listKeys(database), listGatewayKeys()]);
  const byHash = new Map(inGateway.map((key) => [key.keyHash, key]));
  const cells = new Map<string, KeyCell>();
  // Older generations first, so that the newest one stands.
  for (const key of stored)
    cells.set(cellKey(key.userId, key.teamId), { state: stateOf(key, byHash), keyHash: key.keyHash });
  return cells;
}

function stateOf(key: StoredKey, byHash: ReadonlyMap<KeyHash, GatewayKey>): KeyState {
  const known = byHash.get(key.keyHash);
  if (known !== undefined) return known.blocked ? 'blocked' : 'live';
  return key.status === 'escrowed' ? 'escrowed' : 'none';
}

/** Where a person's key for a team stands in `keys`. */
export function cellKey(userId: EntraUserId | string, teamId: EntraGroupId | string): string {
  return `${userId}/${teamId}`;
}

async function partOf<T>(work: Promise<T>): Promise<Part<T>> {
  try {
    return { kind: 'read', value: await work };
  } catch (error) {
    return { kind: 'unread', reason: error instanceof Error ? error.message : String(error) };
  }
}
