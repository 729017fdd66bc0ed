// The shipped nginx in front of a stand-in for LiteLLM: streaming, limits, logs, names, certificates, /ui, /dashboard.

import { once } from 'node:events';
import { type ConnectionOptions, connect } from 'node:tls';
import { afterAll, expect, test } from 'vitest';
import { type Answer, askSite } from '../world/ask-site.ts';
import { issueForeignClient, type Pair } from '../world/droplet-certificates.ts';
import { waitUntil } from '../world/wait-until.ts';
import { CONTROL_HOST, PUBLIC_HOST, useEdge } from './edge-fixture.ts';
import { FIRST_PIECE, LAST_PIECE, startUpstreamStandIn, type UpstreamStandIn } from './upstream-stand-in.ts';

const KEY_BURST = 5;
const KEY_OPEN = 2;
const ADDRESS_BURST = 150;
let upstream: UpstreamStandIn;
const edge = useEdge(async () => {
  upstream = await startUpstreamStandIn();
  return {
    litellmAddress: upstream.address,
    // Rates so slow that no test sees a request earned back: what counts is the burst.
    settings: {
      KEY_RATE: '1r/m',
      KEY_BURST: `${KEY_BURST}`,
      KEY_OPEN: `${KEY_OPEN}`,
      ADDRESS_RATE: '1r/m',
      ADDRESS_BURST: `${ADDRESS_BURST}`,
      BODY_LIMIT: '2m',
    },
  };
});
afterAll(() => upstream?.close());

const CHAT = '/v1/chat/completions';
const EMBED = '/v1/embeddings';
const withKey = (key: string) => ({ authorization: `Bearer ${key}` });

test('the first words of a completion arrive before the last are there, and nothing packs them', async () => {
  const response = await edge.open(CHAT, {
    method: 'POST',
    body: '{}',
    headers: { ...withKey('sk-stream'), 'accept-encoding': 'gzip' },
  });
  response.setEncoding('utf8');
  const pieces = response[Symbol.asyncIterator]();

  expect((await pieces.next()).value).toBe(FIRST_PIECE);
  upstream.open.pop()?.finish();
  expect((await pieces.next()).value).toBe(LAST_PIECE);
  expect((await pieces.next()).done).toBe(true);
  expect(response.headers['content-encoding']).toBeUndefined();
});

test('a key over its limit is told to come back, in the words of OpenAI, and other keys are not', async () => {
  const ask = (headers: Record<string, string>) => edge.ask(EMBED, { body: '{}', headers });
  const answers: Answer[] = [];
  for (let sent = 0; sent <= KEY_BURST; sent += 1) answers.push(await ask(withKey('sk-busy')));

  expect(answers.map(({ status }) => status)).toEqual(Array(KEY_BURST + 1).fill(200));
  const refused = await ask(withKey('sk-busy'));
  expect(refused).toMatchObject({ status: 429, headers: { 'retry-after': '1' } });
  expect(JSON.parse(refused.text)).toMatchObject({ error: { code: 'rate_limit_exceeded', param: null } });
  expect((await ask(withKey('sk-calm'))).status).toBe(200);
});

test('a key in another header or another dress is the same key', async () => {
  const dresses: Record<string, string>[] = [
    { authorization: 'Bearer sk-dressed' },
    { authorization: 'bearer sk-dressed' },
    { authorization: 'Bearer Bearer sk-dressed' },
    { 'x-api-key': 'sk-dressed' },
    { 'api-key': 'sk-dressed' },
    { 'x-litellm-api-key': 'Bearer sk-dressed', authorization: 'Bearer something-else' },
  ];
  for (const headers of dresses) expect((await edge.ask(EMBED, { body: '{}', headers })).status).toBe(200);

  for (const headers of dresses) expect((await edge.ask(EMBED, { body: '{}', headers })).status).toBe(429);
});

test('a key has only so many answers open at once', async () => {
  const open = () => edge.open(CHAT, { method: 'POST', body: '{}', headers: withKey('sk-parallel') });
  const first = await open();
  const second = await open();

  const third = await open();

  expect([first.statusCode, second.statusCode, third.statusCode]).toEqual([200, 200, 429]);
  for (const answer of upstream.open.splice(0)) answer.finish();
  for (const answer of [first, second, third]) answer.resume();
});

