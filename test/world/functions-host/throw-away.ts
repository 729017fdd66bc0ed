// Small functions for tests, written to a temporary folder with a project.yml that deploys them.

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createLocalFunctionsHost, type LocalFunctionsHost, type LocalFunctionsHostOptions } from './host.ts';

export type ThrowAwayFunction = {
  /** CommonJS. */
  readonly code: string;
  /** Further keys of project.yml in flow style, such as `web: raw, limits: {timeout: 500}`. */
  readonly settings?: string;
};

export type ThrowAwayProject = {
  readonly folder: string;
  readonly projectFile: string;
  readonly functionsDir: string;
  start(options?: Partial<LocalFunctionsHostOptions>): Promise<LocalFunctionsHost>;
  remove(): Promise<void>;
};

/** A project with one package `test`. Functions are not on the web unless their settings say so. */
export async function writeThrowAwayProject(
  functions: Readonly<Record<string, ThrowAwayFunction>>,
): Promise<ThrowAwayProject> {
  const folder = await mkdtemp(path.join(tmpdir(), 'throw-away-functions-'));
  const projectFile = path.join(folder, 'project.yml');
  const functionsDir = path.join(folder, 'functions');
  const lines = ['packages:', '  - name: test', '    web: false', '    functions:'];
  for (const [name, { code, settings }] of Object.entries(functions)) {
    lines.push(
      `      - {name: ${name}, runtime: 'nodejs:22'${settings === undefined ? '' : `, ${settings}`}}`,
    );
    await mkdir(path.join(functionsDir, name), { recursive: true });
    await writeFile(path.join(functionsDir, name, 'index.js'), code);
  }
  await writeFile(projectFile, `${lines.join('\n')}\n`);
  return {
    folder,
    projectFile,
    functionsDir,
    start: (options) =>
      createLocalFunctionsHost({ projectFile, functionsDir, env: {}, schedule: false, ...options }),
    remove: () => rm(folder, { recursive: true }),
  };
}
