// Gets a fresh checkout ready to run. Plain JavaScript for Node 20 and newer, because it runs before anything is
// installed. Afterwards NODE is the pinned Node 22 that everything else runs on.

import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import path from 'node:path';

export const ROOT = path.resolve(
  import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname),
  '..',
);

/** The Node that comes with `npm ci`; functions run on the same major version. */
export const NODE = path.join(ROOT, 'node_modules', '.bin', 'node');

const OLDEST_NODE = 20;
// What test/world/litellm/python.ts takes.
const PYTHONS = ['python3.13', 'python3.12', 'python3.11', 'python3.10', 'python3'];
const PYTHON_PROBE = 'import sys, venv, ensurepip; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))';

/** Checks what the machine must bring, then runs `npm ci` unless node_modules is up to date. Exits with one line
 *  that says what to do when something is missing. */
export function ensureInstalled({ needsPython }) {
  const major = Number(process.versions.node.split('.')[0]);
  if (major < OLDEST_NODE) {
    stop(`Node ${OLDEST_NODE} or newer is needed, this is ${process.versions.node}: see https://nodejs.org`);
  }
  if (needsPython && !PYTHONS.some((command) => spawnSync(command, ['-c', PYTHON_PROBE]).status === 0)) {
    stop(
      'The real LiteLLM needs Python 3.10 to 3.13 with its venv module. On Debian or Ubuntu: ' +
        '`apt-get install -y python3 python3-venv`. Or take the fake LiteLLM: `npm start -- --fast`.',
    );
  }
  if (isInstalled()) return;
  process.stdout.write('Installing the packages of package-lock.json (npm ci)\n');
  const { status, error } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], {
    cwd: ROOT,
    stdio: 'inherit',
  });
  if (status !== 0)
    stop(`npm ci failed${error ? ` (${error.message})` : ''}; correct what it says above and start again.`);
  if (!existsSync(NODE)) {
    stop('npm ci did not install Node 22: install scripts are off. Run `npm ci --ignore-scripts=false`.');
  }
}

/** npm writes its hidden lockfile last, so a whole install is newer than the lockfile it came from. */
function isInstalled() {
  const installed = path.join(ROOT, 'node_modules', '.package-lock.json');
  if (!existsSync(installed) || !existsSync(NODE)) return false;
  return statSync(installed).mtimeMs >= statSync(path.join(ROOT, 'package-lock.json')).mtimeMs;
}

function stop(line) {
  process.stderr.write(`${line}\n`);
  process.exit(1);
}
