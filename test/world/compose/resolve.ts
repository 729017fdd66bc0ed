// Resolves a compose file with the compose specification's own library, which `docker compose` is built on: main.go
// beside this, built once into the cache. No Docker engine takes part.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildWithGo } from '../go.ts';

export type ResolveOptions = {
  /** Several, each on top of the one before, are joined by `:` as COMPOSE_FILE has them. */
  readonly file: string;
  /** As `docker compose --env-file` takes them; the later wins. */
  readonly envFiles?: readonly string[];
  readonly environment?: NodeJS.ProcessEnv;
};

/** The model as `docker compose config --format json` shows it. Throws with what compose says. */
export function resolveCompose({ file, envFiles = [], environment = {} }: ResolveOptions): unknown {
  const { status, stdout, stderr } = spawnSync(buildProgram(), [file, ...envFiles], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...environment },
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr.trim());
  return JSON.parse(stdout);
}

function buildProgram(): string {
  const digest = createHash('sha256');
  for (const file of ['main.go', 'go.mod', 'go.sum'])
    digest.update(readFileSync(join(import.meta.dirname, file)));
  const folder = buildWithGo({
    name: `compose-${digest.digest('hex').slice(0, 16)}`,
    args: (unfinished) => ['build', '-mod=readonly', '-o', join(unfinished, 'compose'), '.'],
    cwd: import.meta.dirname,
  });
  return join(folder, 'compose');
}
