// DigitalOcean fails at every call of a first run, in every way, one at a time. Whatever the first run does then, the
// second one finishes: one of each, and never a DELETE.

import { describe, expect, test } from 'vitest';
import { isControlError } from '../../lib/errors.ts';
import type { FaultKind } from '../world/digitalocean/faults.ts';
import { buildWanted, countParts, createAccount } from './cloud-fixture.ts';

const WANTED = buildWanted({ reserved_ip: true });
const FAULTS: readonly (readonly [string, FaultKind])[] = [
  ['503 and the work done', { kind: 'fail-after-write', status: 503 }],
  ['the connection lost before the work', { kind: 'reset' }],
  ['the connection lost after the work', { kind: 'reset-after-write' }],
  ['429', { kind: 'fail', status: 429, retryAfterSeconds: 7 }],
];

const ONE_OF_EACH = {
  droplets: 1,
  volumes: 1,
  attachedTo: 1,
  firewalls: 1,
  reservedIps: 1,
  records: ['control.llm 198.51.100.1', 'db.llm 198.51.100.1', 'llm 198.51.100.1'],
};

async function runOnce(fault?: FaultKind, nth = 1) {
  const account = createAccount();
  if (fault) account.cloud.faults.add({ ...fault, nth });
  let code: string | undefined;
  try {
    await account.run(WANTED);
  } catch (error) {
    if (!isControlError(error)) throw error;
    code = error.code;
  }
  return { account, code };
}

test('cut off for good at any call: the next run finishes with one of each and deletes nothing', async () => {
  const callCount = (await runOnce()).account.cloud.requests.length;

  for (let nth = 1; nth <= callCount; nth += 1) {
    const account = createAccount();
    account.cloud.faults.add({ kind: 'reset-after-write', nth, times: Number.POSITIVE_INFINITY });
    await expect(account.run(WANTED)).rejects.toMatchObject({ retryable: true });
    account.cloud.faults.clear();
    await account.run(WANTED);

    expect({ nth, ...countParts(account.cloud) }).toEqual({ nth, ...ONE_OF_EACH });
    expect(account.cloud.requests.filter(({ method }) => method !== 'GET' && method !== 'POST')).toEqual([]);
  }
});

describe.each(FAULTS)('%s', (_, fault) => {
  test('at any call: the second run finishes with one of each and deletes nothing', async () => {
    const callCount = (await runOnce()).account.cloud.requests.length;
    expect(callCount).toBeGreaterThan(25);

    for (let nth = 1; nth <= callCount; nth += 1) {
      const { account } = await runOnce(fault, nth);
      await account.run(WANTED);
      const third = await account.run(WANTED);

      expect({ nth, ...countParts(account.cloud) }).toEqual({ nth, ...ONE_OF_EACH });
      expect(third.plan.steps).toEqual([]);
      expect(account.cloud.requests.filter(({ method }) => method !== 'GET' && method !== 'POST')).toEqual(
        [],
      );
      expect(account.cloud.faults.listUnmet()).toEqual([]);
    }
  });
});

test.each(['/v2/tags', '/v2/firewalls', '/v2/volumes', '/v2/droplets', '/v2/reserved_ips', '/v2/domains'])(
  'a lost answer of POST %s is looked for, so that the same run goes on and sends it once',
  async (path) => {
    const account = createAccount();
    account.cloud.faults.add({ kind: 'reset-after-write', method: 'POST', path });
    await account.run(WANTED);

    const posts = account.cloud.requests.filter(
      (request) => request.method === 'POST' && request.path.startsWith(path),
    );
    expect(posts).toHaveLength(path === '/v2/domains' ? 3 : 1);
  },
);

test('a write that was refused with a 500 and did nothing is not sent again by the same run', async () => {
  const account = createAccount();
  account.cloud.faults.add({ kind: 'fail', status: 500, method: 'POST', path: '/v2/droplets' });

  await expect(account.run(WANTED)).rejects.toMatchObject({ code: 'CLOUD_OUTCOME_UNKNOWN', retryable: true });
  expect(
    account.cloud.requests.filter(({ method, path }) => method === 'POST' && path === '/v2/droplets'),
  ).toHaveLength(1);
});

test('an answer that never comes ends after the time limit of the call', async () => {
  const account = createAccount({ timeoutMs: 40 });
  account.cloud.faults.add({ kind: 'hang-after-write', method: 'POST', path: '/v2/volumes' });
  await account.run(WANTED);

  expect(countParts(account.cloud).volumes).toBe(1);
});

test('two runs at the same time make one of each: one of them is refused, or both finish', async () => {
  const account = createAccount();
  const outcomes = await Promise.allSettled([account.run(WANTED), account.run(WANTED)]);
  await account.run(WANTED);

  for (const outcome of outcomes) {
    if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'CLOUD_REFUSED' });
  }
  expect(countParts(account.cloud)).toEqual(ONE_OF_EACH);
});

test('429 is obeyed for as long as it asks, also for a write, and too long a wait ends the run', async () => {
  const account = createAccount();
  account.cloud.faults.add({
    kind: 'fail',
    status: 429,
    retryAfterSeconds: 61,
    method: 'POST',
    path: '/v2/droplets',
  });
  await account.run(WANTED);
  expect(account.clock.elapsedMs()).toBeGreaterThanOrEqual(61_000);
  expect(countParts(account.cloud).droplets).toBe(1);

  const throttled = createAccount();
  throttled.cloud.faults.add({ kind: 'fail', status: 429, retryAfterSeconds: 3_000 });
  await expect(throttled.run(WANTED)).rejects.toMatchObject({
    code: 'CLOUD_UNAVAILABLE',
    retryAfterMs: 3_000_000,
  });
});

test('a wrong token is one clear error, without the token', async () => {
  const account = createAccount({ token: 'dop_v1_wrong-plaintext' });
  const error = await account.run(WANTED).catch((caught: unknown) => caught);

  expect(error).toMatchObject({
    code: 'CLOUD_DENIED',
    message: expect.stringContaining('DIGITALOCEAN_TOKEN'),
  });
  expect(`${error}${JSON.stringify(error)}${(error as Error).stack}`).not.toContain('plaintext');
  expect(account.cloud.requests).toHaveLength(1);
});

test('an answer in another form fails the run instead of being taken for nothing', async () => {
  const account = createAccount();
  account.cloud.faults.add({ kind: 'wrong-answer', body: { droplets: null }, path: '/v2/droplets' });

  await expect(account.run(WANTED)).rejects.toMatchObject({ code: 'CLOUD_ANSWER_INVALID' });
  expect(account.cloud.state.volumes.size).toBe(0);
});
