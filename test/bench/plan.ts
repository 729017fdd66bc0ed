// Plan and guard for a large company: seconds and peak memory. Each run is a fresh process that plans once, as a cold
// function does.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { BenchContext } from './bench.ts';
import { bundleProgram } from './bundle-program.ts';
import { type Figure, figure, median } from './figures.ts';
import type { PlanMeasure } from './plan-measure.ts';

export type PlanSize = { readonly memberCount: number; readonly groupCount: number; readonly runs: number };

/** DESIGN section 12. */
const SIZE: PlanSize = { memberCount: 100_000, groupCount: 500, runs: 3 };
const BOUND_SECONDS = 1;
const BOUND_MB = 256;

const BYTES_A_MB = 1024 * 1024;

/** Figures of planning at `size`. */
export async function measurePlanning(
  { log, workDir }: Pick<BenchContext, 'log' | 'workDir'>,
  size = SIZE,
): Promise<Figure[]> {
  const program = await bundleProgram('plan-child', workDir);
  const measures: PlanMeasure[] = [];
  for (let run = 1; run <= size.runs; run += 1) {
    const measure = await planInChild(program, size);
    log(
      `plan: run ${run} of ${size.runs} took ${(measure.planMs + measure.guardMs).toFixed(0)} ms for ${measure.actionCount} actions`,
    );
    measures.push(measure);
  }
  const [first] = measures;
  if (first === undefined) throw new Error('plan: no run was asked for.');
  const digests = new Set(measures.map((measure) => measure.digest));
  const of = (pick: (measure: PlanMeasure) => number) => median(measures.map(pick));
  const seconds = (metric: string, pick: (measure: PlanMeasure) => number, bound?: number) =>
    figure('plan', metric, of(pick) / 1000, { unit: 's', ...(bound === undefined ? {} : { bound }) });
  const megabytes = (metric: string, pick: (measure: PlanMeasure) => number, bound?: number) =>
    figure('plan', metric, of(pick) / BYTES_A_MB, { unit: 'MB', ...(bound === undefined ? {} : { bound }) });
  const count = (metric: string, value: number, remark?: string) =>
    figure('plan', metric, value, { unit: 'count', ...(remark === undefined ? {} : { remark }) });
  return [
    count('members', size.memberCount),
    count('groups', size.groupCount),
    seconds('plan and guard', (measure) => measure.planMs + measure.guardMs, BOUND_SECONDS),
    seconds('plan alone', (measure) => measure.planMs),
    seconds('guard alone', (measure) => measure.guardMs),
    megabytes('peak RSS of the process', (measure) => measure.peakBytes, BOUND_MB),
    megabytes('peak RSS while planning', (measure) => measure.planPeakBytes),
    megabytes('RSS with the input alone', (measure) => measure.inputBytes),
    megabytes('heap after planning', (measure) => measure.heapBytes),
    count('actions planned', first.actionCount, `digest ${first.digest}`),
    count('removals planned', first.removalCount),
    count('actions allowed', first.allowedCount),
    count('different digests', digests.size),
  ];
}

async function planInChild(program: string, { memberCount, groupCount }: PlanSize): Promise<PlanMeasure> {
  const args = ['--expose-gc', program, `${memberCount}`, `${groupCount}`];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return JSON.parse(stdout) as PlanMeasure;
}
