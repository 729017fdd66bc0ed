// The parts of the droplet were written apart and find each other by names: every path that one expects, another one makes;
// services, units and the project are called alike everywhere. Tried on what a real installation leaves in its root.

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { type InstallRoot, makeInstallRoot } from './install-root.ts';
import { ROOT } from './paths.ts';
import { prepareWholeInstall, unpackDroplet } from './whole-install.ts';

let root: InstallRoot;
const at = (...names: string[]) => join(root.state, '..', ...names);
beforeAll(async () => {
  root = makeInstallRoot();
  await unpackDroplet(at('opt'));
  const { status, stderr } = await prepareWholeInstall(at()).run();
  if (status !== 0) throw new Error(stderr);
}, 120_000);
afterAll(() => root.remove());

const listFiles = (dir: string) =>
  readdirSync(join(ROOT, dir), { recursive: true, encoding: 'utf8' })
    .map((name) => join(dir, name))
    .filter((name) => !/^droplet\/(scale|agent\/bundle)\//.test(name) && statSync(join(ROOT, name)).isFile());
const files = ['droplet', 'lib/platform', 'lib/provision', 'lib/cli'].flatMap(listFiles);
const read = (name: string) => readFileSync(join(ROOT, name), 'utf8');

/** Where the root of the test keeps each folder of the droplet. */
const FOLDERS: Readonly<Record<string, string>> = {
  '/opt/litellm': 'opt',
  '/opt/litellm-agent': 'agent',
  '/etc/litellm': 'etc',
  '/var/lib/litellm': 'state',
  '/var/lib/litellm-agent': 'agent-home',
  '/mnt/litellm-data': 'data',
  '/run/litellm-postgres': 'sockets',
};
/** What the installation does not make: by which file it comes, with the words that make it; or by a person. */
const MADE_OTHERWISE: readonly (readonly [RegExp, file: string, words: string])[] = [
  [/^\/opt\/litellm-agent\/agent\.cjs$/, 'droplet/upgrade/ship-agent', 'mv -f agent.cjs.new agent.cjs'],
  [/^\/etc\/litellm\/agent\.env$/, 'droplet/systemd/install-agent', 'put "$etc/agent.env"'],
  [
    /^\/run\/litellm(\/snapshot\.jsonl)?$/,
    'droplet/systemd/litellm-snapshot.service',
    'RuntimeDirectory=litellm',
  ],
  [/^\/var\/lib\/litellm\/first-boot\//, 'droplet/cloud-init/first-boot', '$progress/state'],
  [
    /^\/var\/lib\/litellm\/droplet\.tar$/,
    'droplet/cloud-init/user-data.yaml',
    'path: /var/lib/litellm/droplet.tar',
  ],
  [/^\/mnt\/litellm-data\/upgrade\/litellm\.dump$/, 'droplet/upgrade/session', '$data/upgrade/litellm.dump'],
  [/^\/etc\/litellm\/stack\.env$/, 'docs/droplet.md', 'COMPOSE_PROFILES=valkey'],
];

test('every path that a part of the droplet or `lcp` expects there, another part makes', () => {
  const expected = files.flatMap((file) =>
    [...read(file).matchAll(/(?<![\w.$}/])\/(?:opt|etc|var\/lib|run|mnt)\/litellm[\w./-]*/g)].map(
      ([found]) => ({ file, path: found.replace(/[./-]+$/, '') }),
    ),
  );
  const isMade = (path: string) => {
    const folder = Object.keys(FOLDERS).find((name) => path === name || path.startsWith(`${name}/`));
    if (folder !== undefined && existsSync(at(FOLDERS[folder] ?? '', path.slice(folder.length)))) return true;
    return MADE_OTHERWISE.some(([pattern, file, words]) => pattern.test(path) && read(file).includes(words));
  };

  expect(expected.length).toBeGreaterThan(50);
  expect(isMade('/etc/litellm/nobody-makes-this')).toBe(false);
  expect(expected.filter(({ path }) => !isMade(path))).toEqual([]);
});

test('the agent is started by the Node that cloud-init installs, on the program that is shipped', () => {
  const unit = read('droplet/systemd/litellm-agent.service');
  const ship = read('droplet/upgrade/ship-agent');

  // The deb of NodeSource, like Debian's own, has it at /usr/bin/node.
  expect(read('droplet/cloud-init/steps/30-node')).toMatch(/install -y nodejs$/m);
  expect(unit).toMatch(/^ExecStart=\/usr\/bin\/node .*\/opt\/litellm-agent\/agent\.cjs$/m);
  expect(ship).toContain('LITELLM_AGENT_HOME:-/opt/litellm-agent}');
  expect(ship).toContain('LITELLM_AGENT_UNIT:-litellm-agent}');
});

test('compose’s project, its services and our units are called alike by everybody', () => {
  const compose = parse(read('droplet/compose.yml')) as { name: string; services: Record<string, unknown> };
  const services = Object.keys(compose.services);
  const scripts = files.filter((file) =>
    /^droplet\/(upgrade|install|systemd|postgres|certificate)\//.test(file),
  );
  const text = scripts.map(read).join('\n');
  const upgrade = read('droplet/upgrade/session');

  const asked = [
    ...upgrade.matchAll(/\bcompose (?:stop|(?:run|up|exec)(?: -\S+| LITELLM_GATE=\S+)+) ([a-z-]+)/g),
  ].map(([, name = '']) => name);
  expect([...new Set(asked)].sort()).toEqual(['litellm', 'litellm-migrate', 'postgres']);
  expect(asked.filter((name) => !services.includes(name))).toEqual([]);
  const containers = [...text.matchAll(/\blitellm-([a-z-]+)-1\b/g)].map(([, name = '']) => name);
  expect(containers.filter((name) => !services.includes(name))).toEqual([]);
  const projects = files.flatMap((file) =>
    [...read(file).matchAll(/docker compose -p (\S+)/g)].map(([, name]) => name),
  );
  expect(new Set(projects)).toEqual(new Set([compose.name]));

  const units = [...(text + upgrade).matchAll(/\blitellm-[a-z]+\.(?:service|timer)\b/g)].map(
    ([name]) => name,
  );
  expect(units).toContain('litellm-stack.service');
  expect(units.filter((name) => !existsSync(at('units', name)))).toEqual([]);
});
