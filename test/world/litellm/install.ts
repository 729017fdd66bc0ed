// Installs the real LiteLLM into a cache: a Python environment with one pinned version, and the npm packages of
// the query engine beside it. A marker written last tells a whole install from a half one, which is redone.

import { type SpawnOptions, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, dirname, join, resolve } from 'node:path';
import { findPython } from './python.ts';

/** The newest version that installs whole and is older than the compromised 1.107.0 (facts of 2026-11-23). */
export const LITELLM_VERSION = '1.106.2';

export type InstallOptions = {
  /** Shared by all worlds of a checkout. */
  readonly cacheDir: string;
  readonly log: (line: string) => void;
};

export type LiteLLMInstall = {
  readonly python: string;
  /** Holds the engine's node_modules. */
  readonly engineDir: string;
  /** The Prisma command line and its downloads stay in here instead of in the home directory. */
  readonly prismaDir: string;
  readonly sitePackages: string;
  /** Exists once the Prisma client has been generated into this install. */
  readonly generatedMarker: string;
};

const ENGINE_FILES = join(import.meta.dirname, 'engine');

/** Installs unless it is there. Needs python3 >= 3.10 with venv, npm, and the registries; about a minute. */
export async function installLiteLLM(options: InstallOptions): Promise<LiteLLMInstall> {
  const root = join(resolve(options.cacheDir), `litellm-${LITELLM_VERSION}`);
  const venv = join(root, 'venv');
  const install = {
    python: join(venv, 'bin', 'python'),
    engineDir: join(root, 'engine'),
    prismaDir: join(root, 'prisma'),
    generatedMarker: join(root, 'prisma-client-generated'),
  };
  const marker = join(root, 'installed.json');
  const logFile = join(root, 'install.log');
  const wanted = digestOfWhatIsInstalled();
  let installed = readMarker(marker);
  if (installed?.digest !== wanted || !canRun(install.python)) {
    const python = findPython();
    rmSync(root, { recursive: true, force: true });
    mkdirSync(install.engineDir, { recursive: true });
    options.log(`LiteLLM: installing ${LITELLM_VERSION} for Python ${python.version} (once, about a minute)`);
    await Promise.all([
      installPython(python.command, venv, logFile),
      installEngine(install.engineDir, logFile),
    ]);
    const ask = ['-c', 'import sysconfig; print(sysconfig.get_paths()["purelib"])'];
    const sitePackages = spawnSync(install.python, ask, { encoding: 'utf8' }).stdout.trim();
    installed = { digest: wanted, sitePackages };
    writeFileSync(marker, JSON.stringify(installed));
  }
  return { ...install, sitePackages: installed.sitePackages };
}

async function installPython(python: string, venv: string, logFile: string): Promise<void> {
  await run(python, ['-m', 'venv', venv], { logFile });
  await run(join(venv, 'bin', 'python'), ['-m', 'pip', 'install', '--quiet', 'uv'], { logFile });
  const wanted = `litellm[proxy,extra-proxy]==${LITELLM_VERSION}`;
  const target = ['--python', join(venv, 'bin', 'python')];
  await run(join(venv, 'bin', 'uv'), ['pip', 'install', '--quiet', ...target, wanted], { logFile });
}

async function installEngine(engineDir: string, logFile: string): Promise<void> {
  for (const file of ['package.json', 'package-lock.json']) {
    copyFileSync(join(ENGINE_FILES, file), join(engineDir, file));
  }
  await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: engineDir, logFile });
}

/** Runs a command to its end; its output goes to the log, the log's tail into the error. */
export async function run(
  command: string,
  args: readonly string[],
  { logFile, ...options }: SpawnOptions & { readonly logFile: string },
): Promise<void> {
  appendFileSync(logFile, `$ ${command} ${args.join(' ')}\n`);
  const env = { ...process.env, ...options.env };
  env.PATH = `${dirname(process.execPath)}${delimiter}${env.PATH ?? ''}`;
  const child = spawn(command, args, { ...options, env, stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout?.on('data', (chunk: Buffer) => appendFileSync(logFile, chunk));
  child.stderr?.on('data', (chunk: Buffer) => appendFileSync(logFile, chunk));
  const [code] = await once(child, 'close');
  if (code !== 0) {
    const tail = readFileSync(logFile, 'utf8').split('\n').slice(-15).join('\n');
    throw new Error(`${command} ${args[0]} failed with ${code}; the end of ${logFile}:\n${tail}`);
  }
}

function readMarker(file: string): { digest: string; sitePackages: string } | undefined {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
}

function canRun(python: string): boolean {
  return spawnSync(python, ['-c', '']).status === 0;
}

function digestOfWhatIsInstalled(): string {
  const lock = readFileSync(join(ENGINE_FILES, 'package-lock.json'));
  return createHash('sha256').update(LITELLM_VERSION).update(lock).digest('hex');
}
