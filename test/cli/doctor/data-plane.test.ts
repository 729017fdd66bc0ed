// What `lcp doctor` asks of the machines, by data_plane in policy.yml, on a real control database.

import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { type Check, runAreas } from '../../../lib/cli/doctor/check.ts';
import { dataPlaneChecks } from '../../../lib/cli/doctor/data-plane.ts';
import type { DataPlane } from '../../../lib/policy/data-plane.ts';
import type { Database } from '../../../lib/store/database.ts';
import { recordHealth } from '../../../lib/store/health.ts';
import { useControlDatabases } from '../../store/database-fixture.ts';

const makeDatabase = useControlDatabases();
const NOW = new Date('2026-11-25T12:00:00Z');
const assumed = ['store-level', 'litellm-key'].map(
  (id): Check => ({ id, what: '', why: '', run: () => ({ status: 'well' }) }),
);

/** By the id of each check, what doctor finds. */
async function look(dataPlane: DataPlane, database: Database, isStateShared: boolean | null = null) {
  const checks = dataPlaneChecks({
    dataPlane,
    now: () => NOW,
    database: () => database,
    readHealth: async () => ({
      status: 'healthy',
      databaseConnected: true,
      version: '1.106.2',
      isStateShared,
    }),
  });
  const [report] = await runAreas([{ title: '', checks: [...assumed, ...checks] }], 10_000);
  const results = (report?.results ?? []).slice(assumed.length);
  return Object.fromEntries(results.map(({ check, finding }) => [check.id, finding]));
}

test('one droplet is asked neither for a number of hosts nor whether it shares its state', async () => {
  const { database } = await makeDatabase();

  expect(Object.keys(await look({ kind: 'droplet' }, database))).toEqual(['hosts-well']);
});

test.each(['droplets', 'kubernetes'] as const)(
  'with %s it is a failure when a revoked key would live on at the others, and said how long and what to do',
  async (kind) => {
    const { database } = await makeDatabase();
    const sharing = async (isShared: boolean | null) =>
      (await look({ kind }, database, isShared))['litellm-shared-state'];

    expect(await sharing(true)).toEqual({ status: 'well' });
    expect(await sharing(false)).toMatchObject({
      status: 'failed',
      problem: expect.stringContaining('user_api_key_cache_ttl, 5 s'),
      next: expect.stringContaining('REDIS_HOST'),
    });
    expect(await sharing(null)).toMatchObject({ next: expect.stringContaining('1.106.2 or newer') });
  },
);

test('as many hosts must report as policy.yml expects, and who is silent is named', async () => {
  const { database } = await makeDatabase();
  const hosts = async (dataPlane: DataPlane) => (await look(dataPlane, database))['hosts-report'];

  expect(await hosts({ kind: 'droplet' })).toBeUndefined();
  expect(await hosts({ kind: 'kubernetes' })).toEqual({ status: 'well' });
  await report(database, 'llm-1');
  await report(database, 'llm-2');
  expect(await hosts({ kind: 'droplets' })).toEqual({ status: 'well' });
  expect(await hosts({ kind: 'kubernetes' })).toMatchObject({
    problem: expect.stringContaining('2 report, policy.yml expects 0'),
  });

  await database.query(
    `update droplet_health set received_at = clock_timestamp() - interval '6 minutes' where droplet_id = 'llm-2'`,
  );
  expect(await hosts({ kind: 'droplets' })).toMatchObject({
    problem: expect.stringMatching(/^1 report, .* expects 2.*minutes: llm-2\.$/),
  });
  expect(await hosts({ kind: 'droplets', reporting_hosts: 1 })).toEqual({ status: 'well' });
});

test('a report that is not well fails with its lines, and no report yet is no failure', async () => {
  const { database } = await makeDatabase();
  expect((await look({ kind: 'droplet' }, database))['hosts-well']).toMatchObject({ status: 'not-checked' });
  await report(database, 'llm-1');

  const found = (await look({ kind: 'droplet' }, database))['hosts-well'];

  expect(found).toMatchObject({ status: 'failed', problem: expect.stringContaining('llm-1') });
});

async function report(database: Database, dropletId: string): Promise<void> {
  const empty = {
    containers: { list: [] },
    memory: { usedPercent: 1 },
    swap: { usedPercent: 0 },
    load: { oneMinute: 0 },
  };
  const expiresAt = new Date(NOW.getTime() + 60_000);
  const health = { dropletId, jti: randomUUID(), expiresAt, takenAt: NOW, report: empty };
  expect(await recordHealth(database, health)).toBe('stored');
}
