// The local world as its user meets it: started twice, started where a port is taken, stopped, killed.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, expect, test } from 'vitest';
import { COMPANY_GROUP_IDS, seedUserId } from './tenant/seed.ts';
import { makeThrowAwayFolder } from './throw-away-folder.ts';
import { waitUntil } from './wait-until.ts';
import { startWorld, type World } from './world.ts';
import { createPortChooser, type WorldPorts } from './world-ports.ts';

const START = join(import.meta.dirname, 'start.ts');
const RUN = join(import.meta.dirname, '..', '..', 'scripts', 'run.mjs');
const CHLOE = seedUserId(3);
const clearUp: (() => unknown)[] = [];

afterEach(async () => {
  for (const work of clearUp.splice(0).reverse()) await work();
});

function makeFolder(): string {
  const folder = makeThrowAwayFolder();
  clearUp.push(folder.remove);
  return folder.path;
}

async function startFast(
  stateDir: string,
  ports: Partial<WorldPorts> = {},
  lines: string[] = [],
): Promise<World> {
  const world = await startWorld({
    stateDir,
    mode: 'fast',
    schedule: false,
    ports,
    log: (line) => lines.push(line),
  });
  clearUp.push(() => world.stop());
  return world;
}

async function syncReport(world: World) {
  const outcome = await world.syncNow();
  if (outcome.kind !== 'finished') throw new Error(outcome.message);
  return outcome.report;
}

test('a second start goes on with the people, the keys and the records of the first', async () => {
  const folder = makeFolder();
  const first = await startFast(folder);
  first.tenant.tenant.addMember(COMPANY_GROUP_IDS.devops, CHLOE);
  expect((await syncReport(first)).done.mint_key).toBe(27);
  await first.stop();

  const second = await startFast(folder);

  expect(second.isFirstStart).toBe(false);
  expect(second.tenant.tenant.findGroup(COMPANY_GROUP_IDS.devops)?.memberIds).toContain(CHLOE);
  expect(await syncReport(second)).toMatchObject({ status: 'succeeded', done: {} });
});

test('a fresh start begins with a new company and empty databases', async () => {
  const folder = makeFolder();
  const first = await startFast(folder);
  first.tenant.tenant.addMember(COMPANY_GROUP_IDS.devops, CHLOE);
  await syncReport(first);
  await first.stop();

  const second = await startWorld({
    stateDir: folder,
    mode: 'fast',
    schedule: false,
    fresh: true,
    log: () => undefined,
  });
  clearUp.push(() => second.stop());

  expect(second.isFirstStart).toBe(true);
  expect((await syncReport(second)).done).toMatchObject({ create_team: 4, mint_key: 26 });
});

test('a port that is taken is replaced, and the progress says so', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  clearUp.push(() => other.close());
  const { port } = other.address() as AddressInfo;
  const lines: string[] = [];

  const world = await startFast(makeFolder(), { litellm: port }, lines);

  expect(lines.join('\n')).toContain(
    `Port ${port} is taken; litellm gets ${new URL(world.addresses.litellm).port} instead`,
  );
  expect((await syncReport(world)).status).toBe('succeeded');
});

test('a port that somebody takes at the last moment is replaced as well', async () => {
  const lines: string[] = [];
  const usePort = createPortChooser({}, (line) => lines.push(line));
  const tried: number[] = [];

  const used = await usePort('functions', async (port) => {
    tried.push(port);
    if (tried.length === 1) throw Object.assign(new Error('taken'), { code: 'EADDRINUSE' });
    return port;
  });

  expect(tried).toHaveLength(2);
  expect(used).toBe(tried[1]);
  expect(lines).toEqual([`Port ${tried[0]} is taken; functions gets ${tried[1]} instead`]);
});

test('a second world in the same folder is refused at once, and the first goes on', async () => {
  const folder = makeFolder();
  const first = await startFast(folder);

  await expect(startFast(folder)).rejects.toThrow(`already runs from ${join(folder, 'fast')}`);

  expect((await syncReport(first)).status).toBe('succeeded');
});

test('a world that cannot be completed leaves nothing running', async () => {
  const folder = makeFolder();
  mkdirSync(join(folder, 'fast'));
  writeFileSync(join(folder, 'fast', 'litellm-fake.json'), 'cut off in the mid');
  const lines: string[] = [];

  await expect(startFast(folder, {}, lines)).rejects.toThrow(SyntaxError);

  expect(lines.join('\n')).toContain('PostgreSQL: ready');
  expect(descendantsOf(process.pid).filter((pid) => commandOf(pid).includes('postgres'))).toEqual([]);
});

