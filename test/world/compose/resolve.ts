// Resolves a compose file with the compose specification's own library, which `docker compose` is built on: main.go
// beside this, built once into the cache. No Docker engine takes part.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** With an empty module cache; a second build takes a second. */
const BUILD_LIMIT_MS = 300_000;
const CACHE = join(import.meta.dirname, '..', '..', '..', '.world', 'cache');

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
  const folder = join(resolve(CACHE), `compose-${digest.digest('hex').slice(0, 16)}`);
  const program = join(folder, 'compose');
  if (existsSync(program)) return program;
  mkdirSync(folder, { recursive: true });
  const unfinished = join(folder, `building-${process.pid}`);
  const { status, error, stderr } = spawnSync('go', ['build', '-mod=readonly', '-o', unfinished, '.'], {
    cwd: import.meta.dirname,
    encoding: 'utf8',
    timeout: BUILD_LIMIT_MS,
  });
  if (status !== 0) {
    throw new Error(
      `compose-go could not be built: ${error?.message ?? stderr}\nIt needs Go 1.24 or newer on the path ` +
        '(Debian 12 has 1.19, which cannot fetch a newer one by itself): see https://go.dev/dl.',
    );
  }
  // The whole file at once, so that a build that was cut short is not taken for one.
  renameSync(unfinished, program);
  return program;
}
