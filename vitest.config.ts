// Three projects, one after the other: `unit` needs Node alone, `real` the real LiteLLM and PostgreSQL, started once,
// `browser` a Chromium on a fast local world. One of them: `npx vitest run --project unit`.

import { defineConfig } from 'vitest/config';
import { CountsReporter } from './test/reporter.ts';

const REAL = 'test/real/**/*.test.ts';
const BROWSER = 'test/**/*.browser.test.ts';

/** Every wait in a test has its own, shorter limit with words; these only end what hangs. */
const UNIT_LIMIT_MS = 60_000;
const REAL_LIMIT_MS = 120_000;
/** LiteLLM is installed in here on a fresh machine. */
const SETUP_LIMIT_MS = 600_000;

export default defineConfig({
  test: {
    reporters: ['default', new CountsReporter()],
    pool: 'forks',
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: [REAL, BROWSER],
          // Vitest leaves a core to itself, which is half of a small machine.
          maxWorkers: '100%',
          testTimeout: UNIT_LIMIT_MS,
          hookTimeout: UNIT_LIMIT_MS,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'real',
          include: [REAL],
          globalSetup: ['test/real/setup.ts'],
          // They share one LiteLLM.
          fileParallelism: false,
          testTimeout: REAL_LIMIT_MS,
          hookTimeout: SETUP_LIMIT_MS,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'browser',
          include: [BROWSER],
          fileParallelism: false,
          testTimeout: UNIT_LIMIT_MS,
          hookTimeout: UNIT_LIMIT_MS,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
