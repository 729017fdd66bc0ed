import { beforeAll, expect, test } from 'vitest';
import { createDirectoryClient } from '../../lib/directory/client.ts';
import { ControlError } from '../../lib/errors.ts';
import { Secret } from '../../lib/secret.ts';
import { createVirtualClock } from './virtual-clock.ts';

const TOKEN = 'token-for-graph';

// The client loads the library at its first call; the virtual clock would take that wait for idleness.
beforeAll(async () => {
  await import('../../lib/directory/graph-sdk.ts');
});

type Seen = {
  readonly url: string;
  readonly method: string | undefined;
  readonly headers: Headers;
  readonly body: unknown;
  readonly redirect: string | undefined;
};
type Answer = () => Response | Promise<Response>;

const json =
  (body: unknown, status = 200, headers: Record<string, string> = {}): Answer =>
  () =>
    new Response(JSON.stringify(body), { status, headers });

function setUp(answers: readonly Answer[], readToken = () => Promise.resolve(TOKEN)) {
  const clock = createVirtualClock();
  const seen: Seen[] = [];
  const waiting = [...answers];
  const client = createDirectoryClient({
    tenantId: 't',
    clientId: 'c',
    clientSecret: new Secret('unused'),
    authorityHost: 'https://login.example',
    graphBaseUrl: 'https://graph.example:8443',
    clock,
    deadlineAt: new Date(clock.now().getTime() + 60_000),
    tokens: { readToken },
    fetch: async (input, init) => {
      seen.push({
        url: String(input),
        method: init?.method,
        headers: new Headers(init?.headers),
        body: init?.body,
        redirect: init?.redirect,
      });
      const answer = waiting.shift();
      if (answer === undefined) throw new Error('An answer was asked for that the test did not prepare.');
      return answer();
    },
  });
  return { client, seen, clock, waiting, signal: new AbortController().signal };
}

test('a read carries the token and its headers to the configured host and port', async () => {
  const { client, seen, signal } = setUp([json({ value: [] })]);

  const answer = await client.get(
    { path: '/groups?$top=1', headers: { ConsistencyLevel: 'eventual' } },
    signal,
  );

  expect(answer).toEqual({ status: 'ok', body: { value: [] } });
  expect(seen[0]?.url).toBe('https://graph.example:8443/v1.0/groups?$top=1');
  expect(seen[0]?.headers.get('authorization')).toBe(`Bearer ${TOKEN}`);
  expect(seen[0]?.headers.get('consistencylevel')).toBe('eventual');
});

test('a nextLink is followed as it is given', async () => {
  const { client, seen, signal } = setUp([json({})]);
  const link = 'https://graph.example:8443/v1.0/groups?$select=id,mail&$skiptoken=a%2Bb';

  await client.get({ path: link }, signal);

  expect(new URL(seen[0]?.url ?? '').searchParams.get('$skiptoken')).toBe('a+b');
  expect(new URL(seen[0]?.url ?? '').searchParams.get('$select')).toBe('id,mail');
});

test.each([
  ['another host', 'https://evil.example/v1.0/groups'],
  ['another port', 'https://graph.example:9/v1.0/groups'],
  ['the real Graph', 'https://graph.microsoft.com/v1.0/groups'],
  ['plain http', 'http://graph.example:8443/v1.0/groups'],
  ['a user name that looks like the host', 'https://graph.example:8443@evil.example/v1.0/groups'],
  ['another version', 'https://graph.example:8443/beta/groups'],
  ['a climb out of the version', 'https://graph.example:8443/v1.0/../beta/groups'],
  ['an address without scheme', '//evil.example/v1.0/groups'],
  ['no address', 'groups'],
])('a next page on %s is never asked for', async (_, path) => {
  const { client, seen, signal } = setUp([]);

  const answer = await client.get({ path }, signal);

  expect(answer).toMatchObject({ status: 'failed', error: { code: 'GRAPH_ANSWER_INVALID' } });
  expect(seen).toEqual([]);
});

test('a redirect is not followed', async () => {
  const { client, seen, signal } = setUp([
    () => new Response(null, { status: 302, headers: { location: 'https://evil.example/' } }),
  ]);

  const answer = await client.get({ path: '/groups' }, signal);

  expect(answer).toMatchObject({ status: 'failed', error: { code: 'GRAPH_ANSWER_INVALID' } });
  expect(seen.map(({ redirect }) => redirect)).toEqual(['manual']);
});

test('a broken connection and a passing 503 are repeated until the answer comes', async () => {
  const { client, clock, signal } = setUp([
    () => Promise.reject(new TypeError('fetch failed')),
    json({}, 503, { 'retry-after': '10' }),
    json({ value: [] }),
  ]);

  const answer = await client.get({ path: '/groups' }, signal);

  expect(answer.status).toBe('ok');
  expect(clock.elapsedMs()).toBe(10_500);
});