test('one address over its limit leaves the others theirs', async () => {
  const from = '127.0.0.40';
  const statuses: number[] = [];
  for (let sent = 0; sent <= ADDRESS_BURST + 1; sent += 1) {
    statuses.push((await edge.ask('/v1/models', { from, headers: withKey(`sk-many-${sent}`) })).status);
  }

  expect(statuses).toEqual([...Array(ADDRESS_BURST + 1).fill(200), 429]);
  expect((await edge.ask('/v1/models', { from: '127.0.0.41' })).status).toBe(200);
});

test.each([
  ['said beforehand', { 'content-length': `${3 << 20}` }, '127.0.0.30'],
  ['found out on the way', { 'transfer-encoding': 'chunked' }, '127.0.0.31'],
])('a body over the limit is refused, %s', async (_how, headers, from) => {
  const answer = await edge
    .ask(EMBED, { body: Buffer.alloc(3 << 20), from, headers: { ...headers, ...withKey(`sk-big-${from}`) } })
    // nginx may close before everything is sent.
    .catch((error: NodeJS.ErrnoException) => error.code);

  if (typeof answer === 'object') {
    expect(answer.status).toBe(413);
    expect(JSON.parse(answer.text)).toMatchObject({ error: { code: 'request_too_large' } });
  } else {
    expect(['EPIPE', 'ECONNRESET']).toContain(answer);
  }
  await findLogged({ path: EMBED, status: 413, client: from });
});

test('LiteLLM and the log learn the client’s real address, whatever the client says', async () => {
  await edge.ask(EMBED, {
    body: '{}',
    from: '127.0.0.23',
    headers: {
      ...withKey('sk-address'),
      'x-forwarded-for': '8.8.8.8',
      'x-real-ip': '8.8.8.8',
      forwarded: 'for=8.8.8.8',
    },
  });

  expect(upstream.requests.at(-1)?.headers).toMatchObject({
    'x-forwarded-for': '127.0.0.23',
    'x-real-ip': '127.0.0.23',
    host: PUBLIC_HOST,
  });
  expect(upstream.requests.at(-1)?.headers).not.toHaveProperty('forwarded');
  await findLogged({
    client: '127.0.0.23',
    path: EMBED,
    site: PUBLIC_HOST,
  });
});

test('no key, code, link or session stands in any log, also when everything behind is away', async () => {
  const secrets = ['sk-never-logged-1', 'sk-never-logged-2', 'code-never-logged', 'link-never-logged'];
  const [key, other, code, link] = secrets as [string, string, string, string];
  const session = await edge.portal.cookieOf('admin');
  const ask = async () => {
    await edge.ask(`${EMBED}?api_key=${other}`, { body: '{}', headers: withKey(key) });
    await edge.ask(`/key/${other}/regenerate`, {
      headers: { 'x-api-key': key, referer: `https://x/?k=${other}` },
    });
    await edge.ask(`/dashboard/sign-in/callback?code=${code}&state=${code}`, {
      headers: { cookie: session },
    });
    await edge.ask(`/ui/?link=${link}`, { headers: { cookie: session } });
    for (let sent = 0; sent <= KEY_BURST; sent += 1)
      await edge.ask(`${EMBED}?key=${other}`, { body: '{}', headers: withKey(other) });
  };
  await ask();
  await upstream.pause();
  await ask();
  await upstream.resume();

  const logs = edge.nginx.readLogs();
  expect(logs).toContain('"path":"[redacted]"');
  expect(logs).toContain('"path":"/dashboard/sign-in/callback"');
  for (const secret of [...secrets, session.slice(-30)]) expect(logs).not.toContain(secret);
});

test('plain http leads to https, for our name alone', async () => {
  const plain = { port: edge.nginx.httpPort, isPlain: true, path: '/v1/models?limit=1' };

  const answer = await askSite({ ...plain, name: PUBLIC_HOST });

  expect(answer).toMatchObject({
    status: 301,
    headers: { location: `https://${PUBLIC_HOST}/v1/models?limit=1`, server: 'nginx' },
  });
  await expect(askSite({ ...plain, name: 'other.example.com' })).rejects.toMatchObject({
    code: 'ECONNRESET',
  });
});

test('another name gets no certificate, and one that was negotiated opens no other', async () => {
  await expect(edge.ask('/v1/models', { name: 'other.example.com' })).rejects.toMatchObject({
    code: 'EPROTO',
  });
  for (const host of ['other.example.com', CONTROL_HOST]) {
    expect((await edge.ask('/key/list', { headers: { host } })).status).toBe(421);
  }
});

