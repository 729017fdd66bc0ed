import { afterEach, expect, test } from 'vitest';
import { parseNotifications } from '../../lib/directory/notifications.ts';
import { Secret } from '../../lib/secret.ts';
import { APPLICATION } from '../directory/tenant-fixture.ts';
import { createVirtualClock } from '../directory/virtual-clock.ts';
import { postOverHttp } from './tenant/delivery-post.ts';
import { COMPANY_GROUP_IDS, seedUserId } from './tenant/seed.ts';
import { type SubscribedWorld, startSubscribedWorld } from './tenant/subscriptions-fixture.ts';
import type { RunningTenant } from './tenant/tenant.ts';
import { waitUntil } from './wait-until.ts';

const { engineering, product } = COMPANY_GROUP_IDS;
const ADA = seedUserId(1);
const NEWCOMER = {
  id: 'aaaaaaaa-0000-4000-8000-00000000ffff',
  displayName: 'New',
  userPrincipalName: 'new@contoso.example',
};
const NEW_GROUP = { id: 'bbbbbbbb-0000-4000-8000-00000000ffff', displayName: 'New' };
const HOUR_MS = 3_600_000;

let world: SubscribedWorld;
const start = async (...values: Parameters<typeof startSubscribedWorld>) => {
  world = await startSubscribedWorld(...values);
  return world;
};
afterEach(() => world.close());

test('a leaver is notified in the documented form, with the clientState of the subscription', async () => {
  const { subscribe, receiver, tenant, inHours } = await start();
  const expirationDateTime = inHours(24);
  const id = await subscribe({ expirationDateTime });

  tenant.tenant.removeMember(engineering, ADA);
  await tenant.deliveries.settled();

  expect(receiver.posts).toEqual([
    {
      path: '/notify',
      value: [
        {
          subscriptionId: id,
          clientState: 'the-client-state',
          changeType: 'updated',
          resource: `Groups/${engineering}`,
          resourceData: {
            '@odata.type': '#Microsoft.Graph.Group',
            '@odata.id': `Groups/${engineering}`,
            id: engineering,
            organizationId: APPLICATION.tenantId,
            'members@delta': [{ id: ADA, '@removed': 'deleted' }],
          },
          subscriptionExpirationDateTime: expirationDateTime,
          tenantId: APPLICATION.tenantId,
        },
      ],
    },
  ]);
});

type People = RunningTenant['tenant'];
test.each<[string, (people: People) => void, string[]]>([
  [
    'a joiner',
    (people) => people.addMember(product, ADA),
    [`updated Groups/${product} ${JSON.stringify([{ id: ADA }])}`],
  ],
  ['a new group', (people) => people.createGroup(NEW_GROUP), [`updated Groups/${NEW_GROUP.id}`]],
  [
    'a renamed group',
    (people) => people.rename(product, { displayName: 'Other' }),
    [`updated Groups/${product}`],
  ],
  ['a new account', (people) => people.createUser(NEWCOMER), [`updated Users/${NEWCOMER.id}`]],
  ['a disabled account', (people) => people.disableUser(ADA), [`updated Users/${ADA}`]],
  ['what changes nothing', (people) => people.enableUser(ADA), []],
])('%s is notified to whoever subscribed to it', async (_, change, expected) => {
  const { subscribe, receiver, tenant } = await start();
  await subscribe();
  await subscribe({ resource: '/users' });

  change(tenant.tenant);
  await tenant.deliveries.settled();

  const told = receiver.notifications().map(({ changeType, resource, resourceData }) => {
    const delta = (resourceData as Record<string, unknown>)['members@delta'];
    return `${changeType} ${resource}${delta === undefined ? '' : ` ${JSON.stringify(delta)}`}`;
  });
  expect(told).toEqual(expected);
});

test('a deleted account is `updated`, since it can be restored, and so is every group it was in', async () => {
  const { subscribe, receiver, tenant } = await start();
  await subscribe();
  await subscribe({ resource: 'users' });

  tenant.tenant.deleteUser(ADA);
  await tenant.deliveries.settled();

  const told = receiver.notifications().map(({ changeType, resource }) => `${changeType} ${resource}`);
  expect(told).toContain(`updated Users/${ADA}`);
  expect(told).toContain(`updated Groups/${engineering}`);
  expect(told.filter((line) => line.startsWith('deleted'))).toEqual([]);
});

