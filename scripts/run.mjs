// `npm start`, `npm run demo` and `npm run bench` on a fresh checkout: installs what is missing, then runs the program
// on Node 22 with the arguments given. Plain JavaScript for Node 20 and newer.

import { spawn } from 'node:child_process';
import path from 'node:path';
import { ensureInstalled, NODE, ROOT } from './ensure-installed.mjs';

const PROGRAMS = {
  start: 'test/world/start.ts',
  demo: 'test/world/demo.ts',
  bench: 'test/bench/main.ts',
};

const [name = '', ...args] = process.argv.slice(2);
const program = PROGRAMS[name];
if (program === undefined) {
  process.stderr.write(`Run it as: node scripts/run.mjs ${Object.keys(PROGRAMS).join('|')} [arguments]\n`);
  process.exit(1);
}
const isOnlyFast = args.includes('--fast') || args.includes('--help');
// A bench that needs LiteLLM asks for Python itself; others do without.
ensureInstalled({ needsPython: name !== 'bench' && !isOnlyFast });

// Over the channel the program notices that we are gone, whatever ended us.
const child = spawn(NODE, ['--disable-warning=ExperimentalWarning', path.join(ROOT, program), ...args], {
  stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
});
// Ctrl-C reaches the program by itself, because it is in our terminal's group. A signal to us alone is handed on, so
// the program may see Ctrl-C twice and has to take that for one.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('error', (error) => {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
});
child.on('exit', (code) => {
  process.exitCode = code ?? 1;
});
