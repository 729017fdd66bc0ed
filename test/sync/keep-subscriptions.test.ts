// Our subscriptions over their life, at the simulated Microsoft and in a real database: made, renewed, lost, changed
// by somebody, doubled, refused, and rolled over to another address or clientState without a gap.

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { parseRunId } from '../../lib/ids.ts';
import { createLog } from '../../lib/log.ts';
import { Secret } from '../../lib/secret.ts';
import { listAudit } from '../../lib/store/audit.ts';
import type { Database } from '../../lib/store/database.ts';
import { acquireLease, type Lease, releaseLease } from '../../lib/store/lease.ts';
import { insertRun } from '../../lib/store/runs.ts';
import { findSubscriptionCheck, listSubscriptions } from '../../lib/store/subscriptions.ts';
import { createSubscriptionKeeper } from '../../lib/sync/keep-subscriptions.ts';
import { describeSubscriptions } from '../../lib/sync/subscription-text.ts';
import { clientFor, fetchToken, startTrustedTenant } from '../directory/tenant-fixture.ts';
import { useControlDatabases } from '../store/database-fixture.ts';
import { type Receiver, startReceiver } from '../world/tenant/delivery-receiver.ts';
import type { RunningTenant } from '../world/tenant/tenant.ts';

const createControlDatabase = useControlDatabases();
const DAY_MS = 24 * 60 * 60 * 1000;
const QUOTA = 5;
const signal = new AbortController().signal;
let receiver: Receiver;
let tenant: RunningTenant;
let database: Database;
let nowMs: number;

beforeAll(async () => {
  receiver = await startReceiver();
  tenant = await startTrustedTenant({ allowsHttpTargets: true, subscriptionQuota: QUOTA });
});
afterAll(async () => {
  await tenant?.close();
  await receiver?.close();
});
beforeEach(async () => {
  ({ database } = await createControlDatabase());
  nowMs = Date.now();
  for (const { id } of tenant.subscriptions.list()) tenant.subscriptions.remove(id);
  tenant.faults.clear();
  tenant.permissions.add('Group.Read.All');
});

/** The product's clock. The tenant's is the real one. */
const clock = { now: () => new Date(nowMs), sleep: async () => undefined };

const FIRST = { path: '/first', clientState: 'first-client-state-0123456789abcdef' };