test('a body that breaks off counts as a broken connection', async () => {
  const broken = () =>
    new Response(
      new ReadableStream({
        start(controller) {
          controller.enqueue(new TextEncoder().encode('{"value":['));
          controller.error(new TypeError('terminated'));
        },
      }),
    );
  const { client, signal } = setUp([broken, json({ value: [] })]);

  const answer = await client.get({ path: '/groups' }, signal);

  expect(answer).toEqual({ status: 'ok', body: { value: [] } });
});

test('only the throttled items of a batch are asked again, alone and with their headers', async () => {
  const responses = [
    { id: '0', status: 200, body: { id: 'a' } },
    { id: '1', status: 429, headers: { 'Retry-After': '4' }, body: {} },
  ];
  const { client, seen, clock, signal } = setUp([json({ responses }), json({ id: 'b' })]);

  const answers = await client.batch(
    [{ path: '/groups/a' }, { path: '/groups/b', headers: { ConsistencyLevel: 'eventual' } }],
    signal,
  );

  expect(answers).toEqual([
    { status: 'ok', body: { id: 'a' } },
    { status: 'ok', body: { id: 'b' } },
  ]);
  expect(seen.map(({ url }) => new URL(url).pathname)).toEqual(['/v1.0/$batch', '/v1.0/groups/b']);
  expect(seen[1]?.headers.get('consistencylevel')).toBe('eventual');
  expect(clock.elapsedMs()).toBe(4_000);
});

test('a question that is posted stays one when its item of a batch is asked again', async () => {
  const responses = [{ id: '0', status: 503, body: {} }];
  const { client, seen, signal } = setUp([json({ responses }), json({ value: [] })]);

  await client.batch(
    [{ path: '/users/a/checkMemberGroups', method: 'POST', body: { groupIds: ['b'] } }],
    signal,
  );

  expect(seen[1]).toMatchObject({ method: 'POST', body: JSON.stringify({ groupIds: ['b'] }) });
  expect(seen[1]?.headers.get('content-type')).toBe('application/json');
});

test.each(['POST', 'PATCH', 'DELETE'] as const)(
  'a %s is sent as such, and an answer without body is one',
  async (method) => {
    const { client, seen, signal } = setUp([() => new Response(null, { status: 204 })]);

    const answer = await client.write({ path: '/subscriptions/a', method, body: { a: 1 } }, signal);

    expect(answer).toEqual({ status: 'ok', body: null });
    expect(seen).toHaveLength(1);
    expect(seen[0]?.method).toBe(method);
  },
);

test.each([
  ['breaks off', () => Promise.reject(new TypeError('fetch failed'))],
  ['is answered 503', json({}, 503)],
  ['is throttled', json({}, 429, { 'retry-after': '1' })],
])('a change that %s is not sent again: it may have been made', async (_, given) => {
  const { client, seen, signal } = setUp([given]);

  const answer = await client.write({ path: '/subscriptions', method: 'POST', body: {} }, signal);

  expect(answer).toMatchObject({ status: 'failed', error: { retryable: true } });
  expect(seen).toHaveLength(1);
});

test('an address without $batch fails every item and finds no group missing', async () => {
  const gone = json({ error: { code: 'ResourceNotFound', message: '' } }, 404);
  const { client, signal } = setUp([gone]);

  const answers = await client.batch([{ path: '/groups/a' }, { path: '/groups/b' }], signal);

  expect(answers.map((answer) => answer.status)).toEqual(['failed', 'failed']);
});

test('credentials that Entra refuses are denied without a call of Graph', async () => {
  const { client, seen, signal } = setUp([], () =>
    Promise.reject(new ControlError('GRAPH_DENIED', 'Refused.')),
  );

  const answer = await client.get({ path: '/groups' }, signal);

  expect(answer).toMatchObject({ status: 'failed', error: { code: 'GRAPH_DENIED' } });
  expect(seen).toEqual([]);
});

test('an aborted run throws the reason of its signal', async () => {
  const { client } = setUp([]);
  const reason = new Error('stop');

  await expect(client.get({ path: '/groups' }, AbortSignal.abort(reason))).rejects.toBe(reason);
});

test.each(['http://graph.example', 'graph.example', ''])(
  'the base address %j is refused: no token without TLS',
  (graphBaseUrl) => {
    const clock = createVirtualClock();
    const make = () =>
      createDirectoryClient({
        tenantId: 't',
        clientId: 'c',
        clientSecret: new Secret('s'),
        authorityHost: 'https://login.example',
        graphBaseUrl,
        clock,
        deadlineAt: clock.now(),
      });

    expect(make).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  },
);
