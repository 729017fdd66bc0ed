import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LocalFunctionsHost } from './functions-host/host.ts';
import { type ThrowAwayProject, writeThrowAwayProject } from './functions-host/throw-away.ts';

const ECHO = 'exports.main = async (event, context) => ({ body: event });';
const PATIENT = 'exports.main = (event, context) => new Promise(() => {});';

let project: ThrowAwayProject;
let host: LocalFunctionsHost;

beforeAll(async () => {
  project = await writeThrowAwayProject({
    echo: { code: ECHO },
    thrower: { code: 'exports.main = async (event, context) => { throw new Error("no luck today"); };' },
    patient: { code: PATIENT, settings: 'limits: {timeout: 60000}' },
    raw: { code: ECHO, settings: 'web: raw' },
    parsed: { code: ECHO, settings: 'web: true' },
    guarded: { code: ECHO, settings: 'web: true, webSecure: open-sesame' },
    answer: { code: 'exports.main = async (event, context) => event.answer;', settings: 'web: true' },
    timed: {
      code: 'exports.main = async (event, context) => ({ event });',
      settings:
        "triggers: [{name: every-two-hours, type: SCHEDULED, scheduledDetails: {cron: '0 */2 * * *', body: {a: 1}}}]",
    },
  });
  host = await project.start();
});

afterAll(async () => {
  await host.stop();
  await project.remove();
});

const basic = (key: string) => ({ authorization: `Basic ${Buffer.from(key).toString('base64')}` });

