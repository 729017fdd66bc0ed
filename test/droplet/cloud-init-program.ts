// Debian's own cloud-init as a validator, unpacked beside the other caches and never installed: as a package it would
// set this machine up anew at its next boot.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync } from 'node:fs';
import path from 'node:path';

const cache = path.resolve(import.meta.dirname, '..', '..', '.world', 'cache', 'cloud-init');
const unpacked = path.join(cache, 'unpacked');

/** What `cloud-init schema` says about a file; throws when the file does not hold to it. */
export function checkCloudConfig(file: string): string {
  ensureUnpacked();
  // Debian's Python: the modules that cloud-init needs come from Debian too (scripts/system-packages.mjs).
  return execFileSync('/usr/bin/python3', ['-m', 'cloudinit.cmd.main', 'schema', '--config-file', file], {
    env: { PYTHONPATH: path.join(unpacked, 'usr/lib/python3/dist-packages'), PATH: process.env.PATH ?? '' },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

function ensureUnpacked(): void {
  if (existsSync(path.join(unpacked, 'usr/bin/cloud-init'))) return;
  mkdirSync(cache, { recursive: true });
  const find = () => readdirSync(cache).find((name) => /^cloud-init_.*\.deb$/.test(name));
  if (!find()) execFileSync('apt-get', ['download', '-qq', 'cloud-init'], { cwd: cache, stdio: 'pipe' });
  const unfinished = `${unpacked}-${process.pid}`;
  execFileSync('dpkg-deb', ['-x', path.join(cache, find() ?? ''), unfinished]);
  renameSync(unfinished, unpacked);
}
