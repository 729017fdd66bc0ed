import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { listHealth, recordHealth } from '../../lib/store/health.ts';
import { buildContainer, buildReport } from '../health/report-fixture.ts';
import { useControlDatabases } from './database-fixture.ts';

const createControlDatabase = useControlDatabases();

function health(
  over: { takenAt?: string; dropletId?: string; report?: ReturnType<typeof buildReport> } = {},
) {
  const { takenAt = '2026-11-25T12:00:00Z', dropletId = 'droplet-1', report = buildReport() } = over;
  const expiresAt = new Date(Date.now() + 120_000);
  return { dropletId, jti: randomUUID(), expiresAt, takenAt: new Date(takenAt), report };
}

test('the newest report of each droplet is kept whole, and its numbers once a minute', async () => {
  const { database } = await createControlDatabase();
  const report = buildReport({
    containers: {
      status: 'read',
      list: [buildContainer({ restartCount: 2 }), buildContainer({ isWell: false, restartCount: 3 })],
    },
    disks: { ...buildReport().disks, data: null },
  });
  await recordHealth(database, health({ report }));
  await recordHealth(database, health({ takenAt: '2026-11-25T12:00:01Z', report }));
  await recordHealth(database, health({ dropletId: 'droplet-2' }));

  const rows = await listHealth(database);
  expect(rows).toMatchObject([
    { dropletId: 'droplet-1', takenAt: new Date('2026-11-25T12:00:01Z'), report },
    { dropletId: 'droplet-2', report: buildReport() },
  ]);
  expect(rows[0]?.ageSeconds).toBeLessThan(60);
  const minutes = await database.query(
    `select distinct on (droplet_id) containers_down, restarts::int, memory_percent, data_percent
       from droplet_health_minutes order by droplet_id, minute`,
  );
  expect(minutes.rows).toEqual([
    { containers_down: 1, restarts: 5, memory_percent: 71.2, data_percent: null },
    { containers_down: 0, restarts: 0, memory_percent: 71.2, data_percent: 12 },
  ]);
});

test('numbers of more than two days, and tokens that nobody would take any more, go with the next report', async () => {
  const { database } = await createControlDatabase();
  await recordHealth(database, health());
  await database.query(`update droplet_health_minutes set minute = minute - interval '49 hours'`);
  await database.query(`update agent_tokens set expires_at = clock_timestamp() - interval '11 minutes'`);

  await recordHealth(database, health({ takenAt: '2026-11-25T12:01:00Z' }));

  const { rows } = await database.query<{ minutes: number; tokens: number }>(
    `select (select count(*)::int from droplet_health_minutes) as minutes, (select count(*)::int from agent_tokens) as tokens`,
  );
  expect(rows).toEqual([{ minutes: 1, tokens: 1 }]);
});

test('a token is taken once, and the second report under it changes nothing', async () => {
  const { database } = await createControlDatabase();
  const first = health();
  const answers = [
    await recordHealth(database, first),
    await recordHealth(database, { ...first, takenAt: new Date('2026-11-25T13:00:00Z') }),
    await recordHealth(database, health({ takenAt: '2026-11-25T11:00:00Z' })),
  ];

  expect(answers).toEqual(['stored', 'replayed', 'older']);
  expect(await listHealth(database)).toMatchObject([{ takenAt: first.takenAt }]);
});
