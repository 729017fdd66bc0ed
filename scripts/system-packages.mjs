// What the tests need from the system beside Node: one list, with the Debian package that brings each thing.

import { spawnSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';

const command = (name) => () => spawnSync('sh', ['-c', `command -v ${name}`]).status === 0;
const file = (name) => () => existsSync(name);
const python = (program, source) => () => spawnSync(program, ['-c', source]).status === 0;

/** Package, what it is for, and whether the thing itself is there: where it comes from is nobody's business. */
const NEEDED = [
  ['chromium', 'pages are tried in a real browser', command('chromium')],
  [
    'python3-venv',
    'the real LiteLLM lives in a Python environment',
    python('python3', 'import ensurepip, venv'),
  ],
  ['redis-server', 'two LiteLLM proxies tell each other of a revoked key over it', command('redis-server')],
  ['nginx', 'the shipped configuration runs in a real one', command('nginx')],
  [
    'libnginx-mod-stream',
    'nginx divides port 443 with it',
    file('/usr/lib/nginx/modules/ngx_stream_module.so'),
  ],
  ['certbot', 'it renews a certificate from a real ACME server', command('certbot')],
  ['openssh-server', 'the droplet is reached over a real sshd', file('/usr/sbin/sshd')],
  ['postgresql-client', 'the droplet makes its database roles with psql', command('psql')],
  [
    'postgresql-15',
    'an upgrade is returned from by pg_dump and pg_restore of the version of the server',
    file('/usr/lib/postgresql/15/bin/pg_dump'),
  ],
  ['nftables', 'the droplet’s firewall is tried between network namespaces', command('nft')],
  ['iproute2', 'the network namespaces are made with it', command('ip')],
  ['shellcheck', 'the droplet’s shell programs are read by it', command('shellcheck')],
  ['systemd', 'the droplet’s units are judged by its systemd-analyze', command('systemd-analyze')],
  ['stunnel4', 'the functions reach Managed PostgreSQL through it in phase 2', command('stunnel4')],
  ['openssl', 'certificates are made as the droplet makes them', command('openssl')],
  ['gpg', 'the pinned keys of the droplet’s packages are checked', command('gpg')],
  ['curl', 'the droplet fetches these keys with it', command('curl')],
  ...['jsonschema', 'yaml', 'jinja2', 'configobj', 'requests', 'jsonpatch'].map((module) => [
    `python3-${module}`,
    'cloud-init checks what a droplet is given to start with',
    python('/usr/bin/python3', `import ${module}`),
  ]),
  ...['radosgw', 'ceph-mon', 'ceph-osd'].map((name) => [
    name,
    'Ceph RGW is what Spaces runs, and the audit is exported to it',
    command(name),
  ]),
];

/** Debian asks this program before it starts a daemon that was just installed; 101 is no. */
const POLICY = '/usr/sbin/policy-rc.d';

/** Installs what is missing as root on Debian or Ubuntu, otherwise throws with the line to run. */
export function ensureSystemPackages() {
  const missing = findMissing();
  if (missing.length === 0) return;
  const names = missing.map(([name]) => name);
  const install = `apt-get install -y --no-install-recommends ${names.join(' ')}`;
  const isRoot = process.getuid?.() === 0;
  if (!isRoot || !existsSync('/etc/debian_version')) {
    const reasons = missing.map(([name, why]) => `${name} (${why})`).join(', ');
    throw new Error(`Missing: ${reasons}. On Debian or Ubuntu: sudo sh -c 'apt-get update && ${install}'`);
  }
  process.stdout.write(`Installing ${names.join(', ')} from the system's packages\n`);
  // The tests start what they need; a web server or a database of the system's own is nobody's wish.
  const isPolicyOurs = !existsSync(POLICY);
  if (isPolicyOurs) writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    run('apt-get', ['update', '-qq']);
    run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...names]);
  } finally {
    if (isPolicyOurs) rmSync(POLICY);
  }
  const stillMissing = findMissing();
  if (stillMissing.length > 0) {
    throw new Error(`Installed, but still missing: ${stillMissing.map(([name]) => name).join(', ')}.`);
  }
}

function findMissing() {
  return NEEDED.filter(([, , isPresent]) => !isPresent());
}

function run(program, args) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const { status, stdout, stderr } = spawnSync(program, args, { env, encoding: 'utf8' });
  if (status !== 0)
    throw new Error(`${program} ${args.join(' ')} failed with ${status}:\n${stdout}${stderr}`);
}
