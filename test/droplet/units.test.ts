// Every systemd unit of the droplet is checked by systemd itself, in a root of its own where what the units start exists.

import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeThrowAwayFolder } from '../world/throw-away-folder.ts';
import { DROPLET } from './paths.ts';

const root = makeThrowAwayFolder();
const units = readdirSync(DROPLET, { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.(service|timer|path|socket|mount)$/.test(name))
  .map((name) => join(DROPLET, name));
const textOf = (unit: string) => readFileSync(unit, 'utf8');
const installed = (unit: string) => join(root.path, 'etc', 'systemd', 'system', basename(unit));

beforeAll(() => {
  cpSync('/usr/lib/systemd/system', join(root.path, 'usr', 'lib', 'systemd', 'system'), {
    recursive: true,
    verbatimSymlinks: true,
  });
  mkdirSync(dirname(installed('x')), { recursive: true });
  // Docker's own unit comes with its package.
  writeFileSync(installed('docker.service'), '[Service]\nExecStart=/usr/bin/docker\n');
  for (const unit of units) cpSync(unit, installed(unit));
  const started = units.flatMap((unit) =>
    [...textOf(unit).matchAll(/^Exec\w+=[-+!@:]*(\/\S+)/gm)].map(([, path = '']) => path),
  );
  for (const program of new Set([...started, '/usr/bin/docker'])) {
    const file = join(root.path, program);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, '');
    chmodSync(file, 0o755);
  }
});
afterAll(() => root.remove());

const verify = (...files: string[]) => {
  const { status, stderr } = spawnSync(
    'systemd-analyze',
    ['verify', '--man=no', `--root=${root.path}`, ...files],
    { encoding: 'utf8' },
  );
  return { status, stderr };
};

test('systemd takes every unit as it is', () => {
  expect(units.length).toBeGreaterThan(3);

  expect(verify(...units.map(installed))).toEqual({ status: 0, stderr: '' });
});

test('systemd would say what is wrong: the control has one unknown word and one missing program', () => {
  const broken = installed('broken.service');
  writeFileSync(broken, '[Service]\nExecStrat=/usr/bin/nothing\nExecStart=/usr/bin/absent\n');

  const { status, stderr } = verify(broken);

  expect(status).not.toBe(0);
  expect(stderr).toMatch(/Unknown key (name )?'ExecStrat'/);
  expect(stderr).toContain('/usr/bin/absent is not executable');
});

test('every program of ours that a unit starts is in the droplet’s archive', () => {
  const ours = units.flatMap((unit) =>
    [...textOf(unit).matchAll(/^Exec\w+=[-+!@:]*\/opt\/litellm\/(install\/\S+)/gm)].map(
      ([, path = '']) => path,
    ),
  );

  expect(ours.length).toBeGreaterThan(0);
  for (const path of ours) expect(readFileSync(join(DROPLET, path), 'utf8')).toMatch(/^#!/);
});

describe('at a boot', () => {
  test('neither the stack nor Docker starts before the Volume is mounted and the firewall stands', () => {
    for (const name of ['litellm-stack.service', 'docker-after-the-volume.conf']) {
      const text = textOf(join(DROPLET, 'systemd', name));

      expect(text).toMatch(/^RequiresMountsFor=\/mnt\/litellm-data$/m);
      expect(text).toMatch(/^After=.*litellm-firewall\.service/m);
    }
  });

  test('a Volume that was made larger is filled at its mount', () => {
    const step = readFileSync(join(DROPLET, 'cloud-init', 'steps', '10-volume'), 'utf8');
    const line = /echo "(\$device \$target .*)" >>\/etc\/fstab/.exec(step)?.[1] ?? '';
    const folder = join(root.path, 'generated');
    mkdirSync(folder);
    writeFileSync(
      join(folder, 'fstab'),
      line.replace('$device', '/dev/x').replace('$target', '/mnt/litellm-data'),
    );

    const { status } = spawnSync(
      '/usr/lib/systemd/system-generators/systemd-fstab-generator',
      [folder, folder, folder],
      { env: { SYSTEMD_FSTAB: join(folder, 'fstab') } },
    );

    expect(status).toBe(0);
    expect(readdirSync(join(folder, 'mnt-litellm\\x2ddata.mount.wants'))).toEqual([
      'systemd-growfs@mnt-litellm\\x2ddata.service',
    ]);
  });

  test('the firewall is closed before there is a network', () => {
    const text = textOf(join(DROPLET, 'systemd', 'litellm-firewall.service'));

    expect(text).toMatch(/^Before=network-pre\.target docker\.service/m);
    expect(text).not.toContain('ExecStop');
  });
});
