// `lcp provision` with its options, against the double of DigitalOcean over HTTP; in this process, with a clock that jumps.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { createVirtualClock } from '../directory/virtual-clock.ts';
import { createDigitalOceanDouble, type DigitalOceanDouble } from '../world/digitalocean/start.ts';
import { runLcp } from './run-lcp.ts';

let cloud: DigitalOceanDouble;
let server: Awaited<ReturnType<DigitalOceanDouble['listen']>>;
beforeAll(async () => {
  cloud = createDigitalOceanDouble();
  server = await cloud.listen();
});
afterAll(() => server?.close());

const provision = (args: readonly string[], variables: Record<string, string> = {}) =>
  runLcp(['provision', ...args], {
    variables: {
      DIGITALOCEAN_TOKEN: cloud.token.reveal(),
      DIGITALOCEAN_API_URL: server.baseUrl,
      ...variables,
    },
    clock: createVirtualClock(),
  });

const writes = () => cloud.requests.filter(({ method }) => method !== 'GET');

test('without --apply it prints plan and cost, exits 2 and writes nothing; nor does --apply that nobody confirms', async () => {
  const [dry, unasked] = [await provision([]), await provision(['--apply'])];

  expect(dry).toMatchObject({ code: 2, err: '' });
  expect(dry.out).toContain('together                  86.50');
  expect(dry.out).toContain('Nothing was made. `lcp provision --apply` makes it.');
  expect([unasked.code, unasked.err]).toEqual([1, expect.stringContaining('--yes')]);
  expect(writes()).toEqual([]);
});

test('a wrong token is one clear error without the token', async () => {
  const { code, out, err } = await provision([], { DIGITALOCEAN_TOKEN: 'dop_v1_wrong-plaintext' });

  expect([code, out]).toEqual([1, '']);
  expect(err).toContain('CLOUD_DENIED');
  expect(err).not.toContain('plaintext');
});

test('--apply makes it with the shipped files, and then there is nothing to do', async () => {
  const applied = await provision(['--apply', '--yes', '--until', 'machine']);
  const again = await provision([]);

  expect(applied.code).toBe(0);
  expect(applied.out).toMatch(/The droplet is \d+ at 203\.0\.113\.\d+\.\n$/);
  const [droplet] = cloud.state.droplets.values();
  expect(droplet?.user_data).toMatch(/^#cloud-config\n/);
  expect(droplet?.user_data).toContain('PUBLIC_HOST=llm.example.com');
  expect(droplet?.user_data).not.toContain(cloud.token.reveal());
  expect([again.code, again.out]).toEqual([0, expect.stringContaining('= droplet litellm')]);
  expect(writes().map(({ method }) => method)).not.toContain('DELETE');
});
