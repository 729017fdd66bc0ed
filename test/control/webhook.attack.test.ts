// What anybody on the Internet may try against control/webhook, as it is deployed and on a real PostgreSQL: none of it
// leaves a hint, wakes sync, tells the sender anything, or keeps a real notification out.

import pLimit from 'p-limit';
import { describe, expect, test } from 'vitest';
import {
  CLIENT_STATE,
  groupNotification,
  guid,
  lifecycleNotification,
  postOf,
  userNotification,
} from '../directory/notification-fixture.ts';
import { type Reply, useWebhook, type Webhook } from './webhook-fixture.ts';

const startWebhook = useWebhook();
const MEBIBYTE = 1024 * 1024;
/** A child process for each: as many as two cores bear. */
const atOnce = pLimit(6);

/** Neither the store nor the functions API ever heard of what was sent. */
async function expectUntouched({ hints, store, api, database }: Webhook): Promise<void> {
  expect(await hints()).toEqual([]);
  expect(api.calls).toEqual([]);
  expect(store.connectionCount()).toBe(0);
  const { rows } = await database.query('select woken_at from hint_wakes');
  expect(rows).toEqual([{ woken_at: null }]);
}

/** What was sent before has not broken it: the control of every attack. */
async function expectStillServing({ post, hints, api }: Webhook): Promise<void> {
  expect(await post(postOf(groupNotification(guid(777))))).toMatchObject({ status: 202, body: '' });
  expect(await hints()).toMatchObject([{ resource: `groups/${guid(777)}` }]);
  expect(api.calls).toHaveLength(1);
}

const forged = (clientState: unknown) => postOf(groupNotification(guid(1), { clientState }));
const itemText = JSON.stringify(groupNotification(guid(1), { clientState: undefined })).slice(1);

test('no forged post leaves a hint, opens a connection or wakes sync, and all are answered alike', async () => {
  const webhook = await startWebhook();
  const bodies = [
    forged(undefined),
    forged(null),
    forged(''),
    forged(0),
    forged(true),
    forged([CLIENT_STATE]),
    forged({ $eq: CLIENT_STATE }),
    forged({ toString: CLIENT_STATE, length: CLIENT_STATE.length }),
    forged(CLIENT_STATE.slice(0, -1)),
    forged(CLIENT_STATE.slice(1)),
    forged(`${CLIENT_STATE}x`),
    forged(`${CLIENT_STATE}\u0000`),
    forged(`${CLIENT_STATE}\u200b`),
    forged(CLIENT_STATE.replace('c', '\u0441')),
    forged(CLIENT_STATE.normalize('NFKD').replace('a', 'a\u0301')),
    forged('\ud800'),
    forged(`${CLIENT_STATE},${CLIENT_STATE}`),
    forged(CLIENT_STATE.repeat(10_000)),
    forged("' or '1'='1"),
    postOf(lifecycleNotification(guid(1), { clientState: 'forged', lifecycleEvent: 'subscriptionRemoved' })),
    postOf(null, 1, 'text', [], [[CLIENT_STATE]], {}, { value: [groupNotification(guid(1))] }),
    postOf([groupNotification(guid(1))]),
    `{"value":[{"__proto__":{"clientState":"${CLIENT_STATE}"},${itemText}]}`,
    `{"value":[{"constructor":{"prototype":{"clientState":"${CLIENT_STATE}"}},${itemText}]}`,
    `{"__proto__":{"clientState":"${CLIENT_STATE}"},"value":[{${itemText}]}`,
    `{"value":[{"clientState":"${CLIENT_STATE}","clientState":"forged",${itemText}]}`,
    `{"clientState":"${CLIENT_STATE}","value":[{${itemText}]}`,
    '{"value":[]}',
  ];

  const replies = await Promise.all(
    bodies.flatMap((body) => ['', '/lifecycle'].map((path) => atOnce(() => webhook.post(body, { path })))),
  );

  expect(new Set(replies.map((reply) => JSON.stringify(reply)))).toEqual(
    new Set([JSON.stringify(replies[0])]),
  );
  expect(replies[0]).toMatchObject({ status: 202, body: '' });
  await expectUntouched(webhook);
  await expectStillServing(webhook);
});

