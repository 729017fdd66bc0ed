// The agent's bundle over a real sshd: replaced in one step, watched, and returned from.

import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { isControlError } from '../../lib/errors.ts';
import { shipAgent } from '../../lib/platform/ship-agent.ts';
import { startUpgradeDroplet, type UpgradeDroplet } from './upgrade-droplet.ts';

const scriptFile = path.resolve(import.meta.dirname, '..', '..', 'droplet', 'upgrade', 'ship-agent');
let droplet: UpgradeDroplet;
beforeAll(async () => {
  droplet = await startUpgradeDroplet({ postgres: false });
});
afterAll(() => droplet?.stop());
beforeEach(() => {
  for (const name of ['agent-home', 'docker']) {
    rmSync(droplet.path(name), { recursive: true, force: true });
    mkdirSync(droplet.path(name), { recursive: true });
  }
});

async function ship(bundle: string): Promise<string> {
  const bundleFile = droplet.path('agent.cjs');
  writeFileSync(bundleFile, bundle);
  try {
    return await shipAgent(droplet.target, { bundleFile, scriptFile }, AbortSignal.timeout(30_000));
  } catch (error) {
    if (!isControlError(error)) throw error;
    return `${error.code} ${error.details.code}`;
  }
}
const atWork = () => readFileSync(droplet.path('docker/agent'), 'utf8');
const restarts = () =>
  readFileSync(droplet.path('docker/calls'), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('restart')).length;

test('a bundle that stays up replaces the one before; a repeat only looks', async () => {
  expect(await ship('the first')).toContain('stayed up');
  expect(await ship('the second')).toContain('stayed up');
  const before = restarts();

  expect(await ship('the second')).toContain('the agent there is this one, and it is up');

  expect(atWork()).toBe('the second');
  expect(restarts()).toBe(before);
});

test.each(['it ends at once', 'it is broken and restarted'])(
  'a bundle is returned from when %s',
  async (bundle) => {
    await ship('the first');

    expect(await ship(bundle)).toBe('DROPLET_REFUSED 3');

    expect([atWork(), droplet.read('agent-home/agent.cjs')]).toEqual(['the first', 'the first']);
  },
);

test('what never stayed up does not become the one to return to', async () => {
  await ship('the first');
  await ship('one that ends at once');
  await ship('another that ends at once');

  expect(atWork()).toBe('the first');
});

test('without one before, a bundle that ends is told as not running', async () => {
  expect(await ship('it ends at once')).toBe('DROPLET_REFUSED 4');
});

test('a bundle that did not arrive whole changes nothing', async () => {
  await ship('the first');
  const script = droplet.path('ship-agent');
  writeFileSync(
    script,
    readFileSync(scriptFile, 'utf8').replace(
      'cat > agent.cjs.new',
      'head -c 3 > agent.cjs.new; cat >/dev/null',
    ),
  );
  const bundleFile = droplet.path('agent.cjs');
  writeFileSync(bundleFile, 'the second');

  const shipped = shipAgent(droplet.target, { bundleFile, scriptFile: script }, AbortSignal.timeout(30_000));

  await expect(shipped).rejects.toMatchObject({ code: 'DROPLET_REFUSED', details: { code: 1 } });
  expect(droplet.read('agent-home/agent.cjs')).toBe('the first');
});

test('a droplet without the folder of the agent is told so', async () => {
  rmSync(droplet.path('agent-home'), { recursive: true });

  expect(await ship('the first')).toBe('DROPLET_REFUSED 1');
  expect(existsSync(droplet.path('agent-home'))).toBe(false);
});
