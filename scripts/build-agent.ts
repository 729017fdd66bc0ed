// Builds the agent of the droplet into one CommonJS file. Called by the build of the functions, by the local world, and
// by whoever ships the agent alone.

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { build } from 'esbuild';
import { problemsError } from '../lib/problems.ts';
import { type BundleReport, checkBundles, describeBundle } from './bundle-check.ts';
import { leaveOutUnreachable } from './bundle-plugins.ts';

/** Where `npm run build` puts it, from the root of the checkout. */
export const AGENT_BUNDLE = 'droplet/agent/bundle/agent.cjs';

/** Writes the bundle to `outFile`; a repeat overwrites.
 *  @throws ControlError CONFIG_INVALID when the bundle carries what it must not */
export async function buildAgent(
  root: string,
  outFile = path.join(root, AGENT_BUNDLE),
): Promise<BundleReport> {
  const { version } = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8')) as {
    version: string;
  };
  const { metafile, outputFiles } = await build({
    entryPoints: [path.join(root, 'droplet/agent/index.ts')],
    outfile: outFile,
    absWorkingDir: path.resolve(root),
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node22',
    mainFields: ['module', 'main'],
    minify: true,
    legalComments: 'none',
    define: { AGENT_VERSION: JSON.stringify(version) },
    plugins: [leaveOutUnreachable()],
    metafile: true,
    write: false,
    logLevel: 'silent',
  });
  const report = describeBundle('droplet/agent', metafile);
  const problems = checkBundles([report]);
  if (problems.length > 0) throw problemsError('The build', problems);
  await mkdir(path.dirname(outFile), { recursive: true });
  for (const file of outputFiles) await writeFile(outFile, file.contents);
  return report;
}
