// The two questions of `lcp doctor` that depend on data_plane in policy.yml, on a real control database.

import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { checkReportingHosts, checkSharedState } from '../../lib/cli/doctor-data-plane.ts';
import type { DataPlane } from '../../lib/policy/data-plane.ts';
import type { Database } from '../../lib/store/database.ts';
import { recordHealth } from '../../lib/store/health.ts';
import { useControlDatabases } from '../store/database-fixture.ts';

const makeDatabase = useControlDatabases();
const NOW = new Date('2026-11-25T12:00:00Z');

/** What doctor would print: a line that is well, or one with its problem. */
async function linesOf(
  ask: (tryIt: <T>(what: string, work: () => T | Promise<T>) => Promise<T | undefined>) => Promise<void>,
) {
  const lines: string[] = [];
  await ask(async (what, work) => {
    try {
      const value = await work();
      lines.push(`ok ${what}`);
      return value;
    } catch (error) {
      lines.push(`FAIL ${what}: ${(error as Error).message}`);
      return undefined;
    }
  });
  return lines;
}

const sharedState = (kind: DataPlane['kind'], isStateShared: boolean | null) =>
  linesOf((tryIt) =>
    checkSharedState(
      { kind },
      { status: 'healthy', databaseConnected: true, version: '1.106.2', isStateShared },
      tryIt,
    ),
  );

test('one droplet is not asked whether it shares its state', async () => {
  expect(await sharedState('droplet', false)).toEqual([]);
});

test.each(['droplets', 'kubernetes'] as const)(
  'with %s it is a failure when a revoked key would live on at the others, and said how long and what to do',
  async (kind) => {
    expect(await sharedState(kind, true)).toEqual(['ok the LiteLLMs tell each other of a revoked key']);
    const [failure = ''] = await sharedState(kind, false);
    expect(failure).toMatch(/^FAIL .*revoked key.*user_api_key_cache_ttl, 5 s.*REDIS_HOST/);
    expect((await sharedState(kind, null))[0]).toContain('install 1.106.2 or newer');
  },
);

test('as many hosts must report as policy.yml expects, and who is silent is named', async () => {
  const { database } = await makeDatabase();
  const hosts = (dataPlane: DataPlane) => linesOf((tryIt) => checkReportingHosts(dataPlane, database, tryIt));

  expect(await hosts({ kind: 'droplet' })).toEqual([]);
  expect(await hosts({ kind: 'kubernetes' })).toEqual(['ok 0 hosts report their health']);
  await report(database, 'llm-1');
  await report(database, 'llm-2');
  expect(await hosts({ kind: 'droplets' })).toEqual(['ok 2 hosts report their health']);
  expect((await hosts({ kind: 'kubernetes' }))[0]).toContain('2 report, policy.yml expects 0');

  await database.query(
    `update droplet_health set received_at = clock_timestamp() - interval '6 minutes' where droplet_id = 'llm-2'`,
  );
  expect((await hosts({ kind: 'droplets' }))[0]).toMatch(/FAIL .*1 report, .* expects 2.*minutes: llm-2\./);
  expect(await hosts({ kind: 'droplets', reporting_hosts: 1 })).toEqual(['ok 1 hosts report their health']);
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
