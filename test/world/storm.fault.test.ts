// Notifications while processes die: the tenant notifies each change as Microsoft does, kill -9 strikes the webhook and
// sync at random, and in the end LiteLLM has what Entra says, once. `npm run bench -- webhook` does it for minutes.

import { randomInt } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { policyValue } from '../bench/policy.ts';
import { findStormDamage, finishStorm, playStorm } from './storm.ts';
import { seedGroupId, seedLargeCompany } from './tenant/seed.ts';
import { makeThrowAwayFolder } from './throw-away-folder.ts';
import { startWorld, type World } from './world.ts';

const GROUPS = 3;
const folder = makeThrowAwayFolder();
let world: World;

beforeAll(async () => {
  const policyFile = join(folder.path, 'policy.yml');
  const groupIds = Array.from({ length: GROUPS }, (_, n) => seedGroupId(n + 1));
  writeFileSync(policyFile, stringify(policyValue(groupIds)));
  world = await startWorld({
    stateDir: folder.path,
    mode: 'fast',
    schedule: false,
    policyFile,
    seed: seedLargeCompany(45, GROUPS),
    log: () => undefined,
  });
}, 60_000);

afterAll(async () => {
  await world?.stop();
  folder.remove();
});

test('every notified change is applied once although processes are killed all the time', {
  timeout: 120_000,
}, async () => {
  expect(await world.syncNow()).toMatchObject({ kind: 'finished' });
  const seed = randomInt(2 ** 31);

  const storm = await playStorm(world, {
    changesPerMinute: 400,
    durationMs: 15_000,
    killEveryMs: 800,
    random: randomFrom(seed),
  });
  // What the last killed run left is the schedule's.
  const last = await finishStorm(world);

  expect(storm, `seed ${seed}`).toMatchObject({ changeCount: 100 });
  expect(storm.killCount, `seed ${seed}`).toBeGreaterThan(5);
  expect(last, `seed ${seed}`).toMatchObject({ kind: 'finished', report: { status: 'succeeded' } });
  expect(await findStormDamage(world), `seed ${seed}`).toEqual([]);
});

/** The same numbers for the same seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
