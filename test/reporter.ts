// Closes a test run with one line alone, `N passed, N failed`, that people and CI can read. What kept tests from
// running counts as failed, so that nothing is lost in silence: a file that does not load, a set-up that fails, an
// error outside of any test, and where CI is set a skipped test.

import type { SerializedError } from 'vitest';
import type { Reporter, TestModule } from 'vitest/node';

type Counts = { readonly passed: number; readonly failed: number; readonly skipped: readonly string[] };

export class CountsReporter implements Reporter {
  #counts: Counts | undefined;
  readonly #isStrict: boolean;

  constructor(options: { readonly isStrict?: boolean } = {}) {
    this.#isStrict = options.isStrict ?? Boolean(process.env.CI);
  }

  onInit(): void {
    // At the very end: global teardown and its failures come after the last test.
    process.once('exit', (code) => process.stdout.write(this.closing(code)));
  }

  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    this.#counts = countTests(modules, errors.length);
    if (failedOf(this.#counts, this.#isStrict) > 0) process.exitCode = 1;
  }

  /** What to print when the process ends with `exitCode`. */
  closing(exitCode: number): string {
    const counts = this.#counts ?? { passed: 0, failed: 0, skipped: [] };
    const names = counts.skipped.map((name) => `skipped: ${name}\n`).join('');
    // A run that failed without a failed test (no test found, a set-up or teardown that broke) is a failure too.
    const failed = Math.max(failedOf(counts, this.#isStrict), exitCode === 0 ? 0 : 1);
    return `${names}${counts.passed} passed, ${failed} failed\n`;
  }
}

function failedOf({ failed, skipped }: Counts, isStrict: boolean): number {
  return failed + (isStrict ? skipped.length : 0);
}

function countTests(modules: readonly TestModule[], errorCount: number): Counts {
  let passed = 0;
  let failed = errorCount;
  const skipped: string[] = [];
  for (const module of modules) {
    failed += module.errors().length;
    for (const suite of module.children.allSuites()) failed += suite.errors().length;
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      if (state === 'passed') passed += 1;
      else if (state === 'failed') failed += 1;
      else skipped.push(`${module.relativeModuleId} > ${test.fullName}`);
    }
  }
  return { passed, failed, skipped };
}
