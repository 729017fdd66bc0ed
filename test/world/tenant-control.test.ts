import { afterAll, beforeAll, expect, test } from 'vitest';
import { APPLICATION, fetchToken } from '../directory/tenant-fixture.ts';
import { COMPANY_GROUP_IDS, seedUserId } from './tenant/seed.ts';
import { type SubscribedWorld, startSubscribedWorld } from './tenant/subscriptions-fixture.ts';
import type { RunningTenant } from './tenant/tenant.ts';

let world: SubscribedWorld;
let tenant: RunningTenant;

beforeAll(async () => {
  world = await startSubscribedWorld();
  tenant = world.tenant;
});
afterAll(() => world.close());

async function control(method: string, path: string, content?: unknown, token = tenant.controlToken) {
  const response = await fetch(`${tenant.baseUrl}/control/${path}`, {
    method,
    headers: { 'x-control-token': token },
    ...(content === undefined ? {} : { body: JSON.stringify(content) }),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

test('the control panel refuses whoever lacks its token, a Graph token included', async () => {
  const graphToken = await fetchToken(tenant);

  expect((await control('GET', 'state', undefined, 'wrong')).status).toBe(401);
  expect((await control('GET', 'state', undefined, graphToken)).status).toBe(401);
  expect((await control('GET', 'state')).status).toBe(200);
});

test('joiner, leaver, disabled and renamed change the tenant and its log', async () => {
  const newcomer = {
    id: 'aaaaaaaa-0000-4000-8000-00000000ffff',
    displayName: 'New',
    userPrincipalName: 'new@contoso.example',
  };
  const membership = { groupId: COMPANY_GROUP_IDS.product, memberId: newcomer.id };

  const statuses = [
    await control('POST', 'users', newcomer),
    await control('POST', 'add', membership),
    await control('POST', 'disable', { userId: newcomer.id }),
    await control('POST', 'enable', { userId: newcomer.id }),
    await control('POST', 'rename', { id: newcomer.id, displayName: 'Renamed' }),
    await control('POST', 'remove', membership),
    await control('DELETE', `users/${newcomer.id}`),
  ].map(({ status }) => status);
  const { body } = await control('GET', 'changes?after=0');

  expect(statuses).toEqual(Array(7).fill(200));
  expect((body.changes as { kind: string }[]).map(({ kind }) => kind)).toEqual([
    'user-created',
    'member-added',
    'user-updated',
    'user-updated',
    'user-updated',
    'member-removed',
    'user-deleted',
  ]);
});

test.each([
  ['an unknown person', 'POST', 'disable', { userId: 'nobody' }, 400],
  ['a misspelt key', 'POST', 'add', { group: 'x', memberId: 'y' }, 400],
  ['no content', 'POST', 'add', undefined, 400],
  ['an unknown fault', 'POST', 'faults', { fault: { kind: 'explode' } }, 400],
  ['an unknown fault of delivery', 'POST', 'delivery-faults', { kind: 'explode' }, 400],
  ['an unknown subscription', 'POST', 'subscriptions/nobody/reauthorize', undefined, 400],
  ['an unknown action', 'POST', 'explode', {}, 404],
  ['an unknown action on a subscription', 'POST', 'subscriptions/nobody/explode', {}, 404],
])('%s is refused', async (_, method, path, content, status) => {
  expect((await control(method, path, content)).status).toBe(status);
});

test('a fault by rule hits its calls only, from the nth on, as often as it says', async () => {
  const token = await fetchToken(tenant);
  const { body } = await control('POST', 'faults', {
    match: { path: '/users' },
    nth: 2,
    times: 1,
    fault: { kind: 'status', status: 503, retryAfterSeconds: 3 },
  });
  const users = async () => {
    const response = await fetch(`${tenant.graphUrl}/v1.0/users`, {
      headers: { Authorization: `Bearer ${token}` },
    });
    return `${response.status} ${response.headers.get('retry-after')}`;
  };

  const statuses = [await users(), await users(), await users()];

  expect(statuses).toEqual(['200 null', '503 3', '200 null']);
  expect((await control('DELETE', `faults/${body.id}`)).body).toEqual({ isRemoved: true });
  expect((await control('GET', 'faults')).body).toEqual({ faults: [] });
});

test('requests are counted by path, and calls of the control panel are not', async () => {
  const token = await fetchToken(tenant);
  await control('DELETE', 'requests');

  await fetch(`${tenant.graphUrl}/v1.0/users/${seedUserId(1)}`, {
    headers: { Authorization: `Bearer ${token}` },
  });
  const { body } = await control('GET', 'requests');

  expect(body).toMatchObject({
    graphCalls: 1,
    tokenCalls: 0,
    byPath: { [`GET /v1.0/users/${seedUserId(1)}`]: 1 },
  });
});

test.each([
  ['a wrong secret', { client_secret: 'wrong' }, 401, 7000215],
  ['an unknown application', { client_id: 'wrong' }, 400, 700016],
  ['an unknown resource', { scope: 'https://other.example/.default' }, 400, 500011],
])('the token endpoint refuses %s in the form of Entra', async (_, wrong, status, number) => {
  const form = {
    grant_type: 'client_credentials',
    client_id: APPLICATION.clientId,
    client_secret: APPLICATION.clientSecret,
    scope: `${tenant.graphUrl}/.default`,
    ...wrong,
  };

  const response = await fetch(`${tenant.baseUrl}/${APPLICATION.tenantId}/oauth2/v2.0/token`, {
    method: 'POST',
    body: new URLSearchParams(form),
  });

  expect(response.status).toBe(status);
  expect(await response.json()).toMatchObject({ error_codes: [number] });
});

test('what the tenant does not simulate answers 501, never a guess', async () => {
  const token = await fetchToken(tenant);
  const get = (path: string) =>
    fetch(`${tenant.graphUrl}/v1.0${path}`, { headers: { Authorization: `Bearer ${token}` } });

  expect((await get('/devices')).status).toBe(501);
  expect((await get('/users?$filter=accountEnabled eq true')).status).toBe(501);
});

test('subscriptions are shown without their clientState, told to reauthorise, and lost', async () => {
  const id = await world.subscribe();

  const shown = await control('GET', 'subscriptions');
  const told = await control('POST', `subscriptions/${id}/reauthorize`);
  await tenant.deliveries.settled();
  const paused = await control('GET', 'subscriptions');
  const lost = await control('DELETE', `subscriptions/${id}`);

  expect(shown.body).toMatchObject({ subscriptions: [{ id, isAwaitingReauthorization: false }] });
  expect(JSON.stringify(shown.body)).not.toContain('the-client-state');
  expect(told.status).toBe(200);
  expect(paused.body).toMatchObject({ subscriptions: [{ id, isAwaitingReauthorization: true }] });
  expect(world.receiver.notifications().at(-1)).toMatchObject({ lifecycleEvent: 'reauthorizationRequired' });
  expect(lost.body).toEqual({ isRemoved: true });
  expect(tenant.subscriptions.list()).toEqual([]);
});

test('a change made in the control panel is notified, and faults of delivery strike it', async () => {
  await world.subscribe();
  const rename = (displayName: string) =>
    control('POST', 'rename', { id: COMPANY_GROUP_IDS.product, displayName });
  const postsFor = async (displayName: string) => {
    world.receiver.posts.length = 0;
    await rename(displayName);
    await tenant.deliveries.settled();
    return world.receiver.posts.length;
  };

  const counts = [await postsFor('Product 2')];
  const { body: lose } = await control('POST', 'delivery-faults', { kind: 'lose' });
  counts.push(await postsFor('Product 3'));
  const removed = await control('DELETE', `delivery-faults/${lose.id}`);
  await control('POST', 'delivery-faults', { kind: 'duplicate', times: 1 });
  counts.push(await postsFor('Product 4'));
  const { body: used } = await control('GET', 'delivery-faults');
  await control('DELETE', 'delivery-faults');
  counts.push(await postsFor('Product 5'));

  expect(counts).toEqual([1, 0, 2, 1]);
  expect(removed.body).toEqual({ isRemoved: true });
  expect(used).toMatchObject({ faults: [{ kind: 'duplicate', times: 1, struckCount: 1 }] });
  expect((await control('GET', 'delivery-faults')).body).toEqual({ faults: [] });
  expect((await control('GET', 'deliveries')).body.attempts).toEqual(tenant.deliveries.list());
});
