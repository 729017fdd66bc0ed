// Builds every function of project.yml into one CommonJS file with the policy inside, and the archive that doctl
// uploads. `node scripts/build.ts [.env]` builds for a deployment, the droplet's agent with it, after checking that the
// values in that file can be deployed; the local world calls buildFunctions with its own policy.
//
// What is uploaded was decided from the deployer's source (github.com/digitalocean/functions-deployer
// src/finder-builder.ts): a single file named in `.include` is taken as it is, and only a .zip keeps the platform
// from running the code by eval, which would hide every error while loading.
//
// The archive holds function.cjs, which is everything, and index.js, one line that requires it. The platform loads
// index.js with import(), and Node then reads a CommonJS file twice over before it runs it, in search of ES module
// syntax and of export names: 70 of 165 ms for a file of 700 KB, none for one line (`npm run bench -- bundles`).

import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseEnv } from 'node:util';
import { build } from 'esbuild';
import { isControlError } from '../lib/errors.ts';
import { type FunctionDeployment, readProject } from '../lib/platform/project.ts';
import { checkDeployEnvironment, variableNames } from '../lib/platform/template.ts';
import { readPolicyText } from '../lib/policy/policy.ts';
import { problemsError } from '../lib/problems.ts';
import { buildAgent } from './build-agent.ts';
import { type BundleReport, checkBundles, describeBundle } from './bundle-check.ts';
import { embedPolicy, leaveOutUnreachable } from './bundle-plugins.ts';
import { createZip } from './zip.ts';

export type BuildOptions = {
  /** Holds project.yml and packages/. */
  readonly root: string;
  readonly policyFile: string;
  /** Writes `<outDir>/<function>/index.js` and `function.cjs`; into `packages/<package>/<function>/bundle/` when left out. */
  readonly outDir?: string;
};

/** Builds all functions; a repeat overwrites.
 *  @throws ControlError CONFIG_INVALID for the policy, the project or a bundle that carries what it must not. */
export async function buildFunctions(options: BuildOptions): Promise<BundleReport[]> {
  const projectText = await readFile(path.join(options.root, 'project.yml'), 'utf8');
  // The build needs no secret: any text stands for the variables.
  const placeholders = Object.fromEntries(variableNames(projectText).map((name) => [name, name]));
  const functions = readProject(projectText, placeholders);
  const { value: policy } = readPolicyText(await readFile(options.policyFile, 'utf8'));

  const reports = await Promise.all(functions.map((spec) => buildFunction(spec, policy, options)));
  const problems = checkBundles(reports);
  if (problems.length > 0) throw problemsError('The build', problems);
  return reports;
}

async function buildFunction(
  spec: FunctionDeployment,
  policy: unknown,
  options: BuildOptions,
): Promise<BundleReport> {
  const source = path.join(options.root, 'packages', spec.packageName, spec.functionName);
  const target =
    options.outDir === undefined ? path.join(source, 'bundle') : path.join(options.outDir, spec.functionName);
  const { metafile, outputFiles } = await build({
    entryPoints: [path.join(source, 'index.ts')],
    outfile: path.join(target, 'function.cjs'),
    absWorkingDir: path.resolve(options.root),
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node22',
    // Before the CommonJS build: only this form can be shaken (45 KB less in control/sync).
    mainFields: ['module', 'main'],
    minify: true,
    // Beside the bundle, never inside the archive: a stack trace's column is looked up here. Keeping names in the
    // code instead costs 5 % of its size.
    sourcemap: 'external',
    legalComments: 'none',
    plugins: [embedPolicy(policy), leaveOutUnreachable()],
    metafile: true,
    write: false,
    logLevel: 'silent',
  });
  const code = outputFiles.find((file) => file.path.endsWith('.cjs'))?.contents ?? new Uint8Array();
  const archived = [
    {
      name: 'index.js',
      content: Buffer.from(`exports.${spec.main} = require('./function.cjs').${spec.main};\n`),
    },
    { name: 'function.cjs', content: Buffer.from(code) },
  ];
  // What an earlier build left must not be taken for part of this one.
  await rm(target, { recursive: true, force: true });
  await mkdir(target, { recursive: true });
  for (const file of outputFiles) await writeFile(file.path, file.contents);
  for (const { name, content } of archived) await writeFile(path.join(target, name), content);
  await writeFile(path.join(target, 'function.zip'), createZip(archived));
  return describeBundle(spec.name, metafile);
}

/** A table of the bundles with their largest libraries. */
export function renderReports(reports: readonly BundleReport[]): string {
  return reports
    .map(({ functionName, sizeBytes, libraries }) => {
      const parts = [...libraries].slice(0, 12).map(([library, bytes]) => `${library} ${kilobytes(bytes)}`);
      return `${functionName}  ${kilobytes(sizeBytes)}\n  ${parts.join(', ')}\n`;
    })
    .join('');
}

function kilobytes(bytes: number): string {
  return `${(bytes / 1000).toFixed(0)} KB`;
}

/** Whether doctl can deploy with the values in this file: the deployer puts them into project.yml as plain text.
 *  @throws ControlError CONFIG_INVALID with every variable that cannot. */
async function checkEnvironmentFile(root: string, file: string): Promise<void> {
  const projectText = await readFile(path.join(root, 'project.yml'), 'utf8');
  const problems = checkDeployEnvironment(projectText, parseEnv(await readFile(file, 'utf8')));
  if (problems.length > 0) throw problemsError(file, problems);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const root = path.resolve(import.meta.dirname, '..');
  const [environmentFile] = process.argv.slice(2);
  try {
    if (environmentFile !== undefined) await checkEnvironmentFile(root, environmentFile);
    const reports = await buildFunctions({ root, policyFile: path.join(root, 'policy.yml') });
    process.stdout.write(renderReports([...reports, await buildAgent(root)]));
  } catch (error) {
    if (!isControlError(error)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}
