// `npm test`: every step is named as the fact it proves, the first that does not hold ends the run, and the last line
// of the whole output is `N passed, N failed`. Plain JavaScript: it starts on the system's Node and runs the rest on
// the pinned Node 22.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { ensureInstalled, NODE, ROOT } from './ensure-installed.mjs';
import { ensureSystemPackages } from './system-packages.mjs';

const GENERATOR = 'scripts/generate.ts';

const steps = [
  ['The system has what the tests need', () => ensureSystemPackages()],
  [
    'Code is formatted and without forbidden patterns',
    () => runPackage('@biomejs/biome/bin/biome', 'check', '.'),
  ],
  ['Types hold', () => runPackage('typescript/bin/tsc')],
  [
    'Generated files are in sync with what they are generated from',
    () => existsSync(path.join(ROOT, GENERATOR)) && runNode(GENERATOR, '--check'),
  ],
];

ensureInstalled({ needsPython: true });
for (const [fact, prove] of steps) {
  process.stdout.write(`\n== ${fact}\n`);
  try {
    prove();
  } catch (error) {
    process.stderr.write(`${error.message}\nThis does not hold: ${fact}. No test was run.\n`);
    process.stdout.write('0 passed, 1 failed\n');
    process.exit(1);
  }
}

// Tests named on the command line run alone: `npm test -- test/sync`.
process.stdout.write('\n== The product keeps its promises\n');
const vitest = ['node_modules/vitest/vitest.mjs', 'run', ...process.argv.slice(2)];
// test/reporter.ts writes the closing line.
process.exitCode = spawnNode(vitest).status ?? 1;

function runPackage(file, ...args) {
  runNode(path.join('node_modules', file), ...args);
}

function runNode(...args) {
  const { status, signal } = spawnNode(args);
  if (status !== 0) throw new Error(`${args.join(' ')} ended with ${status ?? signal}.`);
}

function spawnNode(args) {
  return spawnSync(NODE, args, { cwd: ROOT, stdio: 'inherit' });
}
