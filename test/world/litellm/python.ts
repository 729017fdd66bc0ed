// Finds a Python that can make the environment LiteLLM runs in.

import { spawnSync } from 'node:child_process';

export type Python = { readonly command: string; readonly version: string };

// Newest first. LiteLLM 1.106.2 declares 3.10 to 3.14; not every dependency has a wheel for 3.14 yet.
const COMMANDS = ['python3.13', 'python3.12', 'python3.11', 'python3.10', 'python3', '/usr/bin/python3'];
const PROBE = 'import sys, venv, ensurepip; print("%d.%d.%d" % sys.version_info[:3])';

/** The first usable Python of 3.10 to 3.13. Throws with the line to run when there is none. */
export function findPython(commands: readonly string[] = COMMANDS): Python {
  for (const command of commands) {
    const found = spawnSync(command, ['-c', PROBE], { encoding: 'utf8' });
    const version = found.stdout?.trim() ?? '';
    const [major = 0, minor = 0] = version.split('.').map(Number);
    if (found.status === 0 && major === 3 && minor >= 10 && minor <= 13) return { command, version };
  }
  throw new Error(
    'LiteLLM needs Python 3.10 to 3.13 with its venv module. On Debian or Ubuntu run ' +
      '`apt-get install -y python3 python3-venv`; without it use `npm start -- --fast`.',
  );
}
