// The bundles as they would be uploaded: size, and cold start against an empty function in the same run.

import { mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { buildFunctions } from '../../scripts/build.ts';
import { type BenchContext, ROOT } from './bench.ts';
import { measureBundles } from './bundles.ts';
import { type Figure, figure } from './figures.ts';

/** DESIGN section 12; the second of each where @azure/identity is inside. */
const SIZE_BOUND_KB = { plain: 400, withIdentity: 700 };
const RATIO_BOUND = { plain: 2, withIdentity: 3 };
const RUNS = 15;

/** Figures of every function in project.yml, built from this checkout. */
export async function measureBundleFigures({ workDir, log }: BenchContext): Promise<Figure[]> {
  const functionsDir = join(workDir, 'functions');
  await mkdir(functionsDir, { recursive: true });
  const reports = await buildFunctions({
    root: ROOT,
    policyFile: join(ROOT, 'policy.yml'),
    outDir: functionsDir,
  });
  // The platform unpacks a bundle into a folder of its own; ours lies inside a package of ES modules.
  await writeFile(join(functionsDir, 'package.json'), '{"type":"commonjs"}');
  log(`bundles: built ${reports.length}, starting each ${RUNS} times`);
  const functionNames = reports.map((report) => basename(report.functionName));
  const measures = await measureBundles({ functionsDir, functionNames, runs: RUNS });
  return measures.flatMap(({ functionName, sizeBytes, coldStartMs, emptyColdStartMs, ratio }, index) => {
    const carriesIdentity = reports[index]?.libraries.has('@azure/identity') ?? false;
    const kind = carriesIdentity ? 'withIdentity' : 'plain';
    const remark = carriesIdentity ? 'carries @azure/identity' : '';
    const metric = (name: string) => `${functionName} ${name}`;
    return [
      figure('bundles', metric('size'), sizeBytes / 1000, { unit: 'KB', bound: SIZE_BOUND_KB[kind], remark }),
      figure('bundles', metric('cold start'), coldStartMs, { unit: 'ms', baseline: emptyColdStartMs }),
      figure('bundles', metric('cold start to an empty function'), ratio, {
        unit: 'x',
        baseline: emptyColdStartMs,
        bound: RATIO_BOUND[kind],
      }),
    ];
  });
}
