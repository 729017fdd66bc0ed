// The first sync of a company on the real LiteLLM: how many calls it makes, and its wall time against the bare cost of
// the keys it makes. In each round the yardsticks stand on both sides of the sync, so that a machine that gets slower
// or faster meanwhile shows in the spread.

import { systemClock } from '../../lib/clock.ts';
import { createGateway } from '../../lib/gateway/client.ts';
import { NO_MEMBER_LIMITS } from '../../lib/gateway/state.ts';
import { markedMetadata } from '../../lib/sync/marker.ts';
import { seedGroupId, seedLargeCompany, seedUserId } from '../world/tenant/seed.ts';
import { type KeyOwner, keyBody, timeKeyCalls } from './bare-keys.ts';
import type { BenchContext } from './bench.ts';
import { type Figure, figure, median } from './figures.ts';
import { type Servers, startServers } from './servers.ts';
import { type SyncProcess, startSyncProcess } from './sync-process.ts';

const PEOPLE = 300;
const GROUPS = 10;
const ROUNDS = 3;
/** DESIGN section 12. */
const BOUND_CALLS = 340;
const BOUND_RATIO = 1.15;

type Round = {
  readonly callCount: number;
  readonly syncMs: number;
  /** Mean of the one before and the one after the sync. */
  readonly sameKeysMs: number;
  readonly ownerlessKeysMs: number;
};

/** Figures of the first sync of 300 people in 10 teams. */
export async function measureFirstSync(context: BenchContext): Promise<Figure[]> {
  const servers = await startServers(context);
  try {
    // A company of its own for the warm-up and for each round, all in one tenant: each sync is a first one.
    const tenant = await servers.startTenant(seedLargeCompany((ROUNDS + 1) * PEOPLE, (ROUNDS + 1) * GROUPS));
    const sync = startSyncProcess(servers, tenant);
    try {
      const { concurrency } = (await syncCompany(servers, sync, 0)).answer;
      const rounds: Round[] = [];
      for (let round = 1; round <= ROUNDS; round += 1) {
        rounds.push(await measureRound(servers, sync, round, concurrency));
        context.log(`first-sync: round ${round} of ${ROUNDS}: ${describe(rounds.at(-1))}`);
      }
      return figuresOf(rounds, concurrency);
    } finally {
      await sync.stop();
    }
  } finally {
    await servers.stop();
  }
}

async function measureRound(
  servers: Servers,
  sync: SyncProcess,
  round: number,
  concurrency: number,
): Promise<Round> {
  const { litellm } = servers;
  const sameKeysMs: number[] = [];
  const timeSameKeys = async (part: number) => {
    const owners = await prepareOwners(servers, 2 * round + part);
    sameKeysMs.push(await timeKeyCalls(litellm, owners.map(keyBody), concurrency));
  };
  await timeSameKeys(0);
  const { answer, callCount } = await syncCompany(servers, sync, round);
  await timeSameKeys(1);
  const ownerless = Array.from({ length: PEOPLE }, () => keyBody(undefined));
  return {
    callCount,
    syncMs: answer.wallMs,
    sameKeysMs: median(sameKeysMs),
    ownerlessKeysMs: await timeKeyCalls(litellm, ownerless, concurrency),
  };
}

async function syncCompany({ litellm, createControlDatabase }: Servers, sync: SyncProcess, company: number) {
  const groupIds = Array.from({ length: GROUPS }, (_, group) => seedGroupId(company * GROUPS + group + 1));
  const controlDatabaseUrl = await createControlDatabase('control');
  const before = litellm.readRequestLog().length;
  const answer = await sync.run({ controlDatabaseUrl, groupIds, readsDatabase: true });
  const minted = answer.report.done.mint_key ?? 0;
  if (minted !== PEOPLE) throw new Error(`first-sync: ${minted} keys were made instead of ${PEOPLE}.`);
  return { answer, callCount: litellm.readRequestLog().length - before };
}

/** People and teams as a sync leaves them before it makes keys: there, and without any key yet. */
async function prepareOwners({ litellm }: Servers, set: number): Promise<KeyOwner[]> {
  const signal = new AbortController().signal;
  const gateway = createGateway({ ...litellm, clock: systemClock, timeoutMs: 60_000, maxConcurrency: 4 });
  // Ids far from those of the companies.
  const owners = Array.from({ length: PEOPLE }, (_, index) => ({
    userId: seedUserId(set * 1_000_000 + index),
    teamId: seedGroupId(set * 1_000_000 + (index % GROUPS)),
  }));
  const users = owners.map(({ userId }) => ({
    userId,
    ssoUserId: userId,
    email: `${userId}@contoso.example`,
    alias: userId,
    role: 'internal_user' as const,
    metadata: markedMetadata(),
  }));
  await gateway.createUsers(users, signal);
  for (const [teamId, members] of Map.groupBy(owners, (owner) => owner.teamId)) {
    const memberUserIds = members.map((member) => member.userId);
    const limits = {
      maxBudgetUsd: 100,
      budgetDuration: '30d',
      tpmLimit: null,
      rpmLimit: null,
      memberLimits: NO_MEMBER_LIMITS,
    };
    const models = ['gpt-4', 'mistral-local'];
    const team = { teamId, alias: teamId, models, ...limits, metadata: markedMetadata(), memberUserIds };
    await gateway.createTeam(team, signal);
  }
  return owners;
}

function figuresOf(rounds: readonly Round[], concurrency: number): Figure[] {
  const of = (pick: (round: Round) => number) => median(rounds.map(pick));
  const ratios = rounds.map((round) => round.syncMs / round.sameKeysMs);
  const sameKeys = of((round) => round.sameKeysMs) / 1000;
  const ownerlessKeys = of((round) => round.ownerlessKeysMs) / 1000;
  const wall = of((round) => round.syncMs) / 1000;
  const seconds = (metric: string, value: number) => figure('first-sync', metric, value, { unit: 's' });
  const ratio = (metric: string, value: number, baseline: number, bound?: number) =>
    figure('first-sync', metric, value, { unit: 'x', baseline, ...(bound === undefined ? {} : { bound }) });
  return [
    figure('first-sync', 'people', PEOPLE, { unit: 'count' }),
    figure('first-sync', 'teams', GROUPS, { unit: 'count' }),
    figure('first-sync', 'concurrency', concurrency, { unit: 'count' }),
    figure('first-sync', 'LiteLLM calls', Math.max(...rounds.map((round) => round.callCount)), {
      unit: 'count',
      bound: BOUND_CALLS,
    }),
    figure('first-sync', 'wall', wall, { unit: 's', baseline: sameKeys }),
    seconds('bare calls for the same keys', sameKeys),
    seconds('bare calls for keys of nobody', ownerlessKeys),
    ratio('wall to bare calls for the same keys', median(ratios), sameKeys, BOUND_RATIO),
    ratio('the same, best round', Math.min(...ratios), sameKeys),
    ratio('the same, worst round', Math.max(...ratios), sameKeys),
    ratio('wall to bare calls for keys of nobody', wall / ownerlessKeys, ownerlessKeys),
  ];
}

function describe(round: Round | undefined): string {
  if (round === undefined) return '';
  const seconds = (durationMs: number) => `${(durationMs / 1000).toFixed(2)} s`;
  const { syncMs, sameKeysMs, ownerlessKeysMs, callCount } = round;
  return `sync ${seconds(syncMs)} and ${callCount} calls, bare ${seconds(sameKeysMs)}, keys of nobody ${seconds(ownerlessKeysMs)}`;
}
