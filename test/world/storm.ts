// Many changes at once, each notified by the tenant as Microsoft would, while processes of the webhook and of sync are
// killed at random. Used by a test for seconds and by the bench for minutes; both ask the same of the end.

import { setTimeout as sleep } from 'node:timers/promises';
import { verifyAudit } from '../../lib/store/audit.ts';
import { createDatabase } from '../../lib/store/database.ts';
import { listKeys } from '../../lib/store/keys.ts';
import type { SyncOutcome } from './sync-now.ts';
import type { World } from './world.ts';

export type StormOptions = {
  readonly changesPerMinute: number;
  readonly durationMs: number;
  /** A kill -9 about this often; never without it. */
  readonly killEveryMs?: number;
  /** 0 to below 1, as Math.random; the seed is the caller's to print. */
  readonly random: () => number;
};

export type StormOutcome = {
  readonly changeCount: number;
  readonly killCount: number;
  /** Milliseconds from post to 2xx, of every acknowledged post. */
  readonly acknowledgedMs: readonly number[];
  /** Attempts that were not acknowledged; the tenant repeats them. */
  readonly refusedCount: number;
};

/** People leave and come back, one change at a time, at an even pace. Resolves when all is notified and quiet. */
export async function playStorm(world: World, options: StormOptions): Promise<StormOutcome> {
  const { random } = options;
  const { tenant, deliveries } = world.tenant;
  const before = deliveries.list().length;
  const groups = world.policy.groups.map((group) => group.entra_group as string);
  const pairs = groups.flatMap((groupId) =>
    (tenant.findGroup(groupId)?.memberIds ?? [])
      .filter((id) => tenant.findUser(id))
      .map((memberId) => ({ groupId, memberId })),
  );
  const ending = new AbortController();
  const killing = killAtRandom(world, options, ending.signal);
  const everyMs = 60_000 / options.changesPerMinute;
  const changeCount = Math.floor(options.durationMs / everyMs);
  const startedAtMs = performance.now();
  for (let n = 0; n < changeCount; n += 1) {
    const pair = pairs[Math.floor(random() * pairs.length)];
    if (pair === undefined) throw new Error('storm: nobody is in a mapped group.');
    const isIn = tenant.findGroup(pair.groupId)?.memberIds.includes(pair.memberId);
    if (isIn) tenant.removeMember(pair.groupId, pair.memberId);
    else tenant.addMember(pair.groupId, pair.memberId);
    await sleep(Math.max(0, startedAtMs + (n + 1) * everyMs - performance.now()));
  }
  ending.abort();
  const killCount = await killing;
  await world.quiet();
  const attempts = deliveries.list().slice(before);
  const isAcknowledged = ({ status }: (typeof attempts)[number]) =>
    status !== null && status >= 200 && status < 300;
  return {
    changeCount,
    killCount,
    acknowledgedMs: attempts.filter(isAcknowledged).map((attempt) => attempt.durationMs),
    refusedCount: attempts.filter((attempt) => !isAcknowledged(attempt)).length,
  };
}

async function killAtRandom(world: World, { killEveryMs, random }: StormOptions, signal: AbortSignal) {
  let killCount = 0;
  if (killEveryMs === undefined) return killCount;
  while (!signal.aborted) {
    await sleep(killEveryMs * (0.5 + random()), undefined, { signal }).catch(() => undefined);
    // Whatever is at work at this instant, or the first that will be.
    for (let tries = 0; tries < 200 && !signal.aborted; tries += 1) {
      const running = world.host.running();
      const chosen = running[Math.floor(random() * running.length)];
      if (chosen !== undefined && world.host.kill(chosen)) {
        killCount += 1;
        break;
      }
      await sleep(1);
    }
  }
  return killCount;
}

/** The next scheduled run, without waiting for the lease of one that was killed: nothing is at work any more. */
export async function finishStorm(world: World): Promise<SyncOutcome> {
  const database = createDatabase({ url: world.controlDatabaseUrl });
  try {
    await database.query('update leases set expires_at = clock_timestamp()');
  } finally {
    await database.close();
  }
  return world.syncNow();
}

/** What is not as the tenant wants it, or was done twice; empty when all is well. */
export async function findStormDamage(world: World): Promise<string[]> {
  const { fake } = world.litellm;
  if (fake === undefined) throw new Error('storm: needs the fast world.');
  const { tenant } = world.tenant;
  const database = createDatabase({ url: world.controlDatabaseUrl });
  try {
    const stored = await listKeys(database);
    const damage = stored.filter((key) => key.generation > 1).map((key) => `a second key for ${key.userId}`);
    for (const { entra_group: groupId } of world.policy.groups) {
      const wanted = new Set(
        tenant.listTransitiveMemberIds(groupId).filter((id) => {
          const user = tenant.findUser(id);
          return user?.accountEnabled && user.userType === 'Member';
        }),
      );
      const working = [...fake.state.keys.values()].filter((key) => key.team_id === groupId && !key.blocked);
      for (const id of wanted)
        if (working.filter((key) => key.user_id === id).length !== 1)
          damage.push(`no single key for ${id} in ${groupId}`);
      for (const key of working)
        if (!wanted.has(key.user_id ?? '')) damage.push(`a key of ${key.user_id} in ${groupId} still works`);
    }
    for (const team of fake.state.teams.values()) {
      const ids = team.members_with_roles.map((member) => member.user_id);
      for (const id of ids.filter((one, at) => ids.indexOf(one) !== at))
        damage.push(`${id} is in ${team.team_id} twice`);
    }
    const audit = await verifyAudit(database);
    return audit.status === 'intact' ? damage : [...damage, 'the audit chain is broken'];
  } finally {
    await database.close();
  }
}
