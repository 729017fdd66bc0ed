// From an active droplet to its settings in .env, over a real ssh and sshd.

import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RunOverSsh, readPrintedSettings, waitForFirstBoot } from '../../lib/provision/first-boot.ts';
import { mergeSettings, readSettingsFile, writeSettingsFile } from '../../lib/provision/settings-file.ts';
import { createVirtualClock } from '../directory/virtual-clock.ts';
import { type DropletSshd, startDropletSshd } from './droplet-sshd.ts';

const STATE = '/var/lib/litellm/first-boot/state';
const PRINT = '/opt/litellm/install/print-settings';
let droplet: DropletSshd;
beforeAll(async () => {
  droplet = await startDropletSshd();
});
afterAll(() => droplet?.close());

/** What the droplet answered once, it answers for ever. */
function repeatFirst(run: RunOverSsh): RunOverSsh {
  let first: ReturnType<RunOverSsh> | undefined;
  return (command, timeoutMs) => {
    first ??= run(command, timeoutMs);
    return first;
  };
}

function follow(run: RunOverSsh) {
  const reported: string[] = [];
  const clock = createVirtualClock();
  const waiting = waitForFirstBoot({
    run,
    clock,
    signal: new AbortController().signal,
    report: (line) => reported.push(line),
    sshCommand: 'ssh root@203.0.113.7',
  });
  return { waiting, reported, clock };
}

test('the settings of a droplet that is done come into .env, private, and what was there stays', async () => {
  droplet.place(STATE, 'done\n');
  droplet.place(
    PRINT,
    '#!/bin/sh\necho LITELLM_ADMIN_KEY=sk-from-droplet\necho LITELLM_BASE_URL=https://control.llm.example.com\necho NODE_OPTIONS=--require=/tmp/x\n',
  );
  const file = path.join(droplet.folder, '.env');
  writeFileSync(file, '# mine\nLITELLM_BASE_URL=https://other.example.com\nLITELLM_ADMIN_KEY=\n', {
    mode: 0o644,
  });

  const { waiting, reported } = follow(droplet.run());
  await waiting;
  const printed = await readPrintedSettings({ run: droplet.run(), sshCommand: '' });
  const merge = mergeSettings(await readSettingsFile(file), printed, { isOverwriting: false });
  const backup = await writeSettingsFile(file, merge.text, new Date('2026-01-02T03:04:05Z'));

  expect(reported).toEqual(['first boot: done']);
  expect(merge).toMatchObject({
    added: ['LITELLM_ADMIN_KEY'],
    differing: ['LITELLM_BASE_URL'],
    ignored: ['NODE_OPTIONS'],
  });
  expect(readFileSync(file, 'utf8')).toBe(
    '# mine\nLITELLM_BASE_URL=https://other.example.com\nLITELLM_ADMIN_KEY=sk-from-droplet\n',
  );
  expect(backup).toBe(`${file}.before-20260102T030405Z`);
  expect([statSync(file).mode & 0o777, statSync(backup ?? '').mode & 0o777]).toEqual([0o600, 0o600]);
  expect(readdirSync(droplet.folder).filter((name) => name.includes('unfinished'))).toEqual([]);
});

test('each step of the first boot is told once until it is done', async () => {
  const states = ['running 20-docker', 'running 20-docker', 'running 40-install', 'done'];
  droplet.place('/var/lib/litellm/install/state', 'running 80-stack\n');
  const real = droplet.run();
  const { waiting, reported } = follow(async (command, timeoutMs) => {
    droplet.place(STATE, `${states.shift()}\n`);
    return real(command, timeoutMs);
  });
  await waiting;

  expect(reported).toEqual([
    'first boot: running 20-docker',
    'first boot: running 40-install (running 80-stack)',
    'first boot: done',
  ]);
});

test('a step that fails and is not begun again ends the wait, with its name and its log', async () => {
  droplet.place(STATE, 'failed 30-node\n');
  const { waiting, clock } = follow(repeatFirst(droplet.run()));

  await expect(waiting).rejects.toMatchObject({
    code: 'DROPLET_SETUP_FAILED',
    message: expect.stringMatching(/failed 30-node.*journalctl -u litellm-first-boot/),
  });
  expect(clock.elapsedMs()).toBeLessThan(5 * 60_000);
});

test('a droplet that lets nobody in is an error that asks about ssh_from and the keys', async () => {
  const { waiting } = follow(repeatFirst(droplet.run({ who: 'stranger' })));

  await expect(waiting).rejects.toMatchObject({
    code: 'DROPLET_UNREACHABLE',
    message: expect.stringContaining('ssh_from'),
  });
});

test('settings that the droplet cannot print are an error, not an empty .env', async () => {
  droplet.place(PRINT, '#!/bin/sh\nexit 3\n');

  await expect(readPrintedSettings({ run: droplet.run(), sshCommand: '' })).rejects.toMatchObject({
    code: 'DROPLET_SETUP_FAILED',
    details: { exitCode: 3 },
  });
});

test('the host key is pinned under the droplet, and another one at the same address is refused', async () => {
  droplet.place(STATE, 'done\n');
  const known = (await droplet.run({ alias: 'droplet-2' })('true', 10_000)).exitCode;
  expect([known, readFileSync(droplet.knownHostsFile, 'utf8')]).toEqual([
    0,
    expect.stringContaining('droplet-2 '),
  ]);
  await droplet.sshd.changeHostKey();

  expect((await droplet.run({ alias: 'droplet-2' })('true', 10_000)).exitCode).toBe(255);
  expect((await droplet.run({ alias: 'droplet-3' })('true', 10_000)).exitCode).toBe(0);
});

test('a command that does not end is ended at its limit', async () => {
  const outcome = await droplet.run({ alias: 'droplet-4' })('sleep 60', 300);

  expect(outcome.exitCode).toBeNull();
  expect(existsSync(droplet.folder)).toBe(true);
});
