// The functions: whether their API takes our key. Whether each is deployed as project.yml says is for `lcp deploy` to read
// back.

import { randomUUID } from 'node:crypto';
import { parseSettings, type VariableName } from '../../config.ts';
import { createFunctionsHost } from '../../platform/functions-host.ts';
import type { CliEnvironment } from '../environment.ts';
import { type Area, well } from './check.ts';

const TIMEOUT_MS = 15_000;
const NAMES = ['DO_API_HOST', 'DO_NAMESPACE', 'DO_FUNCTIONS_KEY'] as const satisfies readonly VariableName[];

/** Only where the functions are deployed and this machine may call them. */
export function functionsArea({ variables }: Pick<CliEnvironment, 'variables'>): Area {
  const title = 'Functions';
  if (!variables.DO_FUNCTIONS_KEY) {
    return { title, notChecked: 'DO_FUNCTIONS_KEY is not set here', checks: [] };
  }
  return {
    title,
    checks: [
      {
        id: 'functions-api',
        what: 'functions API reached with DO_FUNCTIONS_KEY',
        why: 'with it the webhook and the portal wake control/sync; without it each change waits for the schedule.',
        run: async (signal) => {
          const settings = parseSettings(NAMES, variables);
          const host = createFunctionsHost({
            apiHost: settings.DO_API_HOST,
            namespace: settings.DO_NAMESPACE,
            key: settings.DO_FUNCTIONS_KEY,
            timeoutMs: TIMEOUT_MS,
          });
          await host.findActivation(randomUUID().replaceAll('-', ''), signal);
          return well();
        },
      },
    ],
  };
}
