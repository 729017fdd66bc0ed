// Holds manifests to Kubernetes' own schemas, which the PyPI package kubernetes-validate carries. Installed once into
// the cache, in a Python environment of its own.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { run } from './litellm/install.ts';
import { findPython } from './litellm/python.ts';

const VERSION = '1.37.0';

/** Installs unless it is there, in about ten seconds, and returns the program. */
export async function installKubernetesValidate(cacheDir: string): Promise<string> {
  const folder = join(resolve(cacheDir), `kubernetes-validate-${VERSION}`);
  const [venv, marker] = [join(folder, 'venv'), join(folder, 'installed')];
  const program = join(venv, 'bin', 'kubernetes-validate');
  if (existsSync(marker) && spawnSync(program, ['--version']).status === 0) return program;
  const python = findPython();
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const logFile = join(folder, 'install.log');
  await run(python.command, ['-m', 'venv', venv], { logFile });
  const wanted = `kubernetes-validate==${VERSION}`;
  await run(join(venv, 'bin', 'python'), ['-m', 'pip', 'install', '--quiet', wanted], { logFile });
  writeFileSync(marker, '');
  return program;
}

/** What the schemas of one Kubernetes version, such as 1.34, have against the manifests in `file`. A field that they do
 *  not know is a problem. */
export function findSchemaProblems(program: string, file: string, kubernetesVersion: string): string[] {
  const args = ['--strict', '--quiet', '--kubernetes-version', kubernetesVersion, file];
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  const problems = `${stdout}${stderr}`.split('\n').filter((line) => line.trim() !== '');
  if (status !== 0 && problems.length === 0) return [`kubernetes-validate ended with ${status}`];
  return status === 0 ? [] : problems;
}
