// install.sh around checks and steps of the test's own: nothing is changed while a check fails, and an installation that
// was cut off goes on.

import { existsSync, readdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type InstallRoot, makeInstallRoot } from './install-root.ts';
import { DROPLET } from './paths.ts';
import { writeStandIn } from './run-shell.ts';

let root: InstallRoot;
const folder = (name: string) => join(root.state, name);
const stateOf = () => readFileSync(join(root.state, 'install', 'state'), 'utf8');
const done = () =>
  existsSync(folder('trace')) ? readFileSync(folder('trace'), 'utf8').split('\n').filter(Boolean) : [];
const install = (environment: NodeJS.ProcessEnv = {}) =>
  root.run('install.sh', { CHECKS: folder('checks'), STEPS: folder('steps'), ...environment });

beforeEach(() => {
  root = makeInstallRoot();
  writeStandIn(folder('checks'), '10-good', 'exit 0');
  for (const step of ['10-first', '20-second', '30-third']) {
    writeStandIn(
      folder('steps'),
      step,
      `[ ! -e '${folder(`break-${step}`)}' ] || exit 1; echo ${step} >>'${folder('trace')}'`,
    );
  }
});
afterEach(() => root.remove());

test('the steps are made in the order of their names, and the state says done', async () => {
  const { status } = await install();

  expect(status).toBe(0);
  expect(done()).toEqual(['10-first', '20-second', '30-third']);
  expect(stateOf()).toBe('done\n');
});

test('while a check fails nothing is changed, and every failing check is named', async () => {
  writeStandIn(folder('checks'), '20-bad', 'echo "no disk" >&2; exit 1');
  writeStandIn(folder('checks'), '30-worse', 'exit 1');

  const { status, stderr } = await install();

  expect(status).toBe(1);
  expect(stderr).toContain('no disk');
  expect(stderr).toContain('Nothing was changed, because these checks failed: 20-bad 30-worse.');
  expect(done()).toEqual([]);
  expect(existsSync(folder('install'))).toBe(false);
});

test('an installation that was cut off says where, and the next one goes on to the end', async () => {
  writeFileSync(folder('break-20-second'), '');
  const first = await install();
  const said = stateOf();
  writeFileSync(folder('trace'), '');
  unlinkSync(folder('break-20-second'));

  const second = await install();

  expect([first.status, said]).toEqual([1, 'failed 20-second\n']);
  expect(first.stderr).toContain('run install.sh again: it goes on from there');
  expect(second.status).toBe(0);
  expect(done()).toEqual(['10-first', '20-second', '30-third']);
});

test('a second installation beside the first is refused', async () => {
  writeStandIn(
    folder('steps'),
    '15-again',
    `'${join(DROPLET, 'install', 'install.sh')}' 2>>'${folder('inner')}' && exit 1; exit 0`,
  );

  const { status } = await install({ CHECKS: folder('checks') });

  expect(status).toBe(0);
  expect(readFileSync(folder('inner'), 'utf8')).toContain('Another installation is running.');
});

test('the shipped checks say all that is wrong here, and leave every file as it was', async () => {
  // No question leaves this machine: neither metadata nor a name server is there.
  const path = writeStandIn(folder('bin'), 'curl', 'exit 7');
  writeStandIn(path, 'getent', 'exit 2');
  const filesOf = () => readdirSync(join(root.etc, '..'), { recursive: true, encoding: 'utf8' }).sort();
  const before = filesOf();

  const { status, stderr } = await root.run('install.sh', { MEMINFO: writeMeminfo(4_096) }, [path]);

  expect(status).toBe(1);
  expect(stderr).toContain('Less than 8 GB of memory');
  expect(stderr).toContain(`Nothing is mounted at ${root.data}`);
  expect(stderr).toMatch(/these checks failed:.* 20-size 30-volume/);
  expect(filesOf()).toEqual([...before, 'state/meminfo'].sort());
});

test.each([
  ['dockerd', 0],
  ['docker-proxy', 0],
  ['apache2', 1],
])('a port 443 that %s holds ends the check of the ports with %i', async (holder, expected) => {
  const path = writeStandIn(
    folder('bin'),
    'ss',
    `echo 'LISTEN 0 4096 0.0.0.0:443 0.0.0.0:* users:(("${holder}",pid=712,fd=21))'`,
  );

  const { status, stderr } = await root.run('checks/40-ports', {}, [path]);

  expect(status).toBe(expected);
  expect(stderr.includes('Another program listens')).toBe(expected === 1);
});

test.each([
  ['of this droplet', 'postgresql://litellm:x@postgres:5432/litellm', 0],
  ['that is managed', 'postgresql://litellm:x@private.db.example.com:25060/litellm?sslmode=verify-full', 1],
])('with a database %s the check of it ends with the right status', async (_, url, expected) => {
  writeFileSync(join(root.etc, 'litellm.env'), `DATABASE_URL=${url}\n`);

  const { status, stderr } = await root.run('checks/35-database');

  expect(status).toBe(expected);
  expect(stderr).not.toContain('litellm:x@');
});

function writeMeminfo(totalMib: number): string {
  writeFileSync(folder('meminfo'), `MemTotal:  ${totalMib * 1024} kB\nSwapTotal:  4194304 kB\n`);
  return folder('meminfo');
}
