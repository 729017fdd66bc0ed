// Bundles a program of the benches as the build bundles a function. Reading TypeScript takes Node some 35 MB and the
// time to strip it, which no function pays; time and memory measured in a child process must not contain them.

import { join } from 'node:path';
import { build } from 'esbuild';

/** Writes `<workDir>/<name>.cjs` from `<name>.ts` in this folder, and returns its path. */
export async function bundleProgram(name: string, workDir: string): Promise<string> {
  const outfile = join(workDir, `${name}.cjs`);
  await build({
    entryPoints: [join(import.meta.dirname, `${name}.ts`)],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node22',
    mainFields: ['module', 'main'],
    logLevel: 'silent',
  });
  return outfile;
}