function call(method: string, path: string, body?: unknown, key = host.key.reveal()): Promise<Response> {
  return fetch(`${host.apiHost}/api/v1/namespaces/${host.namespace}${path}`, {
    method,
    headers: basic(key),
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

describe('invoking over the API', () => {
  test('without blocking it is accepted with an id, and the record follows', async () => {
    const response = await call('POST', '/actions/test/echo?blocking=false', { x: 1 });
    const { activationId } = (await response.json()) as { activationId: string };
    await host.ended(activationId);
    const record = await (await call('GET', `/activations/${activationId}`)).json();

    expect(response.status).toBe(202);
    expect(record).toMatchObject({
      activationId,
      name: 'echo',
      namespace: host.namespace,
      response: { status: 'success', success: true, result: { body: { x: 1 } } },
    });
  });

  test('blocking with result it answers the result alone', async () => {
    const response = await call('POST', '/actions/test/echo?blocking=true&result=true', { x: 1 });

    expect([response.status, await response.json()]).toEqual([200, { body: { x: 1 } }]);
  });

  test('blocking, a failed function is answered 502', async () => {
    const response = await call('POST', '/actions/test/thrower?blocking=true&result=true', {});

    expect([response.status, await response.json()]).toEqual([502, { error: 'no luck today' }]);
  });

  test('blocking too long turns into 202, and the function goes on', async () => {
    const hasty = await project.start({ limits: { blockingMs: 1 } });
    try {
      const base = `${hasty.apiHost}/api/v1/namespaces/${hasty.namespace}`;
      const headers = basic(hasty.key.reveal());
      const response = await fetch(`${base}/actions/test/patient?blocking=true`, { method: 'POST', headers });
      const { activationId } = (await response.json()) as { activationId: string };

      expect(response.status).toBe(202);
      expect(hasty.running()).toEqual([activationId]);
      expect((await fetch(`${base}/activations/${activationId}`, { headers })).status).toBe(404);
      hasty.kill(activationId);
      await hasty.ended(activationId);
      expect((await fetch(`${base}/activations/${activationId}/logs`, { headers })).status).toBe(200);
    } finally {
      await hasty.stop();
    }
  });

  test.each([
    ['a wrong key', 401, () => call('POST', '/actions/test/echo', {}, 'dof_v1_x:wrong')],
    ['an unknown function', 404, () => call('POST', '/actions/test/unknown', {})],
    ['a body that is no object', 400, () => call('POST', '/actions/test/echo', [1])],
    ['a body above 1 MB', 413, () => call('POST', '/actions/test/echo', { x: 'x'.repeat(1024 * 1024) })],
    ['an unknown activation', 404, () => call('GET', '/activations/unknown')],
  ])('%s is refused', async (_, status, send) => {
    expect((await send()).status).toBe(status);
  });
});

describe('the limits of the namespace', () => {
  test('an invocation beyond those a minute is answered 429', async () => {
    const small = await project.start({ limits: { perMinuteCount: 1 } });
    try {
      const url = `${small.apiHost}/api/v1/namespaces/_/actions/test/echo?blocking=true`;
      const send = () => fetch(url, { method: 'POST', headers: basic(small.key.reveal()) });

      expect((await send()).status).toBe(200);
      expect((await send()).status).toBe(429);
    } finally {
      await small.stop();
    }
  });

  test('an invocation beyond those at one time is answered 429', async () => {
    const small = await project.start({ limits: { concurrentCount: 1 } });
    try {
      const url = `${small.apiHost}/api/v1/namespaces/_/actions/test/patient`;
      const send = () => fetch(url, { method: 'POST', headers: basic(small.key.reveal()) });

      expect((await send()).status).toBe(202);
      expect((await send()).status).toBe(429);
    } finally {
      await small.stop();
    }
  });
});

describe('web functions', () => {
  test('a raw one receives the request as it came', async () => {
    const body = '{"x": 1}';
    const headers = { 'content-type': 'application/json', 'x-test': 'yes' };
    const response = await fetch(`${host.webUrl('test/raw')}/a/b?q=1&q=2`, { method: 'POST', body, headers });

    expect(await response.json()).toMatchObject({
      http: { body, isBase64Encoded: false, queryString: 'q=1&q=2', method: 'POST', path: '/a/b', headers },
    });
  });

  test('a raw one receives bytes in base64', async () => {
    const body = Buffer.from([0, 255, 1]);
    const headers = { 'content-type': 'application/octet-stream' };
    const response = await fetch(host.webUrl('test/raw'), { method: 'PUT', body, headers });

    expect(await response.json()).toMatchObject({ http: { body: 'AP8B', isBase64Encoded: true, path: '' } });
  });

  test('a parsed one receives query and body as parameters', async () => {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(`${host.webUrl('test/parsed')}?q=1`, {
      method: 'POST',
      body: '{"x":2}',
      headers,
    });

    expect(await response.json()).toMatchObject({ q: '1', x: 2, http: { method: 'POST', path: '' } });
  });

  test.each([
    [
      { statusCode: 201, headers: { 'x-a': 'b' }, body: { ok: true } },
      201,
      '{"ok":true}',
      'application/json',
    ],
    [{ body: 'text' }, 200, 'text', 'text/html; charset=UTF-8'],
    [{ headers: { 'content-type': 'image/png' }, body: 'aGk=' }, 200, 'hi', 'image/png'],
    [{ statusCode: 202 }, 202, '', null],
    [{}, 204, '', null],
  ])('the result %j becomes the response', async (answer, status, text, contentType) => {
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ answer });
    const response = await fetch(host.webUrl('test/answer'), { method: 'POST', body, headers });

    expect([response.status, await response.text(), response.headers.get('content-type')]).toEqual([
      status,
      text,
      contentType,
    ]);
  });

  test('one that is not on the web is not found there', async () => {
    expect((await fetch(host.webUrl('test/echo'))).status).toBe(404);
  });

  test('a guarded one asks for its secret', async () => {
    const headers = { 'x-require-whisk-auth': 'open-sesame' };

    expect((await fetch(host.webUrl('test/guarded'))).status).toBe(401);
    expect((await fetch(host.webUrl('test/guarded'), { headers })).status).toBe(200);
  });

  test('a call from the web leaves no record in the API', async () => {
    await fetch(host.webUrl('test/parsed'));
    const records = (await (await call('GET', '/activations?limit=200')).json()) as { name: string }[];

    expect(host.activations().some(({ functionName }) => functionName === 'test/parsed')).toBe(true);
    expect(records.some(({ name }) => name === 'parsed')).toBe(false);
  });
});

describe('triggers', () => {
  test('one is recorded as the cause, with its body as event', async () => {
    const activation = await host.fireTrigger('every-two-hours').ended;

    expect(activation.cause).toEqual({ kind: 'trigger', triggerName: 'every-two-hours' });
    expect(activation.result).toEqual({ event: { a: 1 } });
  });

  test('its next time is counted in UTC', () => {
    const [trigger] = host.triggers();

    expect(trigger?.nextRunAt?.getUTCHours()).toSatisfy((hour: number) => hour % 2 === 0);
    expect(trigger?.nextRunAt?.getUTCMinutes()).toBe(0);
  });
});
