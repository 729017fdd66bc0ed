// Notifications at the platform's limit of invocations: how long an acknowledgement takes beside a bare handler that
// inserts one row, and whether every change is applied when processes are killed at random for three minutes.

import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { build } from 'esbuild';
import { stringify } from 'yaml';
import { createLocalFunctionsHost } from '../world/functions-host/host.ts';
import { findStormDamage, finishStorm, playStorm } from '../world/storm.ts';
import { seedGroupId, seedLargeCompany } from '../world/tenant/seed.ts';
import { startWorld, type World } from '../world/world.ts';
import type { BenchContext } from './bench.ts';
import { type Figure, figure, median, percentile } from './figures.ts';
import { policyValue } from './policy.ts';
import { runSql } from './servers.ts';

const PEOPLE = 120;
const GROUPS = 4;
/** A post each; with the runs they wake it is what the platform lets a namespace do. */
const CHANGES_PER_MINUTE = 560;
const CALM_MS = 60_000;
const STORM_MS = 180_000;
const KILL_EVERY_MS = 5_000;
/** DESIGN section 12. */
const BOUND_RATIO = 5;

/** Figures of a calm minute, of the bare handler, and of three minutes with kill -9. */
export async function measureWebhook(context: BenchContext): Promise<Figure[]> {
  const groupIds = Array.from({ length: GROUPS }, (_, group) => seedGroupId(group + 1));
  const policyFile = join(context.workDir, 'webhook-policy.yml');
  await writeFile(policyFile, stringify(policyValue(groupIds)));
  const world = await startWorld({
    stateDir: dirname(context.cacheDir),
    name: 'bench-webhook',
    mode: 'fast',
    fresh: true,
    schedule: false,
    policyFile,
    seed: seedLargeCompany(PEOPLE, GROUPS),
    log: context.log,
  });
  try {
    await world.syncNow();
    const bare = await timeBareHandler(world, context);
    context.log(`webhook: bare handler p99 ${percentile(bare, 99).toFixed(1)} ms`);
    const calm = await playStorm(world, {
      changesPerMinute: CHANGES_PER_MINUTE,
      durationMs: CALM_MS,
      random: Math.random,
    });
    context.log(`webhook: p99 ${percentile(calm.acknowledgedMs, 99).toFixed(1)} ms`);
    const storm = await playStorm(world, {
      changesPerMinute: CHANGES_PER_MINUTE,
      durationMs: STORM_MS,
      killEveryMs: KILL_EVERY_MS,
      random: Math.random,
    });
    // What a killed run left to be done is done by the schedule.
    await finishStorm(world);
    const damage = await findStormDamage(world);
    for (const one of damage.slice(0, 10)) context.log(`webhook: ${one}`);
    const count = (metric: string, value: number, bound?: number) =>
      figure('webhook', metric, value, { unit: 'count', ...(bound === undefined ? {} : { bound }) });
    const ms = (metric: string, value: number) => figure('webhook', metric, value, { unit: 'ms' });
    return [
      count('calm: acknowledged', calm.acknowledgedMs.length),
      ms('calm: acknowledgement, p50', median(calm.acknowledgedMs)),
      ms('calm: acknowledgement, p99', percentile(calm.acknowledgedMs, 99)),
      ms('bare insert handler, p50', median(bare)),
      ms('bare insert handler, p99', percentile(bare, 99)),
      figure('webhook', 'p99 to bare p99', percentile(calm.acknowledgedMs, 99) / percentile(bare, 99), {
        unit: 'x',
        baseline: percentile(bare, 99) / 1000,
        bound: BOUND_RATIO,
      }),
      count('kill -9: changes', storm.changeCount),
      count('kill -9: kills', storm.killCount),
      count('kill -9: posts refused and repeated', storm.refusedCount),
      ms('kill -9: acknowledgement, p99', percentile(storm.acknowledgedMs, 99)),
      count('kill -9: changes lost or applied twice', damage.length, 0),
    ];
  } finally {
    await world.stop();
  }
}

/** The same pace against a function that only inserts, on a host of the same kind. */
async function timeBareHandler(world: World, { workDir }: BenchContext): Promise<number[]> {
  const functionsDir = join(workDir, 'bare-functions');
  await mkdir(join(functionsDir, 'bare'), { recursive: true });
  await build({
    entryPoints: [join(import.meta.dirname, 'bare-insert.ts')],
    outfile: join(functionsDir, 'bare', 'index.js'),
    bundle: true,
    platform: 'node',
    format: 'cjs',
    external: ['pg-native'],
    logLevel: 'silent',
  });
  await writeFile(join(functionsDir, 'package.json'), '{"type":"commonjs"}');
  const projectFile = join(workDir, 'bare-project.yml');
  await writeFile(
    projectFile,
    stringify({
      packages: [
        {
          name: 'control',
          web: false,
          functions: [
            {
              name: 'bare',
              runtime: 'nodejs:22',
              main: 'main',
              web: 'raw',
              limits: { timeout: 10_000, memory: 256 },
              // biome-ignore lint/suspicious/noTemplateCurlyInString: the form of project.yml
              environment: { CONTROL_DATABASE_URL: '${CONTROL_DATABASE_URL}' },
            },
          ],
        },
      ],
    }),
  );
  const controlUrl = world.controlDatabaseUrl.reveal();
  await runSql(controlUrl, 'create table bare (id bigserial primary key, body text)');
  const host = await createLocalFunctionsHost({
    projectFile,
    functionsDir,
    env: { CONTROL_DATABASE_URL: controlUrl },
    schedule: false,
  });
  try {
    const durations: number[] = [];
    const everyMs = 60_000 / CHANGES_PER_MINUTE;
    for (let n = 0; n < CALM_MS / everyMs; n += 1) {
      const startedAtMs = performance.now();
      const response = await fetch(host.webUrl('control/bare'), { method: 'POST', body: '{"value":[]}' });
      await response.text();
      if (!response.ok) throw new Error(`webhook: the bare handler answered ${response.status}.`);
      durations.push(performance.now() - startedAtMs);
      await sleep(Math.max(0, everyMs - (performance.now() - startedAtMs)));
    }
    return durations;
  } finally {
    await host.stop();
    await runSql(controlUrl, 'drop table bare');
  }
}
