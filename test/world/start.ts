// `npm start`: the local world with its console, until Ctrl-C.

import { parseArgs } from 'node:util';
import { type Console, startConsole } from './console/server.ts';
import { startWorld, type World } from './world.ts';
import { USUAL_PORTS } from './world-ports.ts';

const HELP = `Starts the local world: a simulated Microsoft 365 tenant, PostgreSQL, LiteLLM, the functions and a console.

  npm start                 with the real LiteLLM (needs Python 3.10 to 3.13; installed once into .world)
  npm start -- --fast       with an in-process fake of LiteLLM: ready in a second or two
  npm start -- --fresh      forgets what the last start left, and begins with a new company
  npm start -- --state DIR  keeps everything in DIR instead of .world
  npm start -- --help       this text

A second start goes on where the last one ended. Everything lies in .world and listens on 127.0.0.1; Ctrl-C ends all of it.
`;

const say = (line: string) => void process.stdout.write(`${line}\n`);

let console: Console | undefined;
let world: World | undefined;
let isEnding = false;

const options = readOptions();
if (options?.help) say(HELP);
else if (options) await run(options);

async function run({
  fast,
  fresh,
  state,
}: {
  fast: boolean;
  fresh: boolean;
  state?: string | undefined;
}): Promise<void> {
  const mode = fast ? 'fast' : 'real';
  // A second Ctrl-C is the same one, handed on by scripts/run.mjs.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void end());
  // scripts/run.mjs is gone, however it ended.
  process.on('disconnect', () => void end());
  try {
    say(`Starting the local world${mode === 'fast' ? ' with the fake LiteLLM' : ''} …`);
    world = await startWorld({
      mode,
      fresh,
      schedule: true,
      withAgent: true,
      ports: USUAL_PORTS,
      log: say,
      ...(state ? { stateDir: state } : {}),
    });
    const started = world;
    console = await world.usePort('console', (port) => startConsole(started, port));
    say(describeWorld(world, console.url));
  } catch (error) {
    if (isEnding) return;
    process.stderr.write(`\n${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  }
}

/** Ends everything, once. What is only just starting ends with this process. */
async function end(): Promise<void> {
  if (isEnding) return;
  isEnding = true;
  say('\nStopping …');
  await console?.close();
  await world?.stop();
  say('Stopped; nothing is left running. The next `npm start` goes on from here.');
  process.exit(0);
}

function describeWorld({ addresses, mode, isFirstStart }: World, consoleUrl: string): string {
  const rows = [
    ['Console', consoleUrl],
    ['LiteLLM', `${addresses.litellm}${mode === 'fast' ? '  (the fake one)' : ''}`],
    ...(mode === 'fast'
      ? []
      : [
          [
            'LiteLLM’s pages',
            `${addresses.litellm}/ui  (user admin, password: masterKey in .world/real/secrets.json)`,
          ],
        ]),
    ['Portal', `${addresses.portal}  (the browser warns of the simulated Microsoft’s certificate once)`],
    ['Teams channel', addresses.teams],
    ['Functions API', addresses.functions],
    ['Microsoft 365', addresses.tenant],
  ];
  return [
    '',
    ...rows.map(([name = '', value = '']) => `  ${name.padEnd(16)}${value}`),
    '',
    isFirstStart
      ? 'Open the console and press “Sync now”: 25 people get their teams and keys. Then let someone leave, and watch Microsoft’s notification take effect.'
      : 'Open the console; the company is as you left it.',
    'Ctrl-C stops everything.',
    'ready',
  ].join('\n');
}

function readOptions() {
  const flag = { type: 'boolean', default: false } as const;
  try {
    return parseArgs({ options: { fast: flag, fresh: flag, help: flag, state: { type: 'string' } } }).values;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${HELP}`);
    process.exitCode = 1;
    return undefined;
  }
}
