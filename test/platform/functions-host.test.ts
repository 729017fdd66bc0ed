import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createFunctionsHost, type FunctionsHostOptions } from '../../lib/platform/functions-host.ts';
import { Secret } from '../../lib/secret.ts';
import type { LocalFunctionsHost } from '../world/functions-host/host.ts';
import { type ThrowAwayProject, writeThrowAwayProject } from '../world/functions-host/throw-away.ts';

const never = new AbortController().signal;

let project: ThrowAwayProject;
let local: LocalFunctionsHost;

beforeAll(async () => {
  project = await writeThrowAwayProject({
    echo: { code: 'exports.main = async (event, context) => { console.log("here"); return { event }; };' },
    thrower: { code: 'exports.main = async (event, context) => { throw new Error("no luck today"); };' },
    patient: {
      code: 'exports.main = (event, context) => new Promise(() => {});',
      settings: 'limits: {timeout: 60000}',
    },
  });
  local = await project.start();
});

afterAll(async () => {
  await local.stop();
  await project.remove();
});

function createClient(options: Partial<FunctionsHostOptions> = {}) {
  const { apiHost, namespace, key } = local;
  return createFunctionsHost({ apiHost, namespace, key, timeoutMs: 5000, ...options });
}

describe('invoking', () => {
  test('the function is started with the event, and its record can be read when it has ended', async () => {
    const client = createClient();

    const { activationId } = await client.invoke('test/echo', { x: 1 }, never);
    await local.ended(activationId);

    expect(await client.findActivation(activationId, never)).toMatchObject({
      activationId,
      status: 'success',
      isSuccessful: true,
      result: { event: { x: 1 } },
      logs: [expect.stringContaining('stdout: here')],
    });
  });

  test('it does not wait for the function', async () => {
    const client = createClient();

    const { activationId } = await client.invoke('test/patient', {}, never);

    expect(local.running()).toContain(activationId);
    expect(await client.findActivation(activationId, never)).toBeUndefined();
    local.kill(activationId);
  });

  test('a function that failed has a record that says so', async () => {
    const client = createClient();
    const { activationId } = await client.invoke('test/thrower', {}, never);
    await local.ended(activationId);

    expect(await client.findActivation(activationId, never)).toMatchObject({
      isSuccessful: false,
      status: 'application error',
      result: { error: 'no luck today' },
    });
  });
});

describe('failures', () => {
  test('a wrong key is refused, no retry helps, and the key is not in the error', async () => {
    const client = createClient({ key: new Secret('dof_v1_x:wrong-secret') });

    const error = await client.invoke('test/echo', {}, never).catch((e) => e);

    expect(error).toMatchObject({ code: 'FUNCTION_REFUSED', retryable: false, details: { status: 401 } });
    expect(JSON.stringify([error, error.message, error.cause])).not.toContain('wrong-secret');
  });

  test('a function that is not deployed is refused', async () => {
    await expect(createClient().invoke('test/unknown', {}, never)).rejects.toMatchObject({
      code: 'FUNCTION_REFUSED',
      details: { status: 404 },
    });
  });

  test.each([
    [429, '{"error":"Too many requests"}'],
    [500, ''],
    [503, 'not JSON'],
    [202, 'not JSON'],
    [202, '{"other":"form"}'],
  ])('the answer %i %s is unavailable, and a retry helps', async (status, body) => {
    const send = () => Promise.resolve(new Response(body, { status }));

    await expect(createClient({ fetch: send }).invoke('test/echo', {}, never)).rejects.toMatchObject({
      code: 'FUNCTION_UNAVAILABLE',
      retryable: true,
    });
  });

  test('no answer in time is unavailable', async () => {
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    try {
      const apiHost = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
      const client = createClient({ apiHost, timeoutMs: 50 });

      await expect(client.invoke('test/echo', {}, never)).rejects.toMatchObject({
        code: 'FUNCTION_UNAVAILABLE',
      });
    } finally {
      silent.closeAllConnections();
      silent.close();
    }
  });

  test('the caller’s own signal ends it with the signal’s reason', async () => {
    const reason = new Error('deadline');

    await expect(createClient().invoke('test/echo', {}, AbortSignal.abort(reason))).rejects.toBe(reason);
  });

  test('a redirect is not followed, since the key would travel', async () => {
    const seen: (string | undefined)[] = [];
    const other = createServer((request, response) => {
      seen.push(request.url);
      response.writeHead(307, { location: '/elsewhere' }).end();
    });
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    try {
      const apiHost = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;

      await expect(createClient({ apiHost }).invoke('test/echo', {}, never)).rejects.toMatchObject({
        code: 'FUNCTION_UNAVAILABLE',
      });
      expect(seen).toHaveLength(1);
    } finally {
      other.closeAllConnections();
      other.close();
    }
  });
});
