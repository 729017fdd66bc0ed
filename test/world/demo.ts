// `npm run demo`: the whole story without a browser, on the real LiteLLM (`--fast`: on the fake), with a timeline of
// measured times. Ends with 0 only when every step held and no key was found where none may be.

import { join, resolve } from 'node:path';
import { createDatabase } from '../../lib/store/database.ts';
import { createStory } from './demo-story.ts';
import { findInFiles, findInTables } from './leak-search.ts';
import { startWorld, type World } from './world.ts';

const ROOT = resolve(import.meta.dirname, '..', '..');
const HELP = `npm run demo [-- --fast]
Plays joins, leaves, faults and a crash on a world of its own and prints a timeline. Needs about a minute, the first
time two. --fast uses the in-process LiteLLM.\n`;

const write = (text: string) => void process.stdout.write(text);

async function main(args: readonly string[]): Promise<number> {
  const unknown = args.filter((arg) => arg !== '--fast' && arg !== '--help');
  if (args.includes('--help') || unknown.length > 0) {
    write(unknown.length > 0 ? `Unknown: ${unknown.join(' ')}\n${HELP}` : HELP);
    return unknown.length > 0 ? 1 : 0;
  }
  const mode = args.includes('--fast') ? 'fast' : 'real';
  const name = `demo-${mode}`;
  const world = await startWorld({
    mode,
    name,
    fresh: true,
    schedule: false,
    withAgent: true,
    log: (line) => write(`${line}\n`),
  });
  const stop = () => void world.stop().finally(() => process.exit(130));
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  try {
    return await play(world, join(ROOT, '.world', name));
  } finally {
    await world.stop();
  }
}

async function play(world: World, folder: string): Promise<number> {
  const database = createDatabase({ url: world.controlDatabaseUrl });
  const keys = new Map();
  const began = performance.now();
  write(
    `\n${world.mode === 'real' ? 'Real LiteLLM' : 'Fake LiteLLM'}, real PostgreSQL, the deployed form of control/sync\n\n`,
  );
  try {
    const leaks = {
      title: 'no plaintext key in any file, row or log',
      play: () =>
        searchForKeys(
          world,
          folder,
          [...keys.values()].map((key) => key.reveal()),
        ),
    };
    for (const { title, play: step } of [...createStory({ world, database, keys }), leaks]) {
      const started = performance.now();
      try {
        const outcome = await step();
        line(began, started, 'ok', title, outcome);
      } catch (error) {
        line(began, started, 'FAILED', title, error instanceof Error ? error.message : String(error));
        for (const activation of world.host.activations().slice(-1))
          write(`${activation.logs.map((log) => `      ${log}\n`).join('')}`);
        return 1;
      }
    }
    write('\nEvery step held.\n');
    return 0;
  } finally {
    await database.close();
  }
}

async function searchForKeys(world: World, folder: string, keys: readonly string[]): Promise<string> {
  // Without the prefix, so that a key cut at its dash is found too.
  const needles = keys.map((key) => key.slice(3));
  const databases = ['control', 'litellm'];
  const rows = await Promise.all(
    databases.map((database) => findInTables(world.postgres.url(database), needles)),
  );
  const activations = world.host
    .activations()
    .filter((activation) => needles.some((needle) => JSON.stringify(activation).includes(needle)));
  const found = [
    ...findInFiles(folder, needles),
    ...rows.flat(),
    ...activations.map((activation) => activation.activationId),
  ];
  if (found.length > 0) throw new Error(`a key was found in ${found.join(', ')}`);
  return `${needles.length} keys searched for in every file, table and activation record`;
}

function line(began: number, started: number, state: string, title: string, outcome: string): void {
  const at = ((started - began) / 1000).toFixed(1).padStart(5);
  const took = ((performance.now() - started) / 1000).toFixed(2).padStart(5);
  write(`${at} s  ${state.padEnd(6)} ${title}  (${took} s)\n                 ${outcome}\n`);
}

process.exitCode = await main(process.argv.slice(2));
