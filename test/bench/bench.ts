// What every bench is: it starts what it needs, measures, stops it, and gives figures.

import { join, resolve } from 'node:path';
import type { Figure } from './figures.ts';

export type BenchContext = {
  /** Holds what the benches keep between runs, such as a database cluster. */
  readonly workDir: string;
  /** Holds the installed LiteLLM; shared with the local world and the tests. */
  readonly cacheDir: string;
  /** Receives each line of progress. */
  readonly log: (line: string) => void;
};

export type Bench = (context: BenchContext) => Promise<readonly Figure[]>;

export const ROOT = resolve(import.meta.dirname, '..', '..');

/** Folders in the checkout's `.world`, apart from those of the world and the tests. */
export function defaultContext(log: (line: string) => void): BenchContext {
  return { workDir: join(ROOT, '.world', 'bench'), cacheDir: join(ROOT, '.world', 'cache'), log };
}