test('the clientState in a header, the query or another encoding is not the one in the notification', async () => {
  const webhook = await startWebhook();
  const encoded = Buffer.from(CLIENT_STATE).toString('base64');

  for (const [path, headers, clientState] of [
    [`?clientState=${CLIENT_STATE}`, {}, undefined],
    ['', { clientState: CLIENT_STATE, authorization: `Bearer ${CLIENT_STATE}` }, undefined],
    ['', {}, encoded],
    ['', {}, encodeURIComponent(CLIENT_STATE).replaceAll('-', '%2D')],
  ] as const) {
    expect(await webhook.post(forged(clientState), { path, headers })).toMatchObject({ status: 202 });
  }

  await expectUntouched(webhook);
});

test('the answer is the same to the byte for a known and an unknown subscription, and for a real notification', async () => {
  const { post, hints, database } = await startWebhook();
  await database.query(
    `insert into subscriptions (subscription_id, resource, notification_url, client_state_digest, expires_at)
     values ($1, 'groups', 'https://example.com', repeat('0', 64), now() + interval '1 day')`,
    [guid(9_001)],
  );
  const real = await post(postOf(groupNotification(guid(1))));
  const forgedReplies: Reply[] = [];
  for (const subscriptionId of [guid(9_001), guid(9_002), undefined, "'"]) {
    for (const resource of [`Groups/${guid(1)}`, `Groups/${guid(2)}`]) {
      const item = groupNotification(guid(1), { subscriptionId, resource, clientState: 'forged' });
      forgedReplies.push(await post(postOf(item)), await post(postOf(item), { path: '/lifecycle' }));
    }
  }

  for (const reply of forgedReplies) expect(reply).toEqual(real);
  expect(await hints()).toHaveLength(1);
});

test.each([
  ['no body', ''],
  ['no JSON', 'value=1'],
  ['a byte order mark', `\ufeff${postOf(groupNotification(guid(1)))}`],
  ['JSON cut short', postOf(groupNotification(guid(1))).slice(0, -2)],
  ['two posts in one', postOf() + postOf(groupNotification(guid(1)))],
  ['no list', '{"value":{"0":{},"length":1}}'],
  ['a list alone', JSON.stringify([groupNotification(guid(1))])],
  ['a value inherited', `{"__proto__":${postOf(groupNotification(guid(1)))}}`],
])('a post with %s is malformed and changes nothing', async (_name, body) => {
  const webhook = await startWebhook();

  expect(await webhook.post(body)).toMatchObject({ status: 400, body: '' });

  await expectUntouched(webhook);
  await expectStillServing(webhook);
});

