// What a new droplet is given to start with, as the shipped template and the shipped files of droplet/ make it.

import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { VARIABLES } from '../../lib/config.ts';
import { packArchive, readDropletFiles } from '../../lib/provision/archive.ts';
import { renderUserData, USER_DATA_LIMIT_BYTES } from '../../lib/provision/user-data.ts';
import { buildWanted } from '../provision/cloud-fixture.ts';
import { makeThrowAwayFolder } from '../world/throw-away-folder.ts';
import { checkCloudConfig } from './cloud-init-program.ts';

const droplet = path.resolve(import.meta.dirname, '..', '..', 'droplet');
const template = readFileSync(path.join(droplet, 'cloud-init/user-data.yaml'), 'utf8');
const files = await readDropletFiles(droplet);
const archive = packArchive(files);
const text = renderUserData(template, buildWanted(), archive);
const config = parse(text) as {
  write_files: { path: string; content: string; encoding?: string; permissions: string }[];
  ssh_pwauth: boolean;
};
const folder = makeThrowAwayFolder();
afterAll(() => folder.remove());

const contentOf = (file: string) => config.write_files.find((entry) => entry.path === file)?.content ?? '';

test('cloud-init of Debian takes it, and refuses one with a key that it does not know', () => {
  const file = path.join(folder.path, 'user-data.yaml');
  writeFileSync(file, text);
  expect(checkCloudConfig(file)).toContain('Valid cloud-config');

  writeFileSync(file, text.replace('ssh_pwauth: false', 'ssh_pwauth: [7]'));
  expect(() => checkCloudConfig(file)).toThrow();
});

test('it stays below what DigitalOcean takes, with 4 KiB to spare', () => {
  expect(Buffer.byteLength(text)).toBeLessThan(USER_DATA_LIMIT_BYTES - 4 * 1024);
});

test('the droplet is told its names, its volume, from where SSH is open and where Let’s Encrypt writes', () => {
  expect(contentOf('/etc/litellm/droplet.env').trim().split('\n')).toEqual([
    'PUBLIC_HOST=llm.example.com',
    'CONTROL_HOST=control.llm.example.com',
    'DATABASE_HOST=db.llm.example.com',
    'ACME_EMAIL=devops@example.com',
    'SSH_FROM=192.0.2.0/24',
    'VOLUME_NAME=litellm-data',
  ]);
});

test('one that is too large is refused before anything is made', () => {
  expect(() => renderUserData(template, buildWanted(), 'A'.repeat(USER_DATA_LIMIT_BYTES))).toThrow(
    expect.objectContaining({ code: 'CONFIG_INVALID' }),
  );
});

test('it holds no secret: no secret setting by name, no key, no password, no token', () => {
  const secrets = Object.entries(VARIABLES).flatMap(([name, variable]) =>
    'secret' in variable ? [name] : [],
  );
  const plain = `${text}\n${files.map(({ content }) => content.toString('latin1')).join('\n')}`;

  expect(secrets.length).toBeGreaterThan(5);
  expect(secrets.filter((name) => new RegExp(`^\\s*(export )?${name}=.`, 'm').test(text))).toEqual([]);
  expect(plain).not.toMatch(/BEGIN [A-Z ]*PRIVATE KEY|dop_v1_|dof_v1_|\bsk-[A-Za-z0-9_-]{16}/);
  expect(text).not.toMatch(/^\s*(passwd|password|hashed_passwd|chpasswd|ssh_keys):/m);
});

test('the archive unpacks to the files of droplet/, the programs executable, without agent, scale and droplet.yml', () => {
  const tar = path.join(folder.path, 'droplet.tar.gz');
  writeFileSync(tar, Buffer.from(archive, 'base64'));
  execFileSync('tar', ['-xzf', tar, '-C', folder.path]);

  expect(readFileSync(path.join(folder.path, 'cloud-init/first-boot'), 'utf8')).toBe(
    readFileSync(path.join(droplet, 'cloud-init/first-boot'), 'utf8'),
  );
  for (const { name, isExecutable } of files) {
    expect([name, (statSync(path.join(folder.path, name)).mode & 0o111) !== 0]).toEqual([name, isExecutable]);
  }
  expect(
    files.map(({ name }) => name).filter((name) => /^(agent|scale)\/|droplet\.yml|known_hosts/.test(name)),
  ).toEqual([]);
});

test('the same files give the same archive', () => {
  expect(packArchive(files)).toBe(archive);
});

test('SSH takes no password, root only by key, and sshd takes the configuration', () => {
  const file = path.join(folder.path, 'sshd_config');
  writeFileSync(file, contentOf('/etc/ssh/sshd_config.d/10-litellm.conf'));
  const key = path.join(folder.path, 'host-key');
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
  // sshd asks for it when root runs it; Debian's unit makes it.
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true });
  const effective = execFileSync('/usr/sbin/sshd', ['-T', '-f', file, '-h', key], { encoding: 'utf8' });

  expect(config.ssh_pwauth).toBe(false);
  expect(effective).toContain('passwordauthentication no');
  expect(effective).toContain('kbdinteractiveauthentication no');
  expect(effective).toContain('permitrootlogin without-password');
});

test('systemd takes the unit that goes on with the first boot', () => {
  const unit = path.join(folder.path, 'litellm-first-boot.service');
  const program = path.join(droplet, 'cloud-init/first-boot');
  writeFileSync(
    unit,
    contentOf('/etc/systemd/system/litellm-first-boot.service').replace(
      '/opt/litellm/cloud-init/first-boot',
      program,
    ),
  );

  expect(() =>
    execFileSync('systemd-analyze', ['verify', '--man=no', unit], { stdio: 'pipe' }),
  ).not.toThrow();
});

test('upgrades restart the droplet away from the backup at 02:00', () => {
  const upgrades = contentOf('/etc/apt/apt.conf.d/52litellm-upgrades');

  expect(upgrades).toContain('Unattended-Upgrade::Automatic-Reboot "true"');
  expect(/Automatic-Reboot-Time "(\d\d):/.exec(upgrades)?.[1]).toBe('04');
});

test('every program of cloud-init/ is one that bash can read', () => {
  const programs = ['first-boot', 'format-if-blank', 'add-apt-source']
    .concat(readdirSync(path.join(droplet, 'cloud-init/steps')).map((name) => `steps/${name}`))
    .map((name) => path.join(droplet, 'cloud-init', name));

  for (const program of programs)
    expect(() => execFileSync('bash', ['-n', program], { stdio: 'pipe' })).not.toThrow();
});
