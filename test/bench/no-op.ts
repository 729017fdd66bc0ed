// A sync that finds nothing to do: what it asks of LiteLLM, of LiteLLM's database and of Graph, and whether its time
// stays flat as the company grows. LiteLLM runs, so that its own request log can say that nothing was written.

import { seedLargeCompany } from '../world/tenant/seed.ts';
import type { TenantSeed } from '../world/tenant/state.ts';
import type { BenchContext } from './bench.ts';
import { type Figure, figure, median } from './figures.ts';
import { type Servers, startServers } from './servers.ts';
import { type StatementLog, startStatementLog } from './statement-log.ts';
import { startSyncProcess } from './sync-process.ts';
import { insertSyncedState } from './synced-state.ts';

const MEMBER_COUNTS = [100, 1_000, 10_000];
const GROUPS = 10;
const RUNS = 5;
/** DESIGN section 12. */
const BOUND_WRITES = 0;
const BOUND_GRAPH_CALLS = 2;
const BOUND_MB = 256; // project.yml: more, and the platform ends the function
const BYTES_A_MB = 1024 * 1024;

type Run = {
  readonly wallMs: number;
  readonly peakBytes: number;
  readonly actionCount: number;
  readonly writeCount: number;
  readonly requestCount: number;
  readonly statementCount: number;
  readonly graphCallCount: number;
};

/** The median of the wall times; of everything else the highest of the runs. */
type Level = Run & { readonly memberCount: number };

/** Figures at 100, 1,000 and 10,000 members in ten groups. */
export async function measureNoOp(context: BenchContext): Promise<Figure[]> {
  const servers = await startServers(context);
  try {
    const statements = await startStatementLog(
      servers.postgres,
      new URL(servers.litellmReaderUrl).username,
      servers.postgresLogFile,
    );
    const levels: Level[] = [];
    for (const memberCount of MEMBER_COUNTS) {
      const level = await measureLevel(servers, statements, memberCount);
      context.log(`no-op: ${memberCount} members took ${level.wallMs.toFixed(0)} ms`);
      levels.push(level);
    }
    return figuresOf(levels);
  } finally {
    await servers.stop();
  }
}

/** In a process of its own: what another company left in memory is not counted here. */
async function measureLevel(servers: Servers, statements: StatementLog, memberCount: number): Promise<Level> {
  const seed: TenantSeed = seedLargeCompany(memberCount, GROUPS);
  const controlDatabaseUrl = await servers.createControlDatabase('control');
  await insertSyncedState(seed, { litellm: servers.litellmDatabaseUrl, control: controlDatabaseUrl });
  const tenant = await servers.startTenant(seed);
  const sync = startSyncProcess(servers, tenant);
  try {
    const groupIds = seed.groups.map((group) => group.id);
    const run = () => sync.run({ controlDatabaseUrl, groupIds, readsDatabase: true });
    await run(); // signs in, reads everything, and warms everything up
    const runs: Run[] = [];
    for (let n = 1; n <= RUNS; n += 1) {
      const requestsBefore = servers.litellm.readRequestLog().length;
      const statementsBefore = statements.count();
      tenant.requests.clear();
      const { wallMs, peakBytes, report } = await run();
      const requests = servers.litellm.readRequestLog().slice(requestsBefore);
      runs.push({
        wallMs,
        peakBytes,
        actionCount: sum([report.done, report.failed, report.left, report.refused].flatMap(Object.values)),
        writeCount: requests.filter((request) => request.method !== 'GET').length,
        requestCount: requests.length,
        statementCount: statements.count() - statementsBefore,
        graphCallCount: tenant.requests.count().graphCalls,
      });
    }
    const highest = (pick: (one: Run) => number) => Math.max(...runs.map(pick));
    return {
      memberCount,
      wallMs: median(runs.map((one) => one.wallMs)),
      peakBytes: highest((one) => one.peakBytes),
      actionCount: highest((one) => one.actionCount),
      writeCount: highest((one) => one.writeCount),
      requestCount: highest((one) => one.requestCount),
      statementCount: highest((one) => one.statementCount),
      graphCallCount: highest((one) => one.graphCallCount),
    };
  } finally {
    await sync.stop();
  }
}

function figuresOf(levels: readonly Level[]): Figure[] {
  const [smallest] = levels;
  const largest = levels.at(-1);
  if (smallest === undefined || largest === undefined) throw new Error('no-op: nothing was measured.');
  const of = (level: Level): Figure[] => {
    const count = (metric: string, value: number, bound?: number) =>
      figure('no-op', `${level.memberCount} members: ${metric}`, value, {
        unit: 'count',
        ...(bound === undefined ? {} : { bound }),
      });
    return [
      figure('no-op', `${level.memberCount} members: wall`, level.wallMs / 1000, { unit: 's' }),
      count('actions planned', level.actionCount),
      count('LiteLLM writes', level.writeCount, BOUND_WRITES),
      count('LiteLLM API requests', level.requestCount),
      count("statements in LiteLLM's database", level.statementCount),
      count('Graph calls', level.graphCallCount, BOUND_GRAPH_CALLS),
      figure('no-op', `${level.memberCount} members: peak RSS`, level.peakBytes / BYTES_A_MB, {
        unit: 'MB',
        bound: BOUND_MB,
      }),
    ];
  };
  return [
    ...levels.flatMap(of),
    figure(
      'no-op',
      `wall, ${largest.memberCount} to ${smallest.memberCount} members`,
      largest.wallMs / smallest.wallMs,
      { unit: 'x', baseline: smallest.wallMs / 1000 },
    ),
  ];
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
