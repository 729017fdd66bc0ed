import { afterEach, expect, test } from 'vitest';
import { createVirtualClock } from '../directory/virtual-clock.ts';
import type { Answer, Handshake } from './tenant/delivery-receiver.ts';
import { type SubscribedWorld, startSubscribedWorld } from './tenant/subscriptions-fixture.ts';
import type { TenantOptions } from './tenant/tenant.ts';

const MINUTE_MS = 60_000;
const UNKNOWN = 'cccccccc-0000-4000-8000-000000000001';

let world: SubscribedWorld;
const start = async (options?: Partial<TenantOptions>) => {
  world = await startSubscribedWorld(options);
  return world;
};
afterEach(() => world.close());

test('a subscription is made after both addresses have answered with the decoded token', async () => {
  const { post, receiver, tenant, inHours } = await start();
  const expirationDateTime = inHours(24);

  const { status, body } = await post({ resource: '/groups', expirationDateTime });

  expect(status).toBe(201);
  expect(body).toMatchObject({
    id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    resource: '/groups',
    changeType: 'updated,deleted',
    clientState: 'the-client-state',
    expirationDateTime,
  });
  expect(receiver.handshakes.map(({ path }) => path)).toEqual(['/notify', '/lifecycle']);
  expect(tenant.subscriptions.list().map(({ id }) => id)).toEqual([body.id]);
});

test('the token of a handshake tells every wrong decoding from the right one', async () => {
  const { subscribe, receiver } = await start();

  await subscribe();

  const [first, second] = receiver.handshakes;
  for (const character of ['+', '/', '=', '%', ' ', '<b>']) expect(first?.token).toContain(character);
  expect(first?.encoded).toBe(encodeURIComponent(first?.token ?? ''));
  expect(second?.token).not.toBe(first?.token);
});

test.each([
  ['the encoded token', ({ encoded }: Handshake) => plain(encoded)],
  ['markup made harmless', ({ token }: Handshake) => plain(token.replaceAll('<', '&lt;'))],
  ['HTML', ({ token }: Handshake) => ({ ...plain(token), headers: { 'Content-Type': 'text/html' } })],
  ['202', ({ token }: Handshake) => ({ ...plain(token), status: 202 })],
  ['a redirect', () => ({ status: 307, headers: { Location: '/elsewhere' } })],
  [
    'the token at one address only',
    ({ path, token }: Handshake) => plain(path === '/lifecycle' ? '' : token),
  ],
])('an address that answers a handshake with %s gets no subscription', async (_, answer) => {
  const { post, receiver, tenant } = await start();
  receiver.onHandshake(answer);

  const { status, body } = await post();

  expect([status, body.error.code]).toEqual([400, 'ValidationError']);
  expect(tenant.subscriptions.list()).toEqual([]);
});

test('an address where nobody listens gets no subscription', async () => {
  const { post, receiver } = await start();
  await receiver.close();

  const { status, body } = await post();

  expect([status, body.error.code]).toEqual([400, 'ValidationError']);
});

test.each([
  ['a changeType that does not exist', { changeType: 'updated,renamed' }],
  ['a clientState of 129 characters', { clientState: 'x'.repeat(129) }],
  ['an address that is none', { notificationUrl: 'notify' }],
  ['no expiration', { expirationDateTime: undefined }],
  ['an expiration that is no instant', { expirationDateTime: 'tomorrow' }],
  ['an expiration in the past', { expirationDateTime: '2020-01-01T00:00:00Z' }],
  ['an expiration in more than 29 days', { expirationDateTime: '2100-01-01T00:00:00Z' }],
  ['a property that does not exist', { clientstate: 'x' }],
])('a request with %s is refused before anybody is asked', async (_, values) => {
  const { post, receiver } = await start();

  expect((await post(values)).status).toBe(400);
  expect(receiver.handshakes).toEqual([]);
});

test.each([
  ['notificationUrl', { lifecycleNotificationUrl: null }],
  ['lifecycleNotificationUrl', { notificationUrl: 'https://localhost/notify' }],
])('a %s without TLS is refused unless the world allows it', async (_, values) => {
  const { post, receiver } = await start({ allowsHttpTargets: false });

  expect((await post(values)).status).toBe(400);
  expect(receiver.handshakes).toEqual([]);
});

test('a clientState of 128 characters and an end in 29 days are accepted', async () => {
  const { post } = await start({ clock: createVirtualClock() });

  expect((await post({ clientState: 'x'.repeat(128), expirationDateTime: world.inHours(696) })).status).toBe(
    201,
  );
});

test('a lifetime below 45 minutes is raised to 45', async () => {
  const clock = createVirtualClock();
  const { post, inHours } = await start({ clock });
  const now = clock.now().getTime();

  const { body } = await post({ expirationDateTime: inHours(0.1) });

  expect(Date.parse(body.expirationDateTime) - now).toBe(45 * MINUTE_MS);
});