test('bodies of a megabyte cost neither the process nor its memory, one after the other', async () => {
  const webhook = await startWebhook();
  const fill = (begin: string, part: string, end: string) => {
    // What the platform adds around the body, with every quote escaped, must stay below its megabyte.
    const sizeOf = (text: string) => Buffer.byteLength(JSON.stringify(text)) - 2;
    const room = MEBIBYTE - 4_096 - sizeOf(begin + end);
    return begin + part.repeat(Math.floor(room / sizeOf(part))) + end;
  };
  const bodies: [string, number][] = [
    [fill('', '[', ''), 413],
    [fill('{"value":', '[', ''), 413],
    [fill('{"value":[', '{"a":', ''), 413],
    [fill('{"value":[{}', ',{}', ']}'), 413],
    [fill('{"value":[0', ',0', ']}'), 413],
    [`{"value":[${'['.repeat(90_000)}${']'.repeat(90_000)}]}`, 202],
    [fill('{"value":[{"clientState":"', 'é', '"}]}'), 202],
    [fill('{"value":[{"clientState":"', '\\u0000', '"}]}'), 202],
    [fill(`{"value":[{"clientState":"${CLIENT_STATE}"}], "x":"`, 'x', '"}'), 202],
    [fill('', ' ', ''), 400],
    [fill('', '9', ''), 400],
    [`{"value":[${Array.from({ length: 1_001 }, () => '{}').join(',')}]}`, 413],
    [postOf(...Array.from({ length: 1_001 }, (_, n) => groupNotification(guid(n)))), 413],
  ];

  for (let round = 0; round < 3; round += 1) {
    for (const [body, status] of bodies) {
      const reply = await webhook.post(body);
      expect([body.slice(0, 20), reply.status]).toEqual([body.slice(0, 20), status]);
    }
  }
  expect(await webhook.post('x'.repeat(MEBIBYTE))).toMatchObject({ status: 413 });

  // One process took them all: none was killed for its memory.
  expect(webhook.host.pids()).toHaveLength(1);
  expect(webhook.host.activations().filter(({ initMs }) => initMs !== undefined)).toHaveLength(1);
  await expectUntouched(webhook);
  await expectStillServing(webhook);
});

test.each(['GET', 'HEAD', 'PUT', 'DELETE', 'PATCH'])(
  '%s is refused, with the method that is not',
  async (method) => {
    const webhook = await startWebhook();

    for (const path of ['', '/lifecycle', '?validationToken=token']) {
      const reply = await webhook.post(postOf(groupNotification(guid(1))), { method, path });
      expect(reply).toMatchObject({ status: 405, body: '' });
      expect(reply.headers).toContainEqual(['allow', 'POST']);
    }

    await expectUntouched(webhook);
  },
);

test.each(['/', '/lifecycle/', '/Lifecycle', '/lifecycle/x', '/..%2f', '/admin', '/__proto__'])(
  'there is nothing at %s',
  async (path) => {
    const webhook = await startWebhook();

    expect(await webhook.post(postOf(groupNotification(guid(1))), { path })).toMatchObject({ status: 404 });
    expect(await webhook.post('', { path: `${path}?validationToken=token` })).toMatchObject({ status: 404 });

    await expectUntouched(webhook);
  },
);

describe('the handshake', () => {
  test.each([
    '<script>alert(1)</script>',
    '<!doctype html><img src=x onerror=alert(1)>',
    'a\r\nset-cookie: session=forged\r\n\r\n<html>',
    '{"json":true}',
    '\u0000\u202e\ufeff',
    '😀'.repeat(500),
  ])('reflects %j as plain text that no browser takes for more', async (token) => {
    const webhook = await startWebhook();

    const reply = await webhook.post(postOf(groupNotification(guid(1))), {
      path: `?validationToken=${encodeURIComponent(token)}`,
    });

    // Response.text() drops a leading byte order mark only; there is none at the beginning.
    expect(reply).toMatchObject({ status: 200, body: token });
    const names = reply.headers.map(([name]) => name);
    expect(names).not.toContain('set-cookie');
    expect(Object.fromEntries(reply.headers)).toMatchObject({
      'content-type': 'text/plain; charset=utf-8',
      'x-content-type-options': 'nosniff',
    });
    await expectUntouched(webhook);
  });

  test.each([
    ['an empty token', ''],
    ['a token too long for one of Microsoft’s', 'x'.repeat(2_049)],
  ])('with %s is refused', async (_name, token) => {
    const webhook = await startWebhook();

    expect(await webhook.post('', { path: `?validationToken=${token}` })).toMatchObject({
      status: 400,
      body: '',
    });

    await expectUntouched(webhook);
  });

  test('carries nothing in beside it: a notification sent with a token is not read', async () => {
    const webhook = await startWebhook();

    await webhook.post(postOf(groupNotification(guid(1))), { path: '?validationToken=token' });

    await expectUntouched(webhook);
    await expectStillServing(webhook);
  });
});

