// Measures what a bundle costs: its size, and the time from process start until its handler is loaded, against an
// empty function in the same run. Gives figures only; the bench prints and judges them.

import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

export type BundleMeasure = {
  /** Folder name of the function. */
  readonly functionName: string;
  readonly sizeBytes: number;
  /** Median of the runs, process start to handler loaded and process ended. */
  readonly coldStartMs: number;
  /** The same for a function that does nothing. */
  readonly emptyColdStartMs: number;
  readonly ratio: number;
};

export type MeasureOptions = {
  /** Holds `<function>/index.js` and what it requires, as the build writes them. */
  readonly functionsDir: string;
  readonly functionNames: readonly string[];
  readonly runs: number;
};

const EMPTY = 'exports.main = async (event, context) => ({});\n';
// Loads it the way the platform's runtime does: import of the file, then the named export.
const LOAD = 'import(process.argv[1]).then((m) => process.exit(typeof m.main === "function" ? 0 : 1))';

/** The functions are measured in turn with the empty one, so that a busy moment hits all alike. */
export async function measureBundles(options: MeasureOptions): Promise<BundleMeasure[]> {
  const folder = await mkdtemp(path.join(tmpdir(), 'empty-function-'));
  try {
    const emptyFile = path.join(folder, 'index.js');
    await writeFile(emptyFile, EMPTY);
    const bundleFile = (name: string) => path.resolve(options.functionsDir, name, 'index.js');
    const files = [emptyFile, ...options.functionNames.map(bundleFile)];
    const times = new Map<string, number[]>(files.map((file) => [file, []]));
    // One round unmeasured: it brings the files into the disk cache.
    for (let run = 0; run <= options.runs; run += 1) {
      for (const file of files) {
        const durationMs = await measureLoad(file);
        if (run > 0) times.get(file)?.push(durationMs);
      }
    }
    const emptyColdStartMs = median(times.get(emptyFile) ?? []);
    return await Promise.all(
      options.functionNames.map(async (functionName) => {
        const coldStartMs = median(times.get(bundleFile(functionName)) ?? []);
        const sizeBytes = await sumCodeBytes(path.dirname(bundleFile(functionName)));
        return {
          functionName,
          sizeBytes,
          coldStartMs,
          emptyColdStartMs,
          ratio: coldStartMs / emptyColdStartMs,
        };
      }),
    );
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function sumCodeBytes(folder: string): Promise<number> {
  const files = (await readdir(folder)).filter((file) => /\.c?js$/.test(file));
  const sizes = await Promise.all(files.map(async (file) => (await stat(path.join(folder, file))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function measureLoad(file: string): Promise<number> {
  const startedAtMs = performance.now();
  await promisify(execFile)(process.execPath, ['-e', LOAD, file], { env: {} });
  return performance.now() - startedAtMs;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
