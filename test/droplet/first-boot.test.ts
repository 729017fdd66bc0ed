// The programs of droplet/cloud-init/ as the droplet runs them, on throw-away folders and files in place of disks.

import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { makeThrowAwayFolder } from '../world/throw-away-folder.ts';

const programs = path.resolve(import.meta.dirname, '..', '..', 'droplet', 'cloud-init');
let folder: ReturnType<typeof makeThrowAwayFolder>;
beforeEach(() => {
  folder = makeThrowAwayFolder();
});
afterEach(() => folder.remove());

describe('first-boot', () => {
  const at = (name: string) => path.join(folder.path, name);
  const read = (name: string) => readFileSync(at(name), 'utf8').trim();
  const addStep = (name: string, script: string) => {
    mkdirSync(at('home/cloud-init/steps'), { recursive: true });
    writeFileSync(at(`home/cloud-init/steps/${name}`), `#!/bin/sh\necho ${name} >>${at('ran')}\n${script}\n`);
    chmodSync(at(`home/cloud-init/steps/${name}`), 0o755);
  };
  const boot = () =>
    spawnSync(path.join(programs, 'first-boot'), {
      env: { PATH: process.env.PATH, LITELLM_HOME: at('home'), LITELLM_STATE: at('state') },
      encoding: 'utf8',
    });

  test('a step that fails is named, and the next boot goes on with it and not before it', () => {
    addStep('10-first', '');
    addStep('20-second', `test -e ${at('network')}`);
    addStep('30-third', '');
    expect(boot().status).toBe(1);
    expect(read('state/first-boot/state')).toBe('failed 20-second');
    writeFileSync(at('network'), '');

    expect(boot().status).toBe(0);
    expect(read('state/first-boot/state')).toBe('done');
    expect(existsSync(at('state/first-boot/done'))).toBe(true);
    expect(read('ran').split('\n')).toEqual(['10-first', '20-second', '20-second', '30-third']);
  });

  test('a boot in the middle of a step runs that step again', () => {
    addStep('10-first', '');
    addStep('20-second', `test -e ${at('again')} || { touch ${at('again')}; kill -KILL $PPID; }`);
    expect(boot().signal).toBe('SIGKILL');
    expect(read('state/first-boot/state')).toBe('running 20-second');

    expect(boot().status).toBe(0);
    expect(read('ran').split('\n')).toEqual(['10-first', '20-second', '20-second']);
  });

  test('what is done is not done again', () => {
    addStep('10-first', '');
    boot();
    boot();

    expect(read('ran')).toBe('10-first');
  });
});

describe('format-if-blank', () => {
  const BYTES = 32 * 1024 * 1024;
  const makeDisk = () => {
    const file = path.join(folder.path, 'disk');
    writeFileSync(file, '');
    truncateSync(file, BYTES);
    return file;
  };
  const format = (file: string) =>
    spawnSync(path.join(programs, 'format-if-blank'), [file], { encoding: 'utf8' });
  const kindOf = (file: string) =>
    spawnSync('blkid', ['-p', '-s', 'TYPE', '-o', 'value', file], { encoding: 'utf8' }).stdout.trim();

  test('a blank disk gets a file system, and a second run leaves it as it is', () => {
    const disk = makeDisk();
    expect(format(disk).status).toBe(0);
    expect(kindOf(disk)).toBe('ext4');
    const before = readFileSync(disk);

    expect(format(disk).status).toBe(0);
    expect(readFileSync(disk).equals(before)).toBe(true);
  });

  test.each([
    ['another file system', 'swap'],
    ['bytes that are no file system', 'bytes'],
  ])('a disk with %s is left alone and is an error', (_, kind) => {
    const disk = makeDisk();
    if (kind === 'swap') spawnSync('mkswap', [disk]);
    const handle = openSync(disk, 'r+');
    writeSync(handle, 'somebody’s data', 12 * 1024 * 1024);
    closeSync(handle);
    const before = readFileSync(disk);

    expect(format(disk)).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('nothing was formatted'),
    });
    expect(readFileSync(disk).equals(before)).toBe(true);
  });

  test('a disk that cannot be read is not formatted', () => {
    const disk = makeDisk();
    rmSync(disk);

    expect(format(disk).status).not.toBe(0);
    expect(existsSync(disk)).toBe(false);
  });
});

describe('add-apt-source', () => {
  test('a key that is not the pinned one adds nothing', () => {
    const home = path.join(folder.path, 'gnupg');
    mkdirSync(home, { mode: 0o700 });
    const gpg = (...args: string[]) =>
      spawnSync('gpg', ['--batch', '--homedir', home, '--passphrase', '', ...args], { encoding: 'utf8' });
    gpg('--quick-gen-key', 'packages@example.com', 'ed25519', 'sign', 'never');
    const key = path.join(folder.path, 'key.asc');
    writeFileSync(key, gpg('--armor', '--export').stdout);
    const listed = gpg('--list-keys', '--with-colons').stdout;
    const fingerprint = /^fpr:+([0-9A-F]{40}):/m.exec(listed)?.[1] ?? '';
    spawnSync('gpgconf', ['--homedir', home, '--kill', 'all']);
    const add = (pinned: string) =>
      spawnSync(
        path.join(programs, 'add-apt-source'),
        ['ours', `file://${key}`, pinned, 'https://packages.example.com', 'stable', 'main'],
        {
          env: {
            PATH: process.env.PATH,
            HOME: folder.path,
            APT_KEYRINGS: folder.path,
            APT_SOURCES: folder.path,
          },
          encoding: 'utf8',
        },
      );

    expect(add('0'.repeat(40))).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('not the pinned one'),
    });
    expect(existsSync(path.join(folder.path, 'ours.sources'))).toBe(false);
    expect(add(fingerprint).status).toBe(0);
    expect(readFileSync(path.join(folder.path, 'ours.sources'), 'utf8')).toContain(
      `Signed-By: ${folder.path}/ours.asc`,
    );
  });
});
