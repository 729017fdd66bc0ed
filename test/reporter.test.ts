import { expect, test } from 'vitest';
import type { TestModule } from 'vitest/node';
import { CountsReporter } from './reporter.ts';

type State = 'passed' | 'failed' | 'skipped';

/** A test file as vitest reports it. */
function moduleOf(
  states: readonly State[],
  errors: { readonly file?: number; readonly suite?: number } = {},
) {
  const failures = (count = 0) => Array.from({ length: count }, () => ({ message: 'broken' }));
  return {
    relativeModuleId: 'a.test.ts',
    errors: () => failures(errors.file),
    children: {
      allSuites: () => [{ errors: () => failures(errors.suite) }],
      allTests: () =>
        states.map((state, index) => ({ fullName: `promise ${index}`, result: () => ({ state }) })),
    },
  } as unknown as TestModule;
}

function closingOf(
  module: TestModule,
  options: { readonly isStrict: boolean; readonly exitCode?: number },
): string {
  const exitCodeBefore = process.exitCode;
  const reporter = new CountsReporter(options);
  reporter.onTestRunEnd([module], []);
  process.exitCode = exitCodeBefore;
  return reporter.closing(options.exitCode ?? 0);
}

test.each([
  ['tests are counted', moduleOf(['passed', 'failed', 'passed']), '2 passed, 1 failed\n'],
  ['a file that does not load counts as failed', moduleOf([], { file: 1 }), '0 passed, 1 failed\n'],
  ['a set-up that fails counts as failed', moduleOf(['passed'], { suite: 1 }), '1 passed, 1 failed\n'],
])('%s', (_, module, line) => {
  expect(closingOf(module, { isStrict: false })).toBe(line);
});

test('a skipped test is named, and where it must not be skipped it counts as failed', () => {
  const module = moduleOf(['passed', 'skipped']);

  expect(closingOf(module, { isStrict: false })).toBe('skipped: a.test.ts > promise 1\n1 passed, 0 failed\n');
  expect(closingOf(module, { isStrict: true })).toBe('skipped: a.test.ts > promise 1\n1 passed, 1 failed\n');
});

test('a run that ends badly for another reason is never without a failure', () => {
  expect(closingOf(moduleOf(['passed']), { isStrict: false, exitCode: 1 })).toBe('1 passed, 1 failed\n');
});
