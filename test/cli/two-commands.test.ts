// From nothing to an agent that knows where to report, by `lcp provision` and `lcp deploy`: the double of DigitalOcean, a
// real sshd, and a droplet that is installed by the files its user_data brought. Docker, systemd and doctl are stand-ins.

import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseEnv } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { Clock } from '../../lib/clock.ts';
import { FROM_DROPLET } from '../../lib/provision/settings-file.ts';
import { Secret } from '../../lib/secret.ts';
import { applyMigrations } from '../../lib/store/migrate.ts';
import { DROPLET } from '../droplet/paths.ts';
import { writeStandIn } from '../droplet/run-shell.ts';
import { prepareWholeInstall } from '../droplet/whole-install.ts';
import { type DropletSshd, startDropletSshd } from '../provision/droplet-sshd.ts';
import { createDigitalOceanDouble } from '../world/digitalocean/start.ts';
import { type Postgres, startPostgres } from '../world/postgres.ts';
import { makeThrowAwayFolder } from '../world/throw-away-folder.ts';
import { type Deployer, makeDeployer } from './deploy-fixture.ts';
import { runLcp } from './run-lcp.ts';

const STAND_INS = path.resolve(import.meta.dirname, '..', 'droplet', 'stand-ins');
const folder = makeThrowAwayFolder();
const cloud = createDigitalOceanDouble();
const agentLog = path.join(folder.path, 'systemd');
let api: Awaited<ReturnType<typeof cloud.listen>>;
let postgres: Postgres;
let droplet: DropletSshd;
let deployer: Deployer;
beforeAll(async () => {
  api = await cloud.listen();
  postgres = await startPostgres({ dir: folder.path, log: () => undefined });
  await postgres.createDatabase('control');
  await applyMigrations(new Secret(postgres.url('control')));
  const docker = writeStandIn(
    path.join(folder.path, 'bin'),
    'docker',
    `echo "docker $*" >>'${folder.path}/docker'`,
  );
  droplet = await startDropletSshd((root) => ({
    ...prepareWholeInstall(root, path.join(root, 'opt', 'litellm')).environment,
    PATH: `${docker}:${STAND_INS}:/usr/bin:/bin`,
    STAND_IN_STATE: agentLog,
    LITELLM_AGENT_WATCH: '1',
  }));
  deployer = await makeDeployer(postgres.url('control'));
  cpSync(DROPLET, at('droplet'), { recursive: true });
  mkdirSync(at('droplet/agent/bundle'), { recursive: true });
  writeFileSync(at('droplet/agent/bundle/agent.cjs'), 'the agent');
  deployer.variables.PATH = `${deployer.variables.PATH?.split(':')[0]}:${droplet.sshd.variables().PATH}`;
}, 60_000);
afterAll(async () => {
  await deployer?.stop();
  await droplet?.close();
  await postgres?.stop();
  await api?.close();
  folder.remove();
});

/** A file of the checkout. */
const at = (name: string) => path.join(deployer.root, name);
const settings = () => parseEnv(readFileSync(at('.env'), 'utf8')) as Record<string, string>;

/** What cloud-init and the first boot do with the user_data of the droplet that was made. */
async function boot(): Promise<void> {
  const [made] = cloud.state.droplets.values();
  const config = parse(made?.user_data ?? '') as { write_files: { path: string; content: string }[] };
  const contentOf = (file: string) => config.write_files.find((one) => one.path === file)?.content ?? '';
  const home = path.join(droplet.folder, 'opt', 'litellm');
  mkdirSync(home, { recursive: true });
  const archive = Buffer.from(contentOf('/var/lib/litellm/droplet.tar'), 'base64');
  execFileSync('tar', ['-xzf', '-', '-C', home], { input: archive });
  const whole = prepareWholeInstall(droplet.folder, home);
  writeFileSync(path.join(droplet.folder, 'etc', 'droplet.env'), contentOf('/etc/litellm/droplet.env'));
  const { status, stderr } = await whole.run();
  if (status !== 0) throw new Error(stderr);
  droplet.place('/var/lib/litellm/first-boot/state', 'done\n');
}

let isBooted = false;
let nowMs = Date.parse('2026-11-25T12:00:00Z');
/** While `lcp` waits for the droplet, it boots. */
const clock: Clock = {
  now: () => new Date(nowMs),
  sleep: async (durationMs) => {
    nowMs += durationMs;
    if (isBooted || cloud.state.droplets.size === 0) return;
    isBooted = true;
    await boot();
  },
};

function provision() {
  const args = ['--file', at('droplet/droplet.yml'), '--env-file', at('.env'), '--apply', '--yes'];
  const variables = {
    ...droplet.sshd.variables(),
    DIGITALOCEAN_TOKEN: cloud.token.reveal(),
    DIGITALOCEAN_API_URL: api.baseUrl,
  };
  return runLcp(['provision', ...args], { variables, clock });
}

