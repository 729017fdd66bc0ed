// A real Chromium for tests, from the system's packages.

import { spawnSync } from 'node:child_process';
import { type Browser, chromium } from 'playwright-core';

// No sandbox, because CI runs as root, where Chromium has none; without the background flags it looks for its maker's
// hosts at every start.
const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Starts Chromium with an empty profile. `moreArguments` are of its own command line. */
export function startBrowser(moreArguments: readonly string[] = []): Promise<Browser> {
  const { stdout } = spawnSync('sh', ['-c', 'command -v chromium'], { encoding: 'utf8' });
  return chromium.launch({ executablePath: stdout.trim(), args: [...ARGUMENTS, ...moreArguments] });
}
