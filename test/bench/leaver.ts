// A leaver, from Microsoft's notification to the refused key: the simulated tenant posts to control/webhook, which
// wakes control/sync, which blocks the key on the real LiteLLM. Beside it, in the same run and on the same servers,
// the bare cost of what cannot be left out: one read of Graph and one /key/block.

import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import tls from 'node:tls';
import { stringify } from 'yaml';
import { systemClock } from '../../lib/clock.ts';
import { directorySettings, SYNC_SETTINGS } from '../../lib/composition.ts';
import { parseSettings } from '../../lib/config.ts';
import { createDirectoryClient } from '../../lib/directory/client.ts';
import { hashKey, parseEntraGroupId, parseEntraUserId } from '../../lib/ids.ts';
import { revealKeys } from '../../lib/keys/reveal.ts';
import { Secret } from '../../lib/secret.ts';
import { createDatabase, type Database } from '../../lib/store/database.ts';
import { listKeysOf } from '../../lib/store/keys.ts';
import { seedGroupId, seedLargeCompany } from '../world/tenant/seed.ts';
import { waitUntil } from '../world/wait-until.ts';
import { startWorld, type World } from '../world/world.ts';
import type { BenchContext } from './bench.ts';
import { type Figure, figure, median, percentile } from './figures.ts';
import { policyValue } from './policy.ts';

const PEOPLE = 100;
const GROUPS = 2;
const LEAVERS = 40;
const WARM_UPS = 3;
/** DESIGN section 12. */
const BOUND_RATIO = 2;
const BOUND_P95_S = 1.5;

type Leaver = { readonly userId: string; readonly groupId: string; readonly key: Secret };
type Sample = { readonly refusedMs: number; readonly bareMs: number };

/** Figures of one leaver after the other, each back before the next leaves. */
export async function measureLeaver(context: BenchContext): Promise<Figure[]> {
  const groupIds = Array.from({ length: GROUPS }, (_, group) => seedGroupId(group + 1));
  const policyFile = join(context.workDir, 'leaver-policy.yml');
  await writeFile(policyFile, stringify(policyValue(groupIds)));
  const world = await startWorld({
    stateDir: dirname(context.cacheDir),
    name: 'bench-leaver',
    mode: 'real',
    fresh: true,
    schedule: false,
    policyFile,
    seed: seedLargeCompany(PEOPLE, GROUPS),
    log: context.log,
  });
  tls.setDefaultCACertificates([...tls.getCACertificates('default'), world.tenant.caPem]);
  const database = createDatabase({ url: world.controlDatabaseUrl });
  const litellm = createDatabase({ url: new Secret(world.postgres.url('litellm')), maxConnections: 1 });
  try {
    await world.syncNow();
    const leavers = await chooseLeavers(world, database);
    const samples: Sample[] = [];
    for (const leaver of leavers) {
      const refusedMs = await timeLeaving(world, litellm, leaver);
      samples.push({ refusedMs, bareMs: await timeBare(world, database, leaver) });
      context.log(`leaver: refused after ${refusedMs.toFixed(0)} ms`);
    }
    return figuresOf(samples.slice(WARM_UPS));
  } finally {
    await Promise.all([database.close(), litellm.close()]);
    await world.stop();
  }
}

/** People with a key that answers. */
async function chooseLeavers(world: World, database: Database): Promise<Leaver[]> {
  const pair = { publicKey: world.secrets.escrowPublicKey, privateKey: world.secrets.escrowPrivateKey };
  const groups = world.tenant.tenant.listGroups();
  const people = groups.flatMap(({ id, memberIds }) => memberIds.map((userId) => ({ userId, groupId: id })));
  const leavers: Leaver[] = [];
  for (const { userId, groupId } of people.slice(0, LEAVERS + WARM_UPS)) {
    const [key] = await revealKeys(database, pair, {
      userId: parseEntraUserId(userId),
      teamId: parseEntraGroupId(groupId),
      actor: 'bench',
      now: new Date(),
    });
    if (!key) throw new Error('leaver: a person has no key.');
    leavers.push({ userId, groupId, key: key.plaintext });
  }
  return leavers;
}

/** From the change in the tenant, which notifies at once, to the start of the first call that is refused. */
async function timeLeaving(
  world: World,
  litellm: Database,
  { userId, groupId, key }: Leaver,
): Promise<number> {
  const call = () => world.callModel({ key, model: 'gpt-4' });
  if ((await call()).status !== 200) throw new Error('leaver: the key does not answer before.');
  await world.quiet();
  const leftAtMs = performance.now();
  world.tenant.tenant.removeMember(groupId, userId);
  // LiteLLM's one process is not kept busy with calls while it is to block: its database tells when it has.
  await waitUntil(() => isBlocked(litellm, key), {
    what: 'leaver: the key is blocked',
    limitMs: 60_000,
    everyMs: 1,
  });
  const refusedAtMs = await waitUntil(
    async () => {
      const calledAtMs = performance.now();
      return (await call()).status === 401 ? calledAtMs : undefined;
    },
    { what: 'leaver: the key is refused', limitMs: 60_000, everyMs: 5 },
  );
  await world.quiet();
  return refusedAtMs - leftAtMs;
}

async function isBlocked(litellm: Database, key: Secret): Promise<boolean> {
  const { rows } = await litellm.query<{ blocked: boolean | null }>(
    'select blocked from "LiteLLM_VerificationToken" where token = $1',
    [hashKey(key.reveal())],
  );
  return rows[0]?.blocked === true;
}

/** One question to Graph about the person, and one block of a key, one after the other and nothing else. */
async function timeBare(world: World, database: Database, { userId }: Leaver): Promise<number> {
  const client = createDirectoryClient({
    ...directorySettings(parseSettings(SYNC_SETTINGS, world.environment)),
    clock: systemClock,
    deadlineAt: new Date(Date.now() + 60_000),
  });
  const [record] = await listKeysOf(database, [parseEntraUserId(userId)]);
  const signal = AbortSignal.timeout(30_000);
  await client.get({ path: '/users?$top=1&$select=id' }, signal); // signs in
  const startedAtMs = performance.now();
  const answer = await client.get({ path: `/users/${userId}?$select=id,accountEnabled` }, signal);
  const response = await fetch(`${world.litellm.baseUrl}/key/block`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${world.litellm.adminKey.reveal()}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify({ key: record?.keyHash }),
  });
  await response.text();
  const bareMs = performance.now() - startedAtMs;
  if (answer.status !== 'ok' || !response.ok) throw new Error('leaver: the bare calls failed.');
  return bareMs;
}

function figuresOf(samples: readonly Sample[]): Figure[] {
  const refused = samples.map((sample) => sample.refusedMs / 1000);
  const bare = samples.map((sample) => sample.bareMs / 1000);
  const seconds = (metric: string, value: number, bound?: number) =>
    figure('leaver', metric, value, { unit: 's', ...(bound === undefined ? {} : { bound }) });
  return [
    figure('leaver', 'leavers', samples.length, { unit: 'count' }),
    seconds('notification to 401, p50', median(refused)),
    seconds('notification to 401, p95', percentile(refused, 95), BOUND_P95_S),
    seconds('one Graph read and one /key/block, p50', median(bare)),
    seconds('one Graph read and one /key/block, p95', percentile(bare, 95)),
    figure('leaver', 'p50 to bare p50', median(refused) / median(bare), {
      unit: 'x',
      baseline: median(bare),
      bound: BOUND_RATIO,
    }),
  ];
}
