// What the tests need from the system beside Node: one list, with the Debian package that brings each thing.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** `isPresent` looks for the thing itself: where it comes from is nobody's business. */
const NEEDED = [
  {
    name: 'chromium',
    why: 'the console is tested in a real browser',
    isPresent: () => hasCommand('chromium'),
  },
  {
    name: 'python3-venv',
    why: 'the real LiteLLM lives in a Python environment',
    isPresent: () => spawnSync('python3', ['-c', 'import ensurepip, venv']).status === 0,
  },
  {
    name: 'redis-server',
    why: 'two LiteLLM proxies tell each other of a revoked key over it',
    isPresent: () => hasCommand('redis-server'),
  },
  {
    name: 'nginx',
    why: 'the shipped configuration runs in a real one',
    isPresent: () => hasCommand('nginx'),
  },
  {
    name: 'libnginx-mod-stream',
    why: 'it divides port 443',
    isPresent: () => existsSync('/usr/lib/nginx/modules/ngx_stream_module.so'),
  },
  {
    name: 'certbot',
    why: 'it renews a certificate from a real ACME server',
    isPresent: () => hasCommand('certbot'),
  },
  ...['radosgw', 'ceph-mon', 'ceph-osd'].map((name) => ({
    name,
    why: 'Ceph RGW is what Spaces runs, and the audit is exported to it',
    isPresent: () => hasCommand(name),
  })),
];

/** Installs what is missing as root on Debian or Ubuntu, otherwise throws with the line to run. */
export function ensureSystemPackages() {
  const missing = NEEDED.filter(({ isPresent }) => !isPresent());
  if (missing.length === 0) return;
  const names = missing.map(({ name }) => name);
  const install = `apt-get install -y --no-install-recommends ${names.join(' ')}`;
  const isRoot = process.getuid?.() === 0;
  if (!isRoot || !existsSync('/etc/debian_version')) {
    const reasons = missing.map(({ name, why }) => `${name} (${why})`).join(', ');
    throw new Error(`Missing: ${reasons}. On Debian or Ubuntu: sudo sh -c 'apt-get update && ${install}'`);
  }
  process.stdout.write(`Installing ${names.join(' and ')} from the system's packages\n`);
  run('apt-get', ['update', '-qq']);
  run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...names]);
  const stillMissing = NEEDED.filter(({ isPresent }) => !isPresent());
  if (stillMissing.length > 0) {
    throw new Error(`Installed, but still missing: ${stillMissing.map(({ name }) => name).join(', ')}.`);
  }
}

function hasCommand(command) {
  return spawnSync('sh', ['-c', `command -v ${command}`]).status === 0;
}

function run(command, args) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const { status, stdout, stderr } = spawnSync(command, args, { env, encoding: 'utf8' });
  if (status !== 0)
    throw new Error(`${command} ${args.join(' ')} failed with ${status}:\n${stdout}${stderr}`);
}
