// The event path whole, as deployed: the simulated Microsoft posts to the built webhook, which wakes the built sync.
// Nothing here invokes a function by hand after the first run.

import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createDatabase, type Database } from '../../lib/store/database.ts';
import { listRuns } from '../../lib/store/runs.ts';
import type { RunReport } from '../../lib/sync/report.ts';
import { COMPANY_GROUP_IDS } from './tenant/seed.ts';
import { makeThrowAwayFolder } from './throw-away-folder.ts';
import { startWorld, type World } from './world.ts';

const { engineering, platform, product } = COMPANY_GROUP_IDS;
const PERSON = 'aaaaaaaa-0000-4000-8000-00000000e002';
const folder = makeThrowAwayFolder();
let world: World;
let database: Database;

beforeAll(async () => {
  world = await startWorld({ stateDir: folder.path, mode: 'fast', schedule: false, log: () => undefined });
  database = createDatabase({ url: world.controlDatabaseUrl });
  const name = { displayName: 'Emil Event', userPrincipalName: 'emil@contoso.example' };
  world.tenant.tenant.createUser({ id: PERSON, ...name });
  await world.syncNow();
}, 60_000);
afterAll(async () => {
  await database?.close();
  await world?.stop();
  folder.remove();
});
beforeEach(async () => {
  world.tenant.deliveries.faults.clear();
  world.tenant.faults.clear();
  await world.quiet();
});

const keyOf = (teamId: string, userId = PERSON) =>
  [...(world.litellm.fake?.state.keys.values() ?? [])].find(
    (key) => key.team_id === teamId && key.user_id === userId && !key.blocked,
  );
const newestReport = async () => (await listRuns(database, 1))[0]?.summary as unknown as RunReport;

test('the first run subscribed, and Microsoft’s handshake was answered for both addresses', () => {
  expect(
    world.tenant.subscriptions
      .list()
      .map((one) => one.resource)
      .sort(),
  ).toEqual(['groups', 'users']);
});

test('who joins a nested group has a key, who leaves it has none, and who comes back has the same', async () => {
  const { tenant } = world.tenant;
  tenant.addMember(platform, PERSON);
  await world.quiet();
  const key = keyOf(engineering);
  expect(key).toBeDefined();

  tenant.removeMember(platform, PERSON);
  await world.quiet();
  expect(keyOf(engineering)).toBeUndefined();
  expect(await newestReport()).toMatchObject({ trigger: 'webhook', hintCount: 1, reading: 'changed' });

  tenant.addMember(platform, PERSON);
  await world.quiet();
  expect(keyOf(engineering)?.token).toBe(key?.token);
  tenant.removeMember(platform, PERSON);
});

test('a rename, a disabled and a deleted account take effect', async () => {
  const { tenant } = world.tenant;
  const id = 'aaaaaaaa-0000-4000-8000-00000000e001';
  tenant.createUser({ id, displayName: 'Eva Event', userPrincipalName: 'eva@contoso.example' });
  tenant.addMember(product, id);
  await world.quiet();
  expect(keyOf(product, id)).toBeDefined();

  tenant.rename(id, { displayName: 'Eva Renamed' });
  await world.quiet();
  expect(world.litellm.fake?.state.users.get(id)?.user_alias).toBe('Eva Renamed');

  tenant.disableUser(id);
  await world.quiet();
  expect(keyOf(product, id)).toBeUndefined();
  tenant.enableUser(id);
  await world.quiet();
  expect(keyOf(product, id)).toBeDefined();

  tenant.deleteUser(id);
  await world.quiet();
  expect(keyOf(product, id)).toBeUndefined();
  tenant.restoreUser(id);
  await world.quiet();
  expect(keyOf(product, id)).toBeDefined();
  tenant.deleteUser(id);
});

test.each([['duplicate'], ['reorder'], ['lose']] as const)(
  'with %s notifications the end is the same',
  async (kind) => {
    const { tenant, deliveries } = world.tenant;
    deliveries.faults.add({ kind });
    for (let n = 0; n < 3; n += 1) {
      tenant.addMember(platform, PERSON);
      tenant.removeMember(platform, PERSON);
    }
    tenant.addMember(platform, PERSON);
    deliveries.faults.clear();
    await world.quiet();
    // What no notification told, the schedule finds.
    await world.syncNow();

    expect(keyOf(engineering)).toBeDefined();
    tenant.removeMember(platform, PERSON);
  },
);

test('when Graph shows the change late, the same invocation looks again', async () => {
  const { tenant, quirks } = world.tenant;
  quirks.lagCount = 1;
  quirks.staleCount = 1;
  tenant.addMember(product, PERSON);
  // The first look sees nothing; the lag ends while the function waits for the second.
  await world.tenant.deliveries.settled();
  expect(keyOf(product)).toBeUndefined();
  quirks.lagCount = 0;
  quirks.staleCount = 0;
  await world.quiet();

  expect(keyOf(product)).toBeDefined();
  tenant.removeMember(product, PERSON);
});

test('a subscription that Microsoft wants reauthorised is, without a schedule', async () => {
  const [first] = world.tenant.subscriptions.list();
  world.tenant.subscriptions.requestReauthorization(first?.id ?? '');
  await world.quiet();

  const now = world.tenant.subscriptions.list().find((one) => one.id === first?.id);
  expect(now?.isAwaitingReauthorization).toBe(false);
});

test('a post that forges a notification wakes nothing', async () => {
  const before = (await listRuns(database, 50)).length;
  const [subscription] = world.tenant.subscriptions.list();
  const response = await fetch(world.host.webUrl('control/webhook'), {
    method: 'POST',
    body: JSON.stringify({
      value: [
        {
          subscriptionId: subscription?.id,
          clientState: 'guessed',
          changeType: 'updated',
          resource: `Groups/${product}`,
          resourceData: { '@odata.type': '#Microsoft.Graph.Group', id: product },
        },
      ],
    }),
    headers: { 'content-type': 'application/json' },
  });

  expect([response.status, await response.text()]).toEqual([202, '']);
  await world.quiet();
  expect((await listRuns(database, 50)).length).toBe(before);
});