test.each(['/v1/models', '/nowhere', '/dashboard', '/ui', '/v1/../team/new'])(
  'the answer to %s asks for https from now on, and names no version',
  async (path) => {
    const { headers } = await edge.ask(path, { from: '127.0.0.50' });

    expect(headers).toMatchObject({
      'strict-transport-security': 'max-age=31536000',
      'x-content-type-options': 'nosniff',
      server: 'nginx',
    });
  },
);

test('a client that offers HTTP/2 gets it, over TLS 1.3', async () => {
  expect(await shakeHands({ ALPNProtocols: ['h2', 'http/1.1'] })).toEqual(['h2', 'TLSv1.3']);
});

test('TLS 1.2 is the oldest that is spoken', async () => {
  // The client's own library would refuse older ones too, unless it is told not to mind.
  const careless = { ciphers: 'DEFAULT@SECLEVEL=0', minVersion: 'TLSv1' } as const;

  expect(await shakeHands({ ...careless, maxVersion: 'TLSv1.2' })).toEqual([false, 'TLSv1.2']);
  await expect(shakeHands({ ...careless, maxVersion: 'TLSv1.1' })).rejects.toMatchObject({
    code: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION',
  });
});

test('the dashboard goes to the portal’s function, with its cookies, and without a key or LiteLLM’s cookie', async () => {
  const session = await edge.portal.cookieOf('member');

  const page = await edge.ask('/dashboard?run=1', {
    headers: { ...withKey('sk-lost'), cookie: `a=1; token=of-litellm; ${session}` },
    from: '127.0.0.60',
  });

  expect(page.status).toBe(200);
  expect(page.text).toContain('Signed in as');
  const asked = edge.portal.requests.at(-1);
  expect(new URL(asked?.url ?? '').search).toBe('?run=1');
  expect(asked?.headers.get('cookie')).toBe(`a=1; ${session}`);
  expect(asked?.headers.get('authorization')).toBeNull();
  expect(asked?.headers.get('x-forwarded-for')).toBe('127.0.0.60');
  expect(
    (await edge.ask('/dashboard', { body: Buffer.alloc(1.5 * 2 ** 20), from: '127.0.0.60' })).status,
  ).toBe(413);
});

test('LiteLLM’s pages cost one question to the portal in half a minute, not one a file', async () => {
  const cookie = `${await edge.portal.cookieOf('devops')}; token=of-litellm`;
  const countBefore = edge.portal.requests.length;

  const statuses = await Promise.all(
    Array.from({ length: 30 }, (_, index) =>
      edge
        .ask(`/ui/file-${index}.js`, { headers: { cookie }, from: '127.0.0.61' })
        .then(({ status }) => status),
    ),
  );

  expect(new Set(statuses)).toEqual(new Set([200]));
  expect(edge.portal.requests.length - countBefore).toBe(1);
  expect(upstream.requests.at(-1)?.headers.cookie).toBe('token=of-litellm');
});

test('who is not signed in is led to the sign-in and back, a Member is told whom it is for', async () => {
  const stranger = await edge.ask('/ui/users?page=2', { from: '127.0.0.62' });
  const forged = await edge.ask('/ui/', {
    headers: { cookie: '__Host-session=a.b.c.d.e' },
    from: '127.0.0.62',
  });
  const cookie = await edge.portal.cookieOf('member');
  const member = await edge.ask('/ui/', { headers: { cookie }, from: '127.0.0.62' });

  expect(stranger).toMatchObject({
    status: 303,
    headers: { location: `https://${PUBLIC_HOST}/dashboard/sign-in?returnTo=/ui/users` },
  });
  expect(forged.status).toBe(303);
  expect(member).toMatchObject({ status: 403, headers: { 'content-type': 'text/html; charset=utf-8' } });
  expect(member.text).toContain('for Admin and DevOps');
});