test('a deleted security group is `deleted`, and only who asked for that is told', async () => {
  const { subscribe, receiver, tenant } = await start();
  const id = await subscribe({ changeType: 'deleted' });
  await subscribe({ changeType: 'created,updated' });
  tenant.tenant.createGroup(NEW_GROUP);
  await tenant.deliveries.settled();
  receiver.posts.length = 0;

  tenant.tenant.deleteGroup(NEW_GROUP.id);
  await tenant.deliveries.settled();

  expect(receiver.notifications()).toMatchObject([
    { subscriptionId: id, changeType: 'deleted', resource: `Groups/${NEW_GROUP.id}` },
  ]);
});

test('what the tenant posts is understood by the webhook of the product', async () => {
  const { subscribe, receiver, tenant } = await start();
  const id = await subscribe();
  await subscribe({ resource: 'users' });

  tenant.tenant.removeMember(engineering, ADA);
  tenant.tenant.disableUser(ADA);
  tenant.subscriptions.sendLifecycle(id, 'reauthorizationRequired');
  await tenant.deliveries.settled();

  const body = JSON.stringify({ value: receiver.notifications() });
  const hints = [
    { resource: `subscriptions/${id}`, userIds: [] },
    { resource: `groups/${engineering}`, userIds: [ADA] },
    { resource: `users/${ADA}`, userIds: [] },
  ];
  expect(parseNotifications(body, [new Secret('the-client-state')])).toMatchObject({
    status: 'read',
    refusedCount: 0,
    unknownCount: 0,
    hints: expect.arrayContaining(hints),
  });
});

test('what happens at once comes in one post, each change on its own', async () => {
  const { subscribe, receiver, tenant } = await start();
  await subscribe();

  tenant.tenant.removeMember(engineering, ADA);
  tenant.tenant.addMember(engineering, ADA);
  await tenant.deliveries.settled();

  expect(receiver.posts.map(({ value }) => value.length)).toEqual([2]);
});

test('no post holds more than a hundred notifications', async () => {
  const { subscribe, receiver, tenant } = await start();
  await subscribe();

  for (let n = 0; n < 75; n += 1) {
    tenant.tenant.removeMember(engineering, ADA);
    tenant.tenant.addMember(engineering, ADA);
  }
  await tenant.deliveries.settled();

  expect(receiver.posts.map(({ value }) => value.length).sort()).toEqual([100, 50]);
});

test('without a subscription nothing is sent', async () => {
  const { receiver, tenant } = await start();

  tenant.tenant.removeMember(engineering, ADA);
  await tenant.deliveries.settled();

  expect([receiver.posts, tenant.deliveries.list()]).toEqual([[], []]);
});

test('a deleted or expired subscription is told nothing more', async () => {
  const clock = createVirtualClock();
  const { subscribe, graph, receiver, tenant, inHours } = await start({ clock });
  await graph('DELETE', `subscriptions/${await subscribe()}`);
  await subscribe({ expirationDateTime: inHours(1) });
  await clock.sleep(HOUR_MS);

  tenant.tenant.removeMember(engineering, ADA);
  await tenant.deliveries.settled();

  expect(receiver.posts).toEqual([]);
});

test('whatever is not 2xx is posted again, a redirect included, until it is', async () => {
  const { subscribe, receiver, tenant } = await start();
  await subscribe();
  const refusals = [{ status: 503 }, { status: 404 }, { status: 307, headers: { Location: '/elsewhere' } }];
  receiver.answers.push(...refusals);

  tenant.tenant.removeMember(engineering, ADA);
  await tenant.deliveries.settled();

  const attempts = tenant.deliveries.list();
  expect(attempts.map(({ attempt, status }) => [attempt, status])).toEqual([
    [1, 503],
    [2, 404],
    [3, 307],
    [4, 202],
  ]);
  expect(receiver.posts.map(({ path }) => path)).toEqual(Array(4).fill('/notify'));
  expect(new Set(receiver.posts.map(({ value }) => JSON.stringify(value))).size).toBe(1);
});

test('the list of attempts shows what was posted, but no clientState', async () => {
  const { subscribe, receiver, tenant } = await start();
  const id = await subscribe();

  tenant.tenant.removeMember(engineering, ADA);
  await tenant.deliveries.settled();

  expect(tenant.deliveries.list()).toMatchObject([
    { url: `${receiver.url}/notify`, status: 202, attempt: 1, value: [{ subscriptionId: id }] },
  ]);
  expect(JSON.stringify(tenant.deliveries.list())).not.toContain('the-client-state');
});

