import { afterAll, beforeAll, expect, test } from 'vitest';
import { APPLICATION, fetchToken, startTrustedTenant } from '../directory/tenant-fixture.ts';
import { COMPANY_GROUP_IDS, seedUserId } from './tenant/seed.ts';
import type { RunningTenant } from './tenant/tenant.ts';

let tenant: RunningTenant;

beforeAll(async () => {
  tenant = await startTrustedTenant();
});
afterAll(() => tenant.close());

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
  ['an unknown action', 'POST', 'explode', {}, 404],
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
