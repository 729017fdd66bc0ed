// Cards on their way to the channel: once when all is well, again when it was not taken.

import { afterEach, expect, test } from 'vitest';
import { deliverAlerts } from '../../lib/alerts/deliver.ts';
import { createTeamsChannel } from '../../lib/alerts/teams.ts';
import { createLog } from '../../lib/log.ts';
import { Secret } from '../../lib/secret.ts';
import { type HeldFacts, insertAlerts } from '../../lib/store/alerts.ts';
import type { Database } from '../../lib/store/database.ts';
import { useControlDatabases } from '../store/database-fixture.ts';
import { findFreePort } from '../world/port.ts';
import { startTeamsChannel, type TeamsChannel } from '../world/teams/channel.ts';

const createControlDatabase = useControlDatabases();
const signal = new AbortController().signal;
let channel: TeamsChannel | undefined;
afterEach(() => channel?.close());

const facts = (n: number): HeldFacts => ({
  quarantineId: String(n).repeat(64),
  episode: '00000000-0000-4000-8000-000000000001',
  team: `Team ${n}`,
  peopleCount: n,
  reasons: [],
  causes: [],
  waitingSince: '2026-11-25T02:00:00.000Z',
  isReminder: false,
});
const alert = (n: number) => ({ dedupeKey: `held/${n}`, kind: 'removals_held' as const, facts: facts(n) });

async function setUp(signature = 's3cret-of-the-flow') {
  channel = await startTeamsChannel(await findFreePort(), {
    signature: 's3cret-of-the-flow',
    now: () => new Date(0),
  });
  const { database } = await createControlDatabase();
  const lines: string[] = [];
  const log = createLog({}, { write: (line) => lines.push(line) });
  const url = channel.webhookUrl.replace('s3cret-of-the-flow', signature);
  const post = createTeamsChannel(new Secret(url));
  const deliver = () =>
    deliverAlerts({ database, log, post, linkTo: async () => 'https://x.example' }, signal);
  return { database, deliver, lines, channel };
}
const makeDue = (database: Database) =>
  database.query('update alerts set next_attempt_at = clock_timestamp()');

test('each alert is posted once, in order, however often it is asked for and delivered', async () => {
  const { database, deliver, channel } = await setUp();
  await insertAlerts(database, [alert(1)]);
  await insertAlerts(database, [alert(1), alert(2)]);
  await deliver();
  await makeDue(database);
  await deliver();

  expect(channel.cards.map(({ card }) => JSON.stringify(card).match(/Team \d/)?.[0])).toEqual([
    'Team 1',
    'Team 2',
  ]);
});

test.each(['throttled', 'failing'] as const)(
  'while the channel is %s nothing is lost, and later it arrives',
  async (fault) => {
    const { database, deliver, channel, lines } = await setUp();
    channel.fault = fault;
    await insertAlerts(database, [alert(1)]);
    await deliver();
    channel.fault = undefined;
    await deliver();
    expect(channel.cards).toEqual([]);
    await makeDue(database);
    await deliver();

    expect(channel.cards).toHaveLength(1);
    expect(lines.join()).toContain('alert_not_delivered');
  },
);

test('an address that is refused or dead is said without being told', async () => {
  const { database, deliver, lines, channel } = await setUp('wrong-signature');
  await insertAlerts(database, [alert(1)]);
  await deliver();
  await channel.close();
  await makeDue(database);
  await deliver();

  const { rows } = await database.query('select attempts, delivered_at, last_error from alerts');
  expect(rows).toMatchObject([{ attempts: 2, delivered_at: null }]);
  expect(lines).toHaveLength(2);
  expect(JSON.stringify([lines, rows])).not.toMatch(/signature|workflows|127\.0\.0\.1/);
});

test('two runs at the same moment post no card twice', async () => {
  const { database, deliver, channel } = await setUp();
  await insertAlerts(database, [alert(1), alert(2), alert(3)]);
  await Promise.all([deliver(), deliver(), deliver()]);

  expect(channel.cards).toHaveLength(3);
});