/** What only the real world can do: the name of the database host leads nowhere here. */
const NOT_HERE = ['CONTROL_DATABASE_URL', 'DATA_PLANE_CA', 'OPERATOR_CLIENT_IDENTITY'];
/** With the settings that provisioning took over. */
function deploy() {
  const taken = Object.entries(settings()).filter(
    ([name]) => (FROM_DROPLET.test(name) || name === 'DROPLET_SSH') && !NOT_HERE.includes(name),
  );
  Object.assign(deployer.values, Object.fromEntries(taken));
  return deployer.run();
}

const writes = () => [
  ...cloud.requests.filter(({ method }) => method !== 'GET').map(({ method, path: to }) => `${method} ${to}`),
  ...deployer.cloud.requests.filter((request) => !request.startsWith('GET')),
];
const restarts = () => readFileSync(path.join(agentLog, 'calls'), 'utf8').match(/restart/g)?.length;
const filesOf = (dir: string) =>
  readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .sort()
    .map((name) => path.join(dir, name))
    .filter((name) => statSync(name).isFile())
    .map((name) => [name, readFileSync(name, 'utf8')]);
const everything = () => ({
  writes: writes(),
  restarts: restarts(),
  reloads: readFileSync(path.join(folder.path, 'docker'), 'utf8').match(/HUP nginx/g)?.length,
  droplet: filesOf(path.join(droplet.folder, 'etc')),
  agent: filesOf(path.join(droplet.folder, 'agent')),
  env: readFileSync(at('.env'), 'utf8'),
  knownHosts: readFileSync(at('droplet/known_hosts'), 'utf8'),
});

test('the first command makes the droplet, follows it until the stack is up and fills in every setting it has', async () => {
  // As a newcomer has it: .env.example with the token filled in.
  cpSync(path.resolve(DROPLET, '..', '.env.example'), at('.env'));

  const { code, out, err } = await provision();

  expect([code, err]).toEqual([0, expect.stringContaining('first boot: done')]);
  expect(out).not.toContain('left as it was');
  expect(settings()).toMatchObject({
    PUBLIC_BASE_URL: 'https://llm.example.com',
    DROPLET_SSH: expect.stringMatching(/^root@203\.0\.113\.\d+$/),
    AGENT_DATABASE_URL: expect.stringContaining('postgres://control_agent:'),
    AGENT_PUBLIC_KEY: expect.stringMatching(/^[\w-]{43}$/),
    LITELLM_DATABASE_URL: expect.stringContaining('litellm_reader'),
  });
});

test('the second one deploys the functions and leaves the agent with its program, its key and its address', async () => {
  const { code, out, err } = await deploy();

  expect([code, err]).toEqual([0, expect.any(String)]);
  expect(out).toContain('agent: the agent was replaced, restarted and stayed up');
  expect(readFileSync(path.join(droplet.folder, 'agent', 'agent.cjs'), 'utf8')).toBe('the agent');
  const { DO_API_HOST, DO_NAMESPACE } = deployer.values;
  const address = `${DO_API_HOST}/api/v1/web/${DO_NAMESPACE}/control`.replace('http:', 'https:');
  const read = (name: string) => readFileSync(path.join(droplet.folder, 'etc', name), 'utf8');
  expect(read('agent.env')).toContain(`AGENT_URL=${address}/agent\n`);
  expect(read('site.env')).toContain(`PORTAL_WEB_URL=${address}/portal\n`);
  expect(read('nginx/http/upstreams.conf')).toContain(new URL(address).host);
});

test('both once more change nothing: not in the cloud, not on the droplet, not here', async () => {
  const before = everything();

  expect((await provision()).code).toBe(0);
  const { code, out } = await deploy();

  expect([code, out]).toEqual([0, expect.stringContaining('the agent there is this one, and it is up')]);
  expect(everything()).toEqual(before);
  expect(cloud.requests.map(({ method }) => method)).not.toContain('DELETE');
});

test('an agent with another key than control/agent was given is refused, with the line for .env', async () => {
  const before = deployer.values.AGENT_PUBLIC_KEY ?? '';
  writeFileSync(at('.env'), readFileSync(at('.env'), 'utf8').replace(before, 'B'.repeat(43)));

  const { code, err } = await deploy();

  writeFileSync(at('.env'), readFileSync(at('.env'), 'utf8').replace('B'.repeat(43), before));
  expect([code, err]).toEqual(['DROPLET_REFUSED', expect.stringContaining(`AGENT_PUBLIC_KEY=${before}`)]);
});

test('a host with another key at the droplet’s address gets nothing', async () => {
  await droplet.sshd.changeHostKey();

  const { code, err } = await deploy();

  expect([code, err]).toEqual([
    'DROPLET_UNREACHABLE',
    expect.stringContaining('Its host key is the one of droplet-'),
  ]);
});