test.each([
  ['is being waited for', 'silence' as const],
  ['waits for its next try', { status: 503 }],
])('the end of the tenant does not wait for a post that %s', async (_, answer) => {
  const { subscribe, receiver, tenant, close } = await start({ delivery: { retryBaseMs: HOUR_MS } });
  await subscribe();
  receiver.answers.push(answer);
  tenant.tenant.removeMember(engineering, ADA);
  await waitUntil(async () => receiver.posts.length > 0, { what: 'The post', limitMs: 5_000, everyMs: 1 });

  await close();
  await tenant.deliveries.settled();

  expect(receiver.posts).toHaveLength(1);
});

test('a subscription that was changed behind our back speaks with the new values', async () => {
  const { subscribe, receiver, tenant } = await start();
  const id = await subscribe();

  tenant.subscriptions.change(id, {
    clientState: 'of-somebody-else',
    notificationUrl: `${receiver.url}/other`,
  });
  tenant.tenant.removeMember(engineering, ADA);
  await tenant.deliveries.settled();

  expect(receiver.posts).toMatchObject([{ path: '/other', value: [{ clientState: 'of-somebody-else' }] }]);
});

test.each([
  ['reauthorised', (id: string) => world.graph('POST', `subscriptions/${id}/reauthorize`)],
  [
    'renewed',
    (id: string) => world.graph('PATCH', `subscriptions/${id}`, { expirationDateTime: world.inHours(9) }),
  ],
])('a subscription to be reauthorised loses its notifications until it is %s', async (_, answer) => {
  const { subscribe, receiver, tenant, inHours } = await start();
  const expirationDateTime = inHours(24);
  const id = await subscribe({ expirationDateTime });

  tenant.subscriptions.requestReauthorization(id);
  tenant.tenant.removeMember(engineering, ADA);
  await tenant.deliveries.settled();
  const whilePaused = [...receiver.posts];
  const { status } = await answer(id);
  tenant.tenant.addMember(engineering, ADA);
  await tenant.deliveries.settled();

  expect(whilePaused).toEqual([
    {
      path: '/lifecycle',
      value: [
        {
          subscriptionId: id,
          subscriptionExpirationDateTime: expirationDateTime,
          tenantId: APPLICATION.tenantId,
          clientState: 'the-client-state',
          lifecycleEvent: 'reauthorizationRequired',
          organizationId: APPLICATION.tenantId,
        },
      ],
    },
  ]);
  expect(status).toBeLessThan(300);
  expect(receiver.posts.slice(1)).toMatchObject([
    { path: '/notify', value: [{ resourceData: { 'members@delta': [{ id: ADA }] } }] },
  ]);
});

test('a lifecycle notice alone changes nothing', async () => {
  const { subscribe, receiver, tenant } = await start();
  const id = await subscribe();

  tenant.subscriptions.sendLifecycle(id, 'missed');
  await tenant.deliveries.settled();
  tenant.tenant.removeMember(engineering, ADA);
  await tenant.deliveries.settled();

  expect(receiver.posts.map(({ path }) => path)).toEqual(['/lifecycle', '/notify']);
});

test('a subscription that was lost is told nothing, and nobody is told of the loss', async () => {
  const { subscribe, receiver, tenant } = await start();
  const id = await subscribe();

  expect([tenant.subscriptions.remove(id), tenant.subscriptions.remove(id)]).toEqual([true, false]);
  tenant.tenant.removeMember(engineering, ADA);
  await tenant.deliveries.settled();

  expect(receiver.posts).toEqual([]);
  expect(() => tenant.subscriptions.requestReauthorization(id)).toThrow();
});

test('over HTTP an answer is waited for as long as allowed, and no longer', async () => {
  const { receiver } = await start();
  receiver.answers.push('silence', { status: 200, body: 'in time' });
  const post = (timeoutMs: number) =>
    postOverHttp({
      url: receiver.url,
      contentType: 'application/json',
      body: '{"value":[]}',
      timeoutMs,
      signal: new AbortController().signal,
    });

  const outcomes = [await post(50), await post(10_000)];

  expect(outcomes).toMatchObject([
    { kind: 'unanswered' },
    { kind: 'answered', status: 200, body: 'in time' },
  ]);
});