/** One that the application has for another purpose, or made twice. */
async function makeForeign(notificationUrl: string): Promise<number> {
  const response = await fetch(`${tenant.graphUrl}/v1.0/subscriptions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${await fetchToken(tenant)}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      changeType: 'updated,deleted',
      resource: 'groups',
      notificationUrl,
      expirationDateTime: new Date(Date.now() + DAY_MS).toISOString(),
    }),
  });
  return response.status;
}

/** One run's look at the subscriptions. */
async function keep({
  path = FIRST.path,
  clientState = FIRST.clientState,
  reauthorize = [] as string[],
} = {}) {
  const notificationUrl = `${receiver.url}${path}`;
  const runId = parseRunId(randomUUID());
  const lease: Lease = await acquireLease(database, 'sync', runId, 60_000);
  await database.transaction((transaction) => insertRun(transaction, lease, runId, 'test'));
  const keeper = createSubscriptionKeeper({
    client: clientFor(tenant),
    database,
    clock,
    log: createLog({}, { write: () => undefined }),
    target: {
      notificationUrl,
      lifecycleNotificationUrl: `${notificationUrl}/lifecycle`,
      clientState: new Secret(clientState),
    },
  });
  const run = { runId, trigger: 'test', actor: 'test', deadlineAt: new Date(nowMs + 60_000), signal };
  tenant.requests.clear();
  try {
    return await keeper(lease, reauthorize, run, signal);
  } finally {
    await releaseLease(database, lease);
  }
}

const live = () => tenant.subscriptions.list();
const resources = () =>
  live()
    .map((one) => one.resource)
    .sort();
const events = async () =>
  (await listAudit(database, '0', 100))
    .map((row) => row.event)
    .filter((event) => event?.startsWith('subscription'));
const subscriptionCalls = () =>
  tenant.requests.list().filter((request) => request.path.includes('/subscriptions'));

test('the first look makes one on groups and one on users, and the next has no reason to look', async () => {
  expect(await keep()).toEqual({ state: 'active' });

  expect(resources()).toEqual(['groups', 'users']);
  expect(live()[0]).toMatchObject({ clientState: FIRST.clientState, changeType: 'updated,deleted' });
  expect((await listSubscriptions(database)).map((row) => row.resource)).toEqual(['groups', 'users']);
  expect(JSON.stringify(await listSubscriptions(database))).not.toContain(FIRST.clientState);
  expect(await events()).toEqual(['subscription_created', 'subscription_created']);
  expect(await keep()).toEqual({ state: 'not-due' });
  expect(subscriptionCalls()).toEqual([]);
});

test('they are renewed a day after they were made, two days before they expire', async () => {
  await keep();
  const before = live().map((one) => one.expirationDateTime.getTime());
  nowMs += DAY_MS + 60_000;

  expect(await keep()).toEqual({ state: 'active' });

  expect(live().map((one) => one.expirationDateTime.getTime() - (before[0] ?? 0))).toEqual([
    DAY_MS + 60_000,
    DAY_MS + 60_000,
  ]);
  expect(subscriptionCalls().map((request) => request.method)).toEqual(['GET', 'PATCH', 'PATCH']);
  expect(await keep()).toEqual({ state: 'not-due' });
});

test('a lifecycle notice is answered by renewing exactly the one it names', async () => {
  await keep();
  const [first] = live();
  tenant.subscriptions.requestReauthorization(first?.id ?? '');
  await tenant.deliveries.settled();
  expect(live()[0]?.isAwaitingReauthorization).toBe(true);

  expect(await keep({ reauthorize: [first?.id ?? ''] })).toEqual({ state: 'active' });

  expect(live()[0]?.isAwaitingReauthorization).toBe(false);
  expect(subscriptionCalls().map((request) => request.method)).toEqual(['GET', 'PATCH']);
});

test.each<[string, () => void]>([
  ['lost', () => tenant.subscriptions.remove(live()[0]?.id ?? '')],
  [
    'changed to another address by somebody',
    () => tenant.subscriptions.change(live()[0]?.id ?? '', { notificationUrl: 'http://127.0.0.1:1/evil' }),
  ],
  [
    'changed to other changes by somebody',
    () => tenant.subscriptions.change(live()[0]?.id ?? '', { changeType: 'deleted' }),
  ],
  [
    'robbed of its lifecycle address',
    () => tenant.subscriptions.change(live()[0]?.id ?? '', { lifecycleNotificationUrl: null }),
  ],
])('one that was %s is made anew by the next look, within the hour', async (_name, spoil) => {
  await keep();
  spoil();
  expect(await keep()).toEqual({ state: 'not-due' });
  await database.query(`update subscription_checks set checked_at = checked_at - interval '61 minutes'`);

  expect(await keep()).toEqual({ state: 'active' });

  expect(resources()).toEqual(['groups', 'users']);
  expect(live().every((one) => one.notificationUrl.startsWith(receiver.url))).toBe(true);
  expect((await listSubscriptions(database)).map((row) => row.subscriptionId).sort()).toEqual(
    live()
      .map((one) => one.id)
      .sort(),
  );
});

test('a second one of ours is removed, one of the same application for something else is left alone', async () => {
  await keep();
  const [groups] = live();
  if (!groups) throw new Error('a subscription');
  expect(await makeForeign(groups.notificationUrl)).toBe(201);
  expect(await makeForeign(`${receiver.url}/another-product`)).toBe(201);
  await database.query('update subscription_checks set checked_at = null');

  expect(await keep()).toEqual({ state: 'active' });

  expect(
    live()
      .map((one) => new URL(one.notificationUrl).pathname)
      .sort(),
  ).toEqual(['/another-product', '/first', '/first']);
  expect(live().some((one) => one.id === groups.id)).toBe(true);
});

test.each<[string, { path?: string; clientState?: string }]>([
  ['another address', { path: '/second' }],
  ['another clientState', { clientState: 'second-client-state-0123456789abcdef' }],
])('to %s they roll over without a gap: new ones first, then the old ones go', async (_name, change) => {
  await keep();
  const old = live().map((one) => one.id);

  expect(await keep(change)).toEqual({ state: 'active' });

  expect(resources()).toEqual(['groups', 'users']);
  expect(live().some((one) => old.includes(one.id))).toBe(false);
  expect(subscriptionCalls().map((request) => request.method)).toEqual([
    'GET',
    'POST',
    'DELETE',
    'POST',
    'DELETE',
  ]);
  expect(await keep(change)).toEqual({ state: 'not-due' });
});

test('while the new address does not answer, the old subscriptions go on', async () => {
  await keep();
  const old = live().map((one) => one.id);
  receiver.onHandshake(() => ({ status: 500 }));
  const outcome = await keep({ path: '/second' });
  receiver.onHandshake(({ token: text }) => ({
    status: 200,
    headers: { 'Content-Type': 'text/plain' },
    body: text,
  }));

  expect(outcome).toMatchObject({ state: 'degraded', problem: { code: 'SUBSCRIPTION_REFUSED' } });
  expect(live().map((one) => one.id)).toEqual(old);
  expect(await keep({ path: '/second' })).toEqual({ state: 'active' });
  expect(live().map((one) => new URL(one.notificationUrl).pathname)).toEqual(['/second', '/second']);
});

test('where Microsoft allows no second one on a resource, the old one makes way', async () => {
  await keep();
  tenant.faults.add({
    match: { method: 'POST', path: '/subscriptions' },
    times: 1,
    fault: { kind: 'status', status: 409 },
  });

  expect(await keep({ path: '/second' })).toEqual({ state: 'active' });
  expect(live().map((one) => new URL(one.notificationUrl).pathname)).toEqual(['/second', '/second']);
});

test('without Group.Read.All users are notified, groups not, and the problem names the permission', async () => {
  tenant.permissions.delete('Group.Read.All');

  const outcome = await keep();

  expect(outcome).toMatchObject({ state: 'degraded', problem: { code: 'SUBSCRIPTION_REFUSED' } });
  expect(outcome.problem?.message).toContain('Group.Read.All');
  expect(resources()).toEqual(['users']);
  const rows = await listSubscriptions(database);
  const check = await findSubscriptionCheck(database);
  const shown = describeSubscriptions({ rows, check, now: clock.now() });
  expect(shown.isWell).toBe(false);
  expect(shown.lines.join('\n')).toContain('groups: none');

  tenant.permissions.add('Group.Read.All');
  expect(await keep()).toEqual({ state: 'active' });
  expect(resources()).toEqual(['groups', 'users']);
});

test('a used-up quota is explained', async () => {
  for (let n = 0; n < QUOTA; n += 1) await makeForeign(`${receiver.url}/another-product`);

  const outcome = await keep();

  expect(outcome).toMatchObject({ state: 'degraded', problem: { code: 'SUBSCRIPTION_REFUSED' } });
  expect(outcome.problem?.message).toContain('100 in a tenant');
});

test('Graph being away is a problem for the next run, not a failure of this one', async () => {
  tenant.faults.add({
    match: { path: '/subscriptions' },
    fault: { kind: 'status', status: 503, retryAfterSeconds: 3600 },
  });

  expect(await keep()).toMatchObject({ state: 'degraded', problem: { code: 'GRAPH_UNAVAILABLE' } });
  tenant.faults.clear();
  expect(await keep()).toEqual({ state: 'active' });
});

test('one that was made but not recorded, because the run was killed in between, is replaced', async () => {
  await keep();
  await database.query(`delete from subscriptions where resource = 'users'`);

  expect(await keep()).toEqual({ state: 'active' });

  expect(resources()).toEqual(['groups', 'users']);
  expect(await keep()).toEqual({ state: 'not-due' });
});

test('a run that lost its lease records nothing', async () => {
  const lease = { name: 'sync', token: '999' };
  const keeper = createSubscriptionKeeper({
    client: clientFor(tenant),
    database,
    clock,
    log: createLog({}, { write: () => undefined }),
    target: {
      notificationUrl: `${receiver.url}/first`,
      lifecycleNotificationUrl: `${receiver.url}/first/lifecycle`,
      clientState: new Secret(FIRST.clientState),
    },
  });
  const run = {
    runId: parseRunId(randomUUID()),
    trigger: 't',
    actor: 't',
    deadlineAt: new Date(nowMs + 60_000),
    signal,
  };

  await expect(keeper(lease, [], run, signal)).rejects.toMatchObject({ code: 'LEASE_LOST' });
  expect(await listSubscriptions(database)).toEqual([]);
});