test('Ctrl-C ends everything, says so and exits 0', async () => {
  const { parent, output } = await startProgram(RUN, ['start'], makeFolder());
  const children = descendantsOf(pidOf(parent));
  const exited = once(parent, 'exit');

  // As a terminal does: to every process of the group.
  process.kill(-pidOf(parent), 'SIGINT');

  expect((await exited)[0]).toBe(0);
  expect(output.join('\n')).toContain('Stopped; nothing is left running.');
  await untilGone(children);
});

test('Ctrl-C while it is starting ends everything and exits 0', async () => {
  const { parent } = await startProgram(RUN, ['start'], makeFolder(), /PostgreSQL: ready/);
  const children = descendantsOf(pidOf(parent));
  const exited = once(parent, 'exit');

  process.kill(-pidOf(parent), 'SIGINT');

  expect((await exited)[0]).toBe(0);
  await untilGone(children);
});

test('a world killed with -9 leaves no process, and the next start works', async () => {
  const folder = makeFolder();
  const { parent, output } = await startProgram(START, [], folder);
  await pressSync(output);
  const children = descendantsOf(pidOf(parent));
  expect(children.map(commandOf).join('\n')).toMatch(/launcher.*postgres|postgres.*launcher/s);

  parent.kill('SIGKILL');

  await untilGone(children);
  const world = await startFast(folder);
  expect(await syncReport(world)).toMatchObject({ status: 'succeeded', done: {} });
});

test('when the program that started it is killed with -9, the world ends by itself', async () => {
  const { parent } = await startProgram(RUN, ['start'], makeFolder());
  const children = descendantsOf(pidOf(parent));

  parent.kill('SIGKILL');

  await untilGone(children);
});

test('an unknown argument is answered with the help, and nothing starts', async () => {
  const parent = spawn(process.execPath, [START, '--fats'], { stdio: ['ignore', 'ignore', 'pipe'] });
  const lines = linesOf(parent.stderr);

  expect((await once(parent, 'close'))[0]).toBe(1);
  expect(lines.join('\n')).toMatch(/--fats.*npm start -- --fast/s);
});

/** Starts it in a group of its own and waits for a line. */
async function startProgram(program: string, args: readonly string[], folder: string, awaited = /^ready$/) {
  const parent = spawn(process.execPath, [program, ...args, '--fast', '--state', folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  clearUp.push(() => parent.kill('SIGKILL'));
  const output = linesOf(parent.stdout);
  await waitUntil(async () => output.some((line) => line.match(awaited)), {
    what: `No line ${awaited}`,
    limitMs: 30_000,
    everyMs: 20,
    explain: () => output.join('\n'),
  });
  return { parent, output };
}

function linesOf(stream: NodeJS.ReadableStream): string[] {
  const lines: string[] = [];
  createInterface({ input: stream }).on('line', (line) => lines.push(line));
  return lines;
}

/** So that a function's process runs as well. */
async function pressSync(output: readonly string[]): Promise<void> {
  const url = /Console\s+(\S+)/.exec(output.join('\n'))?.[1] ?? '';
  const response = await fetch(`${url}/sync`, { method: 'POST', headers: { origin: url } });
  expect(response.status).toBe(200);
}

function pidOf({ pid }: ChildProcess): number {
  if (pid === undefined) throw new Error('It was not started.');
  return pid;
}

function descendantsOf(pid: number): number[] {
  const parents = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => [Number(name), parentOf(Number(name))] as const);
  const below = (id: number): number[] =>
    parents.filter(([, parent]) => parent === id).flatMap(([child]) => [child, ...below(child)]);
  return below(pid);
}

function parentOf(pid: number): number | undefined {
  return Number(/^PPid:\s+(\d+)$/m.exec(readProc(pid, 'status'))?.[1]);
}

function commandOf(pid: number): string {
  return readProc(pid, 'cmdline').replaceAll('\0', ' ');
}

/** Empty for a process that is gone. */
function readProc(pid: number, file: 'status' | 'cmdline'): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}

async function untilGone(pids: readonly number[]): Promise<void> {
  expect(pids.length).toBeGreaterThan(2);
  // A process that ended but was not yet waited for by init has no command line.
  const left = () => pids.map((pid) => `${pid} ${commandOf(pid)}`).filter((line) => !/^\d+ $/.test(line));
  await waitUntil(async () => left().length === 0, {
    what: 'Processes are left',
    limitMs: 15_000,
    everyMs: 50,
    explain: () => left().join('\n'),
  });
}
