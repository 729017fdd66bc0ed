// The shipped steps, all of them and in their order, twice.

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type InstallRoot, makeInstallRoot } from './install-root.ts';
import { DROPLET } from './paths.ts';
import type { ShellResult } from './run-shell.ts';
import { prepareWholeInstall, unpackDroplet, type WholeInstall } from './whole-install.ts';

let root: InstallRoot;
let whole: WholeInstall;
let results: ShellResult[];
let asked: string[][];
let files: Record<string, string>[];
const folder = (...names: string[]) => join(root.state, '..', ...names);

beforeAll(async () => {
  root = makeInstallRoot();
  await unpackDroplet(folder('opt'));
  whole = prepareWholeInstall(folder());
  [results, asked, files] = [[], [], []];
  for (let run = 0; run < 2; run += 1) {
    const result = await whole.run();
    if (result.status !== 0) throw new Error(result.stderr);
    results.push(result);
    asked.push(whole.asked());
    files.push(readAll());
  }
}, 120_000);
afterAll(() => root.remove());

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
  const { status, stderr } = await whole.run();

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
