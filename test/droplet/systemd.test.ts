// The units and scripts of the agent, judged by the real systemd-analyze and openssl, and by a docker that says what it
// is told.

import { spawnSync } from 'node:child_process';
import { createPublicKey } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { parseSnapshot } from '../../droplet/agent/snapshot.ts';
import { makeThrowAwayFolder } from '../world/throw-away-folder.ts';

const SOURCE = resolve(import.meta.dirname, '..', '..', 'droplet', 'systemd');
const folder = makeThrowAwayFolder();
afterAll(() => folder.remove());

function run(command: string, args: readonly string[], env: Record<string, string> = {}) {
  const { status, stdout, stderr } = spawnSync(command, args, {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
  return { status, out: `${stdout}${stderr}` };
}

/** The units with the programs of this machine in place of the droplet's, which systemd-analyze looks for. */
function copyUnits(): string[] {
  const dir = join(folder.path, 'units');
  mkdirSync(dir, { recursive: true });
  return ['litellm-agent.service', 'litellm-snapshot.service', 'litellm-snapshot.timer'].map((name) => {
    const text = readFileSync(join(SOURCE, name), 'utf8')
      .replace('ExecStart=/usr/bin/node', `ExecStart=${process.execPath}`)
      .replace('ExecStart=/opt/litellm/systemd/', `ExecStart=${SOURCE}/`);
    writeFileSync(join(dir, name), text);
    return join(dir, name);
  });
}

test('systemd finds nothing to say about the units of the agent', () => {
  expect(run('systemd-analyze', ['verify', ...copyUnits()])).toEqual({ status: 0, out: '' });
});

test('the agent is as confined as a service on the network can be, and root’s snapshot is not far behind', () => {
  const [agent = '', snapshot = ''] = copyUnits();
  const judge = (unit: string, tenths: number) =>
    run('systemd-analyze', ['security', '--offline=true', `--threshold=${tenths}`, unit]).status;

  expect([judge(agent, 15), judge(snapshot, 35)]).toEqual([0, 0]);
});

test('the agent belongs to no group that may speak to Docker, and cannot see its socket', () => {
  const unit = readFileSync(join(SOURCE, 'litellm-agent.service'), 'utf8');

  expect(unit).not.toMatch(/^SupplementaryGroups=/m);
  expect(unit).toMatch(/^User=litellm-agent$/m);
  expect(unit).toMatch(/^InaccessiblePaths=.*-\/run\/docker\.sock/m);
});

/** A docker that answers each command with the text in `answers`, or fails. */
function writeDocker(answers: Record<string, string>): string {
  const dir = join(folder.path, 'bin');
  mkdirSync(dir, { recursive: true });
  const cases = Object.entries(answers).map(([command, text]) => `${command}) cat <<'END'\n${text}\nEND\n;;`);
  writeFileSync(join(dir, 'docker'), `#!/bin/sh\ncase $1 in\n${cases.join('\n')}\n*) exit 1;;\nesac\n`);
  chmodSync(join(dir, 'docker'), 0o755);
  return dir;
}

function writeSnapshot(bin: string, file: string) {
  const certificate = join(folder.path, 'site.crt');
  const key = join(folder.path, 'site.key');
  run('openssl', [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-days',
    '59',
    '-subj',
    '/CN=llm.example.com',
    '-keyout',
    key,
    '-out',
    certificate,
  ]);
  const result = run(join(SOURCE, 'write-snapshot'), [], {
    PATH: `${bin}:${process.env.PATH}`,
    SNAPSHOT_FILE: file,
    CERTIFICATE_FILES: `${folder.path}/*.crt ${folder.path}/*.key /nowhere/*.pem`,
  });
  return { ...result, snapshot: parseSnapshot(readFileSync(file, 'utf8'), new Date()) };
}

test('the snapshot of Docker and the certificates is one that the agent reads', () => {
  const bin = writeDocker({
    ps: 'aaaa\nbbbb',
    inspect: [
      '{"kind":"container","name":"/litellm-nginx-1","image":"nginx:1","state":"running","health":"healthy","restartCount":1,"exitCode":0,"restartPolicy":"always"}',
      '{"kind":"container","name":"/litellm-litellm-migrate-1","image":"litellm:1","state":"exited","health":null,"restartCount":0,"exitCode":0,"restartPolicy":"no"}',
    ].join('\n'),
    stats: '{"kind":"stats","name":"litellm-nginx-1","cpu":"0.10%","memory":"9.5MiB / 128MiB"}',
  });

  const { status, out, snapshot } = writeSnapshot(bin, join(folder.path, 'snapshot.jsonl'));

  expect([status, out]).toEqual([0, '']);
  expect(snapshot.containers).toMatchObject({
    status: 'read',
    list: [
      { name: 'litellm-nginx-1', isWell: true, restartCount: 1, cpuPercent: 0.1 },
      { name: 'litellm-litellm-migrate-1', isWell: true, memoryBytes: null },
    ],
  });
  expect(snapshot.certificates).toHaveLength(1);
  const days = (Date.parse(snapshot.certificates[0]?.expiresAt ?? '') - Date.now()) / 86_400_000;
  expect(Math.round(days)).toBe(59);
  expect(readdirSync(folder.path).filter((name) => name.endsWith('.part'))).toEqual([]);
});

test('while Docker does not answer, the snapshot says nothing of the containers and still all of the certificates', () => {
  const { snapshot } = writeSnapshot(writeDocker({}), join(folder.path, 'without-docker.jsonl'));

  expect(snapshot.containers.status).toBe('unread');
  expect(snapshot.certificates).toHaveLength(1);
});

test('the agent’s key is made once, readable by its user alone, and its public half is printed each time', () => {
  const home = join(folder.path, 'identity');
  const user = run('id', ['-un']).out.trim();
  const lines = [1, 2].map(() => run(join(SOURCE, 'make-agent-identity'), [home, user]));

  expect(lines[0]).toMatchObject({
    status: 0,
    out: expect.stringMatching(/^AGENT_PUBLIC_KEY=[A-Za-z0-9_-]{43}\n$/),
  });
  expect(lines[1]?.out).toBe(lines[0]?.out);
  const x = createPublicKey(readFileSync(join(home, 'identity.pem'))).export({ format: 'jwk' }).x;
  expect(lines[0]?.out).toBe(`AGENT_PUBLIC_KEY=${x}\n`);
  expect(statSync(join(home, 'identity.pem')).mode & 0o777).toBe(0o400);
  expect(statSync(home).mode & 0o777).toBe(0o700);
});

test('the agent is installed at the first boot, told where to report later, and a repeat keeps its key and restarts nothing', () => {
  const at = (name: string) => join(folder.path, 'installed', name);
  for (const name of ['etc', 'units', 'bin']) mkdirSync(at(name), { recursive: true });
  writeFileSync(at('bin/systemctl'), `#!/bin/sh\necho "$@" >> ${at('systemctl.log')}\n`);
  chmodSync(at('bin/systemctl'), 0o755);
  const install = (...args: string[]) =>
    run(join(SOURCE, 'install-agent'), args, {
      PATH: `${at('bin')}:${process.env.PATH}`,
      LITELLM_ETC: at('etc'),
      SYSTEMD_UNITS: at('units'),
      AGENT_HOME: at('home'),
      LITELLM_AGENT_HOME: at('program'),
      AGENT_USER: run('id', ['-un']).out.trim(),
    });

  const first = install();
  const restartedAtFirst = readFileSync(at('systemctl.log'), 'utf8').includes('restart');
  const told = install('https://faas.example.com/control/agent', 'droplet-1');
  const countRestarts = () => readFileSync(at('systemctl.log'), 'utf8').match(/restart/g)?.length;
  const restartsOnceTold = countRestarts();
  const again = install('https://faas.example.com/control/agent', 'droplet-1');

  expect([first.status, told.status, restartedAtFirst]).toEqual([0, 0, false]);
  expect([again.status, restartsOnceTold, countRestarts()]).toEqual([0, 1, 1]);
  expect(told.out).toBe(first.out);
  expect(first.out).toMatch(/^AGENT_PUBLIC_KEY=/);
  expect(readdirSync(at('units')).sort()).toEqual([
    'litellm-agent.service',
    'litellm-snapshot.service',
    'litellm-snapshot.timer',
  ]);
  expect(readFileSync(at('etc/agent.env'), 'utf8')).toBe(
    'AGENT_URL=https://faas.example.com/control/agent\nDROPLET_ID=droplet-1\n',
  );
  expect(readFileSync(at('systemctl.log'), 'utf8')).toContain('restart litellm-agent.service\n');
  expect(statSync(at('program')).mode & 0o777).toBe(0o755);
});
