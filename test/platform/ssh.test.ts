// Who the droplet is, and how much of what it says is kept; over a real ssh and sshd.

import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findHostPin, recordHostPin } from '../../lib/platform/host-pin.ts';
import { type HostPin, runOverSsh } from '../../lib/platform/ssh.ts';
import { type Sshd, startSshd } from '../world/sshd.ts';
import { makeThrowAwayFolder } from '../world/throw-away-folder.ts';

const folder = makeThrowAwayFolder();
const knownHostsFile = path.join(folder.path, 'known_hosts');
let sshd: Sshd;
beforeAll(async () => {
  sshd = await startSshd({ folder: path.join(folder.path, 'ssh') });
});
afterAll(async () => {
  await sshd?.stop();
  folder.remove();
});

const run = (command: string, pin?: HostPin, variables = sshd.variables()) =>
  runOverSsh({ address: sshd.address, pin, variables }, command, {
    timeoutMs: 20_000,
    signal: new AbortController().signal,
  });

test('an address is known by the droplet it was provisioned as, and by the newest one where it was made again', async () => {
  const first = { knownHostsFile, alias: 'droplet-1' };
  await recordHostPin(first, ['203.0.113.7', 'llm.example.com']);
  await recordHostPin(first, ['203.0.113.7', 'llm.example.com']);
  const text = readFileSync(knownHostsFile, 'utf8');
  await recordHostPin({ knownHostsFile, alias: 'droplet-2' }, ['203.0.113.8', 'llm.example.com']);

  const aliases = [
    'root@203.0.113.7',
    'root@llm.example.com:22',
    'root@203.0.113.8',
    'root@203.0.113.70',
  ].map(async (address) => (await findHostPin(knownHostsFile, address))?.alias);
  expect(text).toBe('# droplet-1 is 203.0.113.7 llm.example.com\n');
  expect(await Promise.all(aliases)).toEqual(['droplet-1', 'droplet-2', 'droplet-2', undefined]);
  expect(await findHostPin(path.join(folder.path, 'none'), 'root@203.0.113.7')).toBeUndefined();
});

test('only provisioning takes a key that was never seen; the comments beside the keys stay', async () => {
  const pin = { knownHostsFile, alias: 'droplet-1' };
  const comments = readFileSync(knownHostsFile, 'utf8');

  const [unseen, first, known] = [
    await run('true', pin),
    await run('true', { ...pin, isFirstContact: true }),
    await run('true', pin),
  ];

  expect([unseen.exitCode, first.exitCode, known.exitCode]).toEqual([255, 0, 0]);
  expect(readFileSync(knownHostsFile, 'utf8')).toMatch(new RegExp(`^${comments}droplet-1 ssh-ed25519 `));
});

test('without a pin the operator’s own known hosts decide', async () => {
  const config = path.join(folder.path, 'ssh', 'client-operator', 'known_hosts');
  const text = readFileSync(config, 'utf8');

  const known = await run('true');
  writeFileSync(config, '');
  const unknown = await run('true');
  writeFileSync(config, text);

  expect([known.exitCode, unknown.exitCode]).toEqual([0, 255]);
});

test('a command that says too much is read to its end and kept up to a mebibyte', async () => {
  const { exitCode, output } = await run('head -c 4000000 /dev/zero | tr "\\0" a; exit 7');

  expect(exitCode).toBe(7);
  expect(output.length).toBeGreaterThan(900_000);
  expect(output.length).toBeLessThanOrEqual(1024 * 1024);
});

test('nothing of this machine is lent to the droplet: no agent, no variables', async () => {
  const variables = {
    ...sshd.variables(),
    SSH_AUTH_SOCK: '/nonexistent/agent',
    LITELLM_ADMIN_KEY: 'sk-plaintext',
  };

  const { output } = await run('env', undefined, variables);

  expect(output).not.toMatch(/SSH_AUTH_SOCK|sk-plaintext/);
});

test('a machine without ssh is one clear error', async () => {
  await expect(run('true', undefined, { PATH: '/nonexistent' })).rejects.toMatchObject({
    code: 'DROPLET_UNREACHABLE',
    message: expect.stringContaining('install it'),
  });
});