test('real posts replayed, duplicated and reordered come to one hint a resource and one wake', async () => {
  const { post, hints, api } = await startWebhook();
  const posts = [
    postOf(groupNotification(guid(1), { removed: [guid(11)] })),
    postOf(groupNotification(guid(1), { removed: [guid(12)] }), userNotification(guid(11))),
    postOf(userNotification(guid(11)), groupNotification(guid(2)), groupNotification(guid(2))),
  ];

  await Promise.all([...posts, ...posts.toReversed(), ...posts].map((body) => atOnce(() => post(body))));

  const found = (await hints()).map(({ resource, userIds }) => ({ resource, userIds }));
  expect(found.sort((a, b) => a.resource.localeCompare(b.resource))).toEqual([
    { resource: `groups/${guid(1)}`, userIds: [guid(11), guid(12)] },
    { resource: `groups/${guid(2)}`, userIds: [] },
    { resource: `users/${guid(11)}`, userIds: [] },
  ]);
  expect(api.calls).toHaveLength(1);
});

test('SQL and other ids that are none leave no hint, even with our clientState, and the tables stand', async () => {
  const webhook = await startWebhook();
  const ids = [
    "'; drop table hints; --",
    `${guid(1)}'; select pg_sleep(10); --`,
    `${guid(1)}\u0000`,
    `${guid(1)}/../../users`,
    '../../subscriptions',
    '{}',
    '$1',
    '０'.repeat(36),
  ];
  const items = ids.flatMap((id) => [
    groupNotification(id),
    userNotification(id),
    lifecycleNotification(id),
    groupNotification(id, { resource: id, resourceData: { id, '@odata.type': id, 'members@delta': id } }),
  ]);

  expect(await webhook.post(postOf(...items))).toMatchObject({ status: 202 });
  await webhook.post(
    postOf(...ids.map((id) => groupNotification(guid(5), { removed: [id], resourceData: { id: guid(5) } }))),
  );

  expect(webhook.logs()).toContain(`"accepted":${items.length},"refused":0,"unknown":${items.length}`);
  expect(await webhook.hints()).toMatchObject([{ resource: `groups/${guid(5)}`, userIds: [] }]);
});

test('among 200 forgeries every real notification is stored and acknowledged', async () => {
  const { post, hints, api, logs } = await startWebhook();
  const real = Array.from({ length: 20 }, (_, n) => userNotification(guid(n)));
  const bodies = Array.from({ length: 200 }, (_, n) => {
    const forgeries = [
      forged(`forged ${n}`),
      `{"value":[${'['.repeat(1_000)}`,
      forged(CLIENT_STATE.slice(1)),
    ];
    return forgeries[n % forgeries.length] ?? '';
  });
  const mixed = bodies.flatMap((body, n) => (n % 10 === 0 ? [body, postOf(real[n / 10])] : [body]));

  const replies = await Promise.all(
    mixed.map((body) => atOnce(async () => ({ body, status: (await post(body)).status }))),
  );

  const acknowledged = replies.filter(({ body }) => body.includes(`"${CLIENT_STATE}"`));
  expect(acknowledged.map(({ status }) => status)).toEqual(real.map(() => 202));
  expect((await hints()).map(({ resource }) => resource).sort()).toEqual(
    real.map(({ resource }) => String(resource).toLowerCase()).sort(),
  );
  expect(api.calls.length).toBeGreaterThan(0);
  expect(logs()).not.toContain('"level":"error"');
}, 120_000);

test('a post of a thousand real notifications leaves a thousand hints', async () => {
  const { post, hints, api } = await startWebhook();

  const reply = await post(postOf(...Array.from({ length: 1_000 }, (_, n) => groupNotification(guid(n)))));

  expect(reply.status).toBe(202);
  expect(await hints()).toHaveLength(1_000);
  expect(api.calls).toHaveLength(1);
});
