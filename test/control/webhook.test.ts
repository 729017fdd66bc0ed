// control/webhook as it is deployed: what Microsoft gets for its notifications, and what becomes of them when the
// store, the functions API or the process itself fails.

import { expect, test } from 'vitest';
import { Secret } from '../../lib/secret.ts';
import {
  CLIENT_STATE,
  groupNotification,
  guid,
  lifecycleNotification,
  postOf,
  userNotification,
} from '../directory/notification-fixture.ts';
import { findFreePort } from '../world/port.ts';
import { FUNCTIONS_KEY, useWebhook } from './webhook-fixture.ts';

const startWebhook = useWebhook();
const resourcesOf = (hints: readonly { resource: string }[]) => hints.map(({ resource }) => resource).sort();

test.each([
  ['', 'validationToken=Validation%3A+Testing+client+application+reachability%3A+a%2Bb%26c'],
  [
    '/lifecycle',
    'x=1&validationToken=Validation%3A%20Testing%20client%20application%20reachability%3A%20a%2Bb%26c',
  ],
])('Microsoft gets its validation token back, decoded, on the path "%s"', async (rest, query) => {
  const { post, store, api, logs } = await startWebhook();

  const reply = await post('', { path: `${rest}?${query}`, headers: { 'content-type': 'text/plain' } });

  expect(reply).toMatchObject({
    status: 200,
    body: 'Validation: Testing client application reachability: a+b&c',
  });
  expect(Object.fromEntries(reply.headers)).toMatchObject({
    'content-type': 'text/plain; charset=utf-8',
    'x-content-type-options': 'nosniff',
  });
  expect([store.connectionCount(), api.calls]).toEqual([0, []]);
  expect(logs()).not.toContain('reachability');
});

test('notifications are stored as hints, one a resource, sync is woken by the functions API, and the answer is 202', async () => {
  const { post, hints, api, logs } = await startWebhook();

  const reply = await post(
    postOf(
      groupNotification(guid(1), { removed: [guid(11)] }),
      userNotification(guid(2)),
      groupNotification(guid(1)),
    ),
  );

  expect(reply).toMatchObject({ status: 202, body: '' });
  expect(await hints()).toMatchObject([
    { resource: `groups/${guid(1)}`, userIds: [guid(11)] },
    { resource: `users/${guid(2)}`, userIds: [] },
  ]);
  expect(api.calls).toEqual([
    {
      path: '/api/v1/namespaces/fn-of-the-tests/actions/control/sync?blocking=false',
      authorization: `Basic ${Buffer.from(FUNCTIONS_KEY).toString('base64')}`,
      body: '{"trigger":"webhook"}',
    },
  ]);
  expect(logs()).toMatch(
    /"accepted":3,"refused":0,"unknown":0,"woken":true,"statusCode":202,"durationMs":\d+/,
  );
});

test('a lifecycle notice becomes a hint for its subscription', async () => {
  const { post, hints } = await startWebhook();

  await post(postOf(lifecycleNotification(guid(5))), { path: '/lifecycle' });

  expect(resourcesOf(await hints())).toEqual([`subscriptions/${guid(5)}`]);
});

test('a body that arrives in base64 is read as well', async () => {
  const { post, hints } = await startWebhook();

  await post(postOf(groupNotification(guid(1))), { headers: { 'content-type': 'application/octet-stream' } });

  expect(resourcesOf(await hints())).toEqual([`groups/${guid(1)}`]);
});

test('while the clientState is being changed both values are accepted', async () => {
  const newState = 'n'.repeat(64);
  const { post, hints } = await startWebhook({ env: { GRAPH_CLIENT_STATE: `${newState},${CLIENT_STATE}` } });

  await post(postOf(groupNotification(guid(1), { clientState: newState }), groupNotification(guid(2))));

  expect(await hints()).toHaveLength(2);
});

test('the local functions host starts control/sync when the webhook asks it to', async () => {
  const port = await findFreePort();
  const { post, host } = await startWebhook({
    host: { port, namespace: 'fn-known', key: new Secret(FUNCTIONS_KEY) },
    env: { DO_API_HOST: `http://127.0.0.1:${port}`, DO_NAMESPACE: 'fn-known' },
  });

  await post(postOf(groupNotification(guid(1))));

  await expect
    .poll(() => host.activations().filter(({ functionName }) => functionName === 'control/sync'), {
      timeout: 20_000,
    })
    .toMatchObject([{ cause: { kind: 'invoke' } }]);
});

test.each<['nothing' | number, string]>([
  ['nothing', 'FUNCTION_UNAVAILABLE'],
  [503, 'FUNCTION_UNAVAILABLE'],
  [429, 'FUNCTION_UNAVAILABLE'],
  [401, 'FUNCTION_REFUSED'],
])('a functions API that answers %s costs a warning, not the hint', async (answer, code) => {
  const { post, hints, api, logs } = await startWebhook();
  api.answer = answer;

  expect(await post(postOf(groupNotification(guid(1))))).toMatchObject({ status: 202 });

  expect(await hints()).toHaveLength(1);
  expect(logs()).toContain(`"code":"${code}"`);
  expect(logs()).toContain('"level":"warn"');
});

