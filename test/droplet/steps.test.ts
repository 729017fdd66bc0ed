// The shipped steps, all of them and in their order, in a throw-away root: with stand-ins for Docker and systemd that
// write down what they were asked, and everything else real.

import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type InstallRoot, makeInstallRoot } from './install-root.ts';
import { DROPLET } from './paths.ts';
import { runShell, type ShellResult, writeStandIn } from './run-shell.ts';

const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`;
let root: InstallRoot;
let results: ShellResult[];
let asked: string[][];
let files: Record<string, string>[];
const folder = (...names: string[]) => join(root.state, '..', ...names);

beforeAll(async () => {
  root = makeInstallRoot();
  // As the archive is unpacked, without what is not of the stack.
  cpSync(DROPLET, folder('opt'), {
    recursive: true,
    filter: (source) => !/droplet\/(agent|scale)$/.test(source),
  });
  mkdirSync(folder('units'));
  writeStandIn(
    folder('bin'),
    'docker',
    `echo "docker $*" >>'${folder('asked')}'
     case "$*" in
       *imagetools*) echo '${DIGEST}' ;;
       *' exec '*|'exec '*) cat >/dev/null ;;
     esac`,
  );
  writeStandIn(folder('bin'), 'systemctl', `echo "systemctl $*" >>'${folder('asked')}'`);
  writeStandIn(folder('bin'), 'certbot', 'exit 0');
  // The accounts of a new droplet: nobody has 999 before somebody was given it.
  writeStandIn(
    folder('bin'),
    'getent',
    `[ "$1 $2" = 'passwd 999' ] && cat '${folder('accounts')}' 2>/dev/null`,
  );
  writeStandIn(folder('bin'), 'groupadd', 'exit 0');
  writeStandIn(
    folder('bin'),
    'useradd',
    `echo "useradd $*" >>'${folder('asked')}'; echo 'litellm-postgres:x:999:999::/:/x' >'${folder('accounts')}'`,
  );
  writeStandIn(folder('empty'), '10-none', 'exit 0');
  [results, asked, files] = [[], [], []];
  for (let run = 0; run < 2; run += 1) {
    rmSync(folder('asked'), { force: true });
    const result = await install();
    if (result.status !== 0) throw new Error(result.stderr);
    results.push(result);
    asked.push(readFileSync(folder('asked'), 'utf8').split('\n').filter(Boolean));
    files.push(readAll());
  }
}, 120_000);
afterAll(() => root.remove());

const install = () =>
  runShell(folder('opt', 'install', 'install.sh'), {
    path: [folder('bin')],
    environment: {
      CHECKS: folder('empty'),
      LITELLM_HOME: folder('opt'),
      LITELLM_ETC: root.etc,
      LITELLM_DATA: root.data,
      LITELLM_STATE: root.state,
      POSTGRES_GROUP: 'nogroup',
      POSTGRES_SOCKETS: folder('sockets'),
      TMPFILES: folder('tmpfiles.d'),
      LETSENCRYPT: folder('letsencrypt'),
      LETSENCRYPT_DIR: folder('letsencrypt'),
      SYSTEMD_UNITS: folder('units'),
      DOCKER_ETC: folder('docker'),
    },
  });
function readAll(): Record<string, string> {
  const names = readdirSync(root.etc, { recursive: true, withFileTypes: true });
  return Object.fromEntries(
    names
      .filter((entry) => entry.isFile())
      .map((entry) => [
        join(entry.parentPath, entry.name),
        readFileSync(join(entry.parentPath, entry.name), 'utf8'),
      ]),
  );
}

test('the installation ends well, and a second one too', () => {
  expect(results.map(({ status }) => status)).toEqual([0, 0]);
  expect(readFileSync(join(root.state, 'install', 'state'), 'utf8')).toBe('done\n');
});

test('a second installation changes no file of /etc/litellm and asks the registry for nothing', () => {
  expect(files[1]).toEqual(files[0]);
  expect(asked[1]?.filter((line) => line.includes('imagetools'))).toEqual([]);
  expect(asked[1]?.filter((line) => line.includes('restart docker'))).toEqual([]);
});

test('PostgreSQL comes first, then its roles, then LiteLLM, then what the reader may see and the control plane’s key', () => {
  const compose = (asked[0] ?? [])
    .filter((line) => / (up|exec) /.test(line))
    .map((line) => line.replace(/^docker (compose .*\.env )?/, ''));

  expect(compose).toEqual([
    'up --detach --wait --wait-timeout 180 postgres',
    expect.stringMatching(/^exec --interactive litellm-postgres-1 psql .* -d postgres$/),
    'up --detach --no-deps ollama-pull',
    'up --detach --wait --wait-timeout 600 nginx litellm',
    expect.stringMatching(/^exec --interactive litellm-postgres-1 psql .* -d litellm$/),
    'exec -T litellm python3 -',
  ]);
});

test('no secret was an argument of a program', () => {
  const secrets = ['litellm.env', 'roles.env', 'admin-key.env', 'postgres.env', 'valkey.env'].flatMap(
    (file) => Object.values(root.readVariables(file)),
  );
  const arguments_ = asked.flat().join('\n');

  expect(secrets.filter((secret) => arguments_.includes(secret))).toEqual([]);
  expect(
    secrets.filter((secret) => results.some(({ stdout, stderr }) => (stdout + stderr).includes(secret))),
  ).toEqual([]);
});

test('the units that are enabled were put in place, Docker’s own waits for the Volume, and its settings are ours', () => {
  const enabled = (asked[0] ?? [])
    .filter((line) => line.includes(' enable '))
    .flatMap((line) => line.match(/litellm-\S+/g) ?? []);

  expect(enabled.length).toBeGreaterThan(2);
  expect(enabled.filter((unit) => !existsSync(folder('units', unit)))).toEqual([]);
  expect(readFileSync(folder('units', 'docker.service.d', '10-litellm.conf'), 'utf8')).toContain(
    'RequiresMountsFor=',
  );
  expect(readFileSync(folder('docker', 'daemon.json'), 'utf8')).toBe(
    readFileSync(join(DROPLET, 'docker', 'daemon.json'), 'utf8'),
  );
});

test('the number that is PostgreSQL’s superuser over the socket is taken once, before any other account can get it', async () => {
  const made = asked.map((lines) => lines.filter((line) => line.startsWith('useradd')));
  expect(made[0]).toEqual([expect.stringMatching(/--system --uid 999 .*nologin litellm-postgres$/)]);
  expect(made[1]).toEqual([]);

  writeFileSync(folder('accounts'), 'litellm-agent:x:999:994::/:/x\n');
  const { status, stderr } = await install();

  expect(status).toBe(0);
  expect(stderr).toContain('WARNING: the account litellm-agent has the number 999');
});

test('every folder that compose mounts is there', () => {
  for (const path of ['nginx', 'tls', 'postgres-tls']) expect(existsSync(join(root.etc, path))).toBe(true);
  for (const path of ['acme', 'models']) expect(existsSync(join(root.state, path))).toBe(true);
  expect(
    existsSync(join(root.data, 'postgres')) &&
      existsSync(folder('sockets')) &&
      existsSync(folder('letsencrypt')),
  ).toBe(true);
});