test('no later answer gives the clientState away', async () => {
  const { subscribe, graph, inHours } = await start();
  const id = await subscribe();

  const bodies = [
    (await graph('GET', `subscriptions/${id}`)).body,
    (await graph('GET', 'subscriptions')).body.value[0],
    (await graph('PATCH', `subscriptions/${id}`, { expirationDateTime: inHours(48) })).body,
  ];

  expect(bodies.map((body) => [body.id, body.clientState])).toEqual(Array(3).fill([id, null]));
});

test('the list of subscriptions comes in pages', async () => {
  const { subscribe, graph, tenant } = await start({ pageSize: 2 });
  const ids = [await subscribe(), await subscribe(), await subscribe()];

  const first = (await graph('GET', 'subscriptions')).body;
  const rest = first['@odata.nextLink'].slice(`${tenant.graphUrl}/v1.0/`.length);
  const second = (await graph('GET', rest)).body;

  expect(first.value).toHaveLength(2);
  expect([...first.value, ...second.value].map(({ id }) => id).sort()).toEqual(ids.sort());
});

test('a subscription ends with its time unless it is renewed', async () => {
  const clock = createVirtualClock();
  const { subscribe, graph, inHours, tenant } = await start({ clock });
  await subscribe({ expirationDateTime: inHours(1) });
  const renewed = await subscribe({ expirationDateTime: inHours(1) });

  const { status, body } = await graph('PATCH', `subscriptions/${renewed}`, {
    expirationDateTime: inHours(3),
  });
  await clock.sleep(60 * MINUTE_MS);

  expect([status, body.expirationDateTime]).toEqual([200, inHours(2)]);
  expect(tenant.subscriptions.list().map((subscription) => subscription.id)).toEqual([renewed]);
});

test.each([
  ['an end in more than 29 days', { expirationDateTime: '2100-01-01T00:00:00Z' }],
  ['another clientState', { clientState: 'other' }],
])('a renewal with %s is refused', async (_, content) => {
  const { subscribe, graph } = await start();
  const id = await subscribe();

  expect((await graph('PATCH', `subscriptions/${id}`, content)).status).toBe(400);
});

test('a deleted subscription is gone', async () => {
  const { subscribe, graph } = await start();
  const id = await subscribe();

  expect(await graph('DELETE', `subscriptions/${id}`)).toEqual({ status: 204, body: undefined });
  expect((await graph('GET', `subscriptions/${id}`)).status).toBe(404);
});

test.each([
  ['GET', UNKNOWN],
  ['PATCH', UNKNOWN],
  ['DELETE', UNKNOWN],
  ['POST', `${UNKNOWN}/reauthorize`],
])('%s of an unknown subscription is 404', async (method, path) => {
  const { graph } = await start();

  expect((await graph(method, `subscriptions/${path}`)).status).toBe(404);
});

test('each resource asks for its own permission', async () => {
  const { post, subscribe, graph, tenant } = await start();
  const id = await subscribe();
  tenant.permissions.delete('Group.Read.All');

  const refused = await post();
  const renewal = await graph('POST', `subscriptions/${id}/reauthorize`);
  const users = await post({ resource: 'users' });

  expect([refused.status, refused.body.error.code]).toEqual([403, 'Authorization_RequestDenied']);
  expect(renewal.status).toBe(403);
  expect(users.status).toBe(201);
});

test('more subscriptions than the quota are refused with the code for it', async () => {
  const { post, subscribe } = await start({ subscriptionQuota: 1 });
  await subscribe();

  const { status, body } = await post({ resource: 'users' });

  expect([status, body.error.code]).toEqual([403, 'ExtensionError']);
});

test.each([
  [false, 201],
  [true, 409],
])(
  'where duplicates are refused: %s, the same subscription again is %i',
  async (refusesDuplicates, status) => {
    const { post, subscribe } = await start({ refusesDuplicates });
    await subscribe({ resource: '/groups' });

    expect((await post({ resource: 'groups' })).status).toBe(status);
    expect((await post({ resource: 'users' })).status).toBe(201);
  },
);

test('a subscription whose answer was lost exists all the same', async () => {
  const { post, tenant } = await start();
  tenant.faults.add({ match: { method: 'POST', path: '/subscriptions$' }, fault: { kind: 'reset' } });

  await expect(post()).rejects.toThrow();

  expect(tenant.subscriptions.list()).toHaveLength(1);
});

test('a resource that the tenant does not simulate is 501', async () => {
  const { post } = await start();

  expect((await post({ resource: 'me/messages' })).status).toBe(501);
});

function plain(body: string): Answer {
  return { status: 200, headers: { 'Content-Type': 'text/plain' }, body };
}
