// The functions as they are deployed, built once for a test file with the policy of the local world.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { buildFunctions } from '../../scripts/build.ts';

const root = path.resolve(import.meta.dirname, '..', '..');

/** Call it at the top of a test file; the function it returns gives the folder with the bundles. */
export function useBuiltFunctions(): () => string {
  let functionsDir: string;
  beforeAll(async () => {
    functionsDir = await mkdtemp(path.join(tmpdir(), 'lcp-functions-'));
    await buildFunctions({
      root,
      policyFile: path.join(root, 'test/world/policy.yml'),
      outDir: functionsDir,
    });
  });
  afterAll(() => rm(functionsDir, { recursive: true, force: true }));
  return () => functionsDir;
}
