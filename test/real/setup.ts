// Starts what the real suites need, once for all of them: PostgreSQL and LiteLLM, on a fresh LiteLLM database.
// A missing part stops the run with the line that brings it; nothing is skipped.

import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startLiteLLM } from '../world/litellm/start.ts';
import { startPostgres } from '../world/postgres.ts';

export type RealWorld = {
  readonly litellmBaseUrl: string;
  readonly litellmAdminKey: string;
  readonly litellmLogFile: string;
  readonly litellmDatabaseUrl: string;
  /** An existing, empty database for the control plane's own tables. */
  readonly controlDatabaseUrl: string;
};

declare module 'vitest' {
  interface ProvidedContext {
    world: RealWorld;
  }
}

const WORLD = join(import.meta.dirname, '..', '..', '.world');
const MASTER_KEY = 'sk-master-of-the-tests';

/** Vitest's global setup: returns what ends it all. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const log = (line: string) => void process.stderr.write(`${line}\n`);
  const postgres = await startPostgres({ dir: join(WORLD, 'test', 'postgres'), log });
  try {
    for (const database of ['litellm', 'control']) {
      await postgres.dropDatabase(database);
      await postgres.createDatabase(database);
    }
    const litellm = await startLiteLLM({
      cacheDir: join(WORLD, 'cache'),
      workDir: join(WORLD, 'test', 'litellm'),
      databaseUrl: postgres.url('litellm'),
      masterKey: MASTER_KEY,
      log,
    });
    project.provide('world', {
      litellmBaseUrl: litellm.baseUrl,
      litellmAdminKey: MASTER_KEY,
      litellmLogFile: litellm.logFile,
      litellmDatabaseUrl: postgres.url('litellm'),
      controlDatabaseUrl: postgres.url('control'),
    });
    return async () => {
      await litellm.stop();
      await postgres.stop();
    };
  } catch (error) {
    await postgres.stop();
    throw error;
  }
}