test('while the store is away Microsoft is asked to come again, and what it then repeats is stored', async () => {
  const { post, hints, store, api, logs } = await startWebhook();
  const body = postOf(groupNotification(guid(1)));
  await store.close();

  const reply = await post(body);
  expect(reply.status).toBe(503);
  expect(Object.fromEntries(reply.headers)).toMatchObject({ 'retry-after': '10' });
  expect(api.calls).toEqual([]);
  expect(logs()).toContain('"code":"STORE_UNAVAILABLE"');

  await store.reopen();
  expect(await post(body)).toMatchObject({ status: 202 });
  expect(await hints()).toHaveLength(1);
  expect(api.calls).toHaveLength(1);
});

test('a store that takes connections and says nothing is given up on before the platform gives up on us', async () => {
  const { post, store, hints } = await startWebhook();
  const body = postOf(groupNotification(guid(1)));
  store.swallowNew();

  expect(await post(body)).toMatchObject({ status: 503 });

  await store.reopen();
  expect(await post(body)).toMatchObject({ status: 202 });
  expect(await hints()).toHaveLength(1);
});

test('a connection that died while the container was frozen costs a second try, not the notification', async () => {
  const { post, store, hints } = await startWebhook();
  await post(postOf(groupNotification(guid(1))));
  store.silenceOpen();

  expect(await post(postOf(groupNotification(guid(2))))).toMatchObject({ status: 202 });

  expect(resourcesOf(await hints())).toEqual([`groups/${guid(1)}`, `groups/${guid(2)}`]);
  expect(store.connectionCount()).toBe(2);
});

test('warm invocations share one connection', async () => {
  const { post, store } = await startWebhook();

  for (let n = 0; n < 5; n += 1) await post(postOf(groupNotification(guid(n))));

  expect(store.connectionCount()).toBe(1);
});

test('a role that the store refuses is answered 503 and named by its code', async () => {
  const { post, database, logs } = await startWebhook();
  await database.query(`do $$ declare role text; begin
    for role in select rolname from pg_roles where rolname like 'webhook_%' loop
      execute format('alter role %I nologin', role);
    end loop; end $$`);
  expect(await post(postOf(groupNotification(guid(1))))).toMatchObject({ status: 503 });
  expect(logs()).toContain('"code":"STORE_DENIED"');
});

test('wrong settings are answered 503 with every problem in the log and no secret', async () => {
  const { post, logs } = await startWebhook({
    env: { GRAPH_CLIENT_STATE: 'short-plaintext', DO_FUNCTIONS_KEY: 'plaintext-without-colon' },
  });

  expect(await post(postOf(groupNotification(guid(1))))).toMatchObject({ status: 503, body: '' });

  expect(logs()).toContain('CONFIG_INVALID');
  expect(logs()).toContain('DO_FUNCTIONS_KEY');
  expect(logs()).not.toContain('plaintext');
});

test('killed between storing and waking, it has kept the hint, and Microsoft’s repeat wakes sync', async () => {
  const { post, hints, host, api, database } = await startWebhook();
  const body = postOf(groupNotification(guid(1)));
  api.answer = 'nothing';
  const killed = post(body);
  await expect.poll(() => api.calls.length, { timeout: 10_000 }).toBe(1);

  const [activationId = ''] = host.running();
  expect(host.kill(activationId)).toBe(true);

  expect(await killed).toMatchObject({ status: 502 });
  const [kept] = await hints();
  expect(kept).toMatchObject({ resource: `groups/${guid(1)}` });

  api.answer = 202;
  await database.query(`update hint_wakes set woken_at = woken_at - interval '6 seconds'`);
  expect(await post(body)).toMatchObject({ status: 202 });
  expect(await hints()).toMatchObject([{ resource: kept?.resource }]);
  expect(api.calls).toHaveLength(2);
});

test('no log shows a clientState, a token, an id or a key', async () => {
  const { post, logs } = await startWebhook();
  await post(postOf(groupNotification(guid(1), { removed: [guid(2)] }), lifecycleNotification(guid(3))));
  await post(
    postOf(groupNotification(guid(4), { clientState: 'forged-plaintext' }), { clientState: CLIENT_STATE }),
  );
  await post('', { path: '?validationToken=token-plaintext' });
  await post('not json plaintext');

  expect(logs().split('\n')).toHaveLength(4);
  for (const hidden of [CLIENT_STATE, 'plaintext', '00000000-0000-4000-8000'])
    expect(logs()).not.toContain(hidden);
});
