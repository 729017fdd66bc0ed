// The client on the double: pages, methods, retries. What runs do with it is in test/provision/.

import { readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createDigitalOcean } from '../../../lib/platform/digitalocean/client.ts';
import { createLibrary } from '../../../lib/platform/digitalocean/library.ts';
import { judgeFailure } from '../../../lib/platform/digitalocean/retry.ts';
import { CallFailure } from '../../../lib/platform/digitalocean/send.ts';
import { createVirtualClock } from '../../directory/virtual-clock.ts';
import { createDigitalOceanDouble } from '../../world/digitalocean/start.ts';

function createClient() {
  const cloud = createDigitalOceanDouble();
  const clock = createVirtualClock();
  const client = createDigitalOcean({
    apiUrl: 'https://api.example.test',
    token: cloud.token,
    clock,
    signal: new AbortController().signal,
    random: () => 1,
    fetch: cloud.fetch,
  });
  return { cloud, clock, client };
}

test('a list is read to its last page', async () => {
  const { cloud, client } = createClient();
  for (let i = 0; i < 450; i += 1) {
    const row = {
      id: `f${i}`,
      name: `f${i}`,
      droplet_ids: [],
      tags: [],
      inbound_rules: [],
      outbound_rules: [],
    };
    cloud.state.firewalls.set(row.id, row);
  }

  expect(await client.listFirewalls()).toHaveLength(450);
  expect(cloud.requests).toHaveLength(3);
});

test('reads wait longer each time until the API is back, and give up after six attempts', async () => {
  const { cloud, clock, client } = createClient();
  cloud.faults.add({ kind: 'fail', status: 502, times: 5 });
  await client.listSizes();
  expect(clock.elapsedMs()).toBe(1_000 + 2_000 + 4_000 + 8_000 + 15_000);

  cloud.faults.add({ kind: 'fail', status: 502, times: 6 });
  await expect(client.listSizes()).rejects.toMatchObject({ code: 'CLOUD_UNAVAILABLE', retryable: true });
});

test('the library cannot delete: nothing but GET and POST leaves it', async () => {
  const { cloud, client } = createClient();
  await client.readAccount();
  const sent: string[] = [];
  const library = createLibrary(async ({ method }) => {
    sent.push(method);
    return {};
  }, new AbortController().signal);

  await expect(library.droplets.deleteDroplet(7)).rejects.toThrow('DELETE is never sent');
  await expect(library.firewalls.deleteFirewall('f')).rejects.toThrow('DELETE is never sent');
  expect(sent).toEqual([]);
  expect(cloud.requests.map(({ method }) => method)).toEqual(['GET']);
});

test('only one file knows digitalocean-js, and neither provisioning nor a deployment asks for a delete', async () => {
  const root = path.resolve(import.meta.dirname, '../../..');
  const files = (await readdir(path.join(root, 'lib'), { recursive: true })).filter((name) =>
    name.endsWith('.ts'),
  );
  const read = (name: string) => readFileSync(path.join(root, 'lib', name), 'utf8');

  expect(files.filter((name) => /from 'digitalocean-js|\('digitalocean-js/.test(read(name)))).toEqual([
    'platform/digitalocean/library.ts',
  ]);
  const ours = files.filter((name) => /^(provision|platform|cli\/(provision|deploy|upgrade))/.test(name));
  expect(ours.length).toBeGreaterThan(10);
  expect(
    ours.filter((name) =>
      /(delete|remove)(Droplet|Block|Volume|Firewall|Domain|Tag|Resource)|unassign|detach'|'DELETE'/i.test(
        read(name),
      ),
    ),
  ).toEqual([]);
});

test('one file alone speaks to DigitalOcean, and it knows no other method than GET, POST and PUT', () => {
  const read = (name: string) =>
    readFileSync(path.resolve(import.meta.dirname, '../../../lib/platform', name), 'utf8');
  const method = /readonly method: ([^;]+);/;

  expect(method.exec(read('digitalocean/send.ts'))?.[1]).toBe("'GET' | 'POST' | 'PUT'");
  for (const name of ['platform-call.ts', 'triggers.ts', 'deployed-functions.ts', 'digitalocean/client.ts'])
    expect([name, /\bfetch\(|method: '(?!GET|POST|PUT)/.test(read(name))]).toEqual([name, false]);
});

test('a write is tried again after 429 alone, whatever else happened to it', () => {
  const failures = fc.record({
    status: fc.constantFrom(undefined, 400, 401, 403, 404, 409, 422, 429, 500, 502, 503, 504),
    retryAfterMs: fc.constantFrom(undefined, 1_000, 100_000, 500_000),
    attemptCount: fc.integer({ min: 1, max: 8 }),
  });

  fc.assert(
    fc.property(failures, ({ status, retryAfterMs, attemptCount }) => {
      const failure = new CallFailure('x', { ...(status === undefined ? {} : { status }), retryAfterMs });
      const verdict = judgeFailure({
        request: { method: 'POST', path: '/droplets' },
        failure,
        attemptCount,
        random: () => 0.5,
      });

      if ('waitMs' in verdict) expect(status).toBe(429);
    }),
  );
});