test.each([
  ['a key alone', undefined, undefined, 404],
  ['a key from the browser of nobody', undefined, 'same-origin', 404],
  ['an Admin’s session, asked from another site', 'admin', 'cross-site', 404],
  ['an Admin’s session, not asked by a page', 'admin', undefined, 404],
  ['a Member’s session', 'member', 'same-origin', 404],
  ['a forged session', 'forged', 'same-origin', 401],
  ['an Admin’s session, asked by LiteLLM’s own page', 'admin', 'same-origin', 200],
] as const)(
  'a management route on the public site with %s answers as it should',
  async (_who, role, site, status) => {
    const session =
      role === 'forged' ? '__Host-session=a.b.c.d.e' : role && (await edge.portal.cookieOf(role));
    const countBefore = upstream.requests.length;

    const answer = await edge.ask('/key/list?size=1', {
      from: '127.0.0.63',
      headers: {
        ...withKey('sk-of-the-page'),
        ...(session === undefined ? {} : { cookie: session }),
        ...(site === undefined ? {} : { 'sec-fetch-site': site }),
      },
    });

    expect(answer.status).toBe(status);
    expect(upstream.requests.length - countBefore).toBe(status === 200 ? 1 : 0);
  },
);

test('the control host answers certificates with the right names', async () => {
  for (const name of ['control-sync', 'control-budgets', 'control-backup', 'operator']) {
    const certificate = await edge.certificates.issueClient(name);
    expect((await edge.askControl('/team/list', certificate)).status).toBe(200);
  }
  await findLogged({ site: CONTROL_HOST, certificate: 'CN=operator' });
});

test.each<[string, () => Promise<Pair | undefined>, number]>([
  ['no certificate', async () => undefined, 400],
  ['one of another authority', () => issueForeignClient('operator'), 400],
  ['an expired one', () => edge.certificates.issueClient('operator', datesBefore(2026)), 400],
  ['one that may not', () => edge.certificates.issueClient('control-portal'), 403],
  ['one whose name only ends right', () => edge.certificates.issueClient('x,CN=operator'), 403],
])('the control host refuses whoever brings %s', async (_what, certificate, status) => {
  const countBefore = upstream.requests.length;

  const answer = await edge.askControl('/team/list', { ...(await certificate()) });

  expect(answer.status).toBe(status);
  expect(upstream.requests.length).toBe(countBefore);
});

test('while LiteLLM is away the site says so in the words of OpenAI', async () => {
  await upstream.pause();
  const answer = await edge.ask(EMBED, { body: '{}', headers: withKey('sk-patient') });
  await upstream.resume();
  const later = await edge.ask(EMBED, { body: '{}', headers: withKey('sk-patient') });

  expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '5' } });
  expect(JSON.parse(answer.text)).toMatchObject({ error: { type: 'server_error' } });
  expect(later.status).toBe(200);
});

test('while the functions are away people are told, and completions go on', async () => {
  const cookie = await edge.portal.cookieOf('admin');
  await edge.portal.close();

  const [page, ui] = [
    await edge.ask('/dashboard', { from: '127.0.0.64' }),
    await edge.ask('/ui/', { headers: { cookie }, from: '127.0.0.64' }),
  ];
  const completion = await edge.ask(EMBED, { body: '{}', headers: withKey('sk-goes-on') });

  for (const answer of [page, ui]) {
    expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '30' } });
    expect(answer.text).toContain('The portal does not answer.');
  }
  expect(completion.status).toBe(200);
});

/** What was agreed on: the protocol inside, and the version of TLS. */
async function shakeHands(
  options: ConnectionOptions,
): Promise<readonly [string | false | null, string | null]> {
  const { publicCa: ca } = edge.certificates;
  const port = edge.nginx.httpsPort;
  const socket = connect({ host: '127.0.0.1', port, servername: PUBLIC_HOST, ca, ...options });
  try {
    await once(socket, 'secureConnect', { signal: AbortSignal.timeout(5_000) });
    return [socket.alpnProtocol, socket.getProtocol()];
  } finally {
    socket.destroy();
  }
}

/** nginx writes a line when it is done with a request, which may be after the answer arrived. */
async function findLogged(fields: Readonly<Record<string, unknown>>): Promise<void> {
  const wanted = Object.entries(fields);
  await waitUntil(
    async () =>
      edge.nginx.readAccessLog().some((line) => wanted.every(([name, value]) => line[name] === value)),
    {
      what: `No line with ${JSON.stringify(fields)}`,
      limitMs: 10_000,
      everyMs: 20,
      explain: () => edge.nginx.readLogs(),
    },
  );
}

function datesBefore(year: number) {
  return { notBeforeDate: new Date(Date.UTC(year - 2, 0)), notAfterDate: new Date(Date.UTC(year - 1, 0)) };
}
