// What a bench gives: figures, each with the bound it should hold and what it was compared with. One JSON line for
// programs, one table for people. Nothing here judges beyond "is it within the bound".

export type Figure = {
  /** Name of the bench, as `npm run bench -- NAME` takes it. */
  readonly bench: string;
  readonly metric: string;
  readonly value: number;
  readonly unit: string;
  /** What the value was measured against in the same run, in the same unit unless the metric is a ratio. */
  readonly baseline: number | null;
  /** The largest value that is well; null where there is no bound. */
  readonly bound: number | null;
  readonly held: boolean | null;
  /** For the table alone, such as a digest to compare two runs by. */
  readonly remark?: string;
};

export type Measured = {
  readonly unit: string;
  readonly baseline?: number;
  readonly bound?: number;
  readonly remark?: string;
};

/** Three decimals are more than any of our measurements repeats; whole numbers above a thousand. */
const DECIMALS = 3;
const WHOLE_FROM = 1_000;

/** A figure; whether the bound is held is decided before anything is rounded. */
export function figure(bench: string, metric: string, value: number, measured: Measured): Figure {
  const { unit, baseline = null, bound = null, remark } = measured;
  if (!Number.isFinite(value)) throw new Error(`${bench}: ${metric} could not be measured.`);
  return {
    bench,
    metric,
    value: round(value),
    unit,
    baseline: baseline === null ? null : round(baseline),
    bound,
    held: bound === null ? null : value <= bound,
    ...(remark === undefined ? {} : { remark }),
  };
}

/** One line of JSON, its fields always the same seven. */
export function renderLine(shown: Figure): string {
  const { bench, metric, value, unit, baseline, bound, held } = shown;
  return JSON.stringify({ bench, metric, value, unit, baseline, bound, held });
}

/** Aligned columns, one row a figure. */
export function renderTable(figures: readonly Figure[]): string {
  const rows = figures.map(({ bench, metric, value, unit, baseline, bound, held, remark }) => [
    bench,
    metric,
    `${value} ${unit}`,
    baseline === null ? '' : `${baseline}`,
    bound === null ? '' : `${bound}`,
    held === null ? '' : held ? 'yes' : 'NO',
    remark ?? '',
  ]);
  const table = [['bench', 'metric', 'value', 'baseline', 'bound', 'held', ''], ...rows];
  const widths =
    table[0]?.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0))) ?? [];
  return table
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** The middle value, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = Math.floor(sorted.length / 2);
  const upper = sorted[half] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? Number.NaN) + upper) / 2;
}

/** The smallest value that at least `percent` of all do not exceed. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? Number.NaN;
}

function round(value: number): number {
  if (Math.abs(value) >= WHOLE_FROM) return Math.round(value);
  return Number(value.toFixed(DECIMALS));
}
