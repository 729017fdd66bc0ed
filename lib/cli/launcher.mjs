#!/usr/bin/env node
// Starts the CLI on the Node this project pins (22), with .env if there is one. Plain JavaScript, because it runs
// on whatever Node the machine has.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = new URL('../../', import.meta.url);
const node = fileURLToPath(new URL('node_modules/.bin/node', root));
if (!existsSync(node)) {
  process.stderr.write('lcp: not installed yet; run `npm ci` first.\n');
  process.exit(1);
}
const settings = existsSync('.env') ? ['--env-file=.env'] : [];
const args = [
  '--disable-warning=ExperimentalWarning',
  ...settings,
  fileURLToPath(new URL('lcp.ts', import.meta.url)),
];
const child = spawn(node, [...args, ...process.argv.slice(2)], { stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(code ?? (signal ? 1 : 0)));
