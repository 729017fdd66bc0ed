// control/sync: invoked by its schedule every five minutes, by control/webhook and by hand, never from the web.
// Reconcile runs within the function's time until no hint is left; answers the report of the last. A run that finds
// another at work ends quietly: that one serves the hints before it ends.

import { randomUUID } from 'node:crypto';
import policyValue from 'virtual:policy';
import * as z from 'zod';
import { systemClock } from '../../../lib/clock.ts';
import {
  composeSync,
  createControlHost,
  createDatabases,
  type Databases,
  directorySettings,
  SYNC_SETTINGS,
} from '../../../lib/composition.ts';
import { parseSettings } from '../../../lib/config.ts';
import { createTokenSource, type TokenSource } from '../../../lib/directory/token.ts';
import { ControlError, isControlError } from '../../../lib/errors.ts';
import { parseRunId } from '../../../lib/ids.ts';
import { createLog } from '../../../lib/log.ts';
import { joinMutualTls } from '../../../lib/mutual-tls.ts';
import { parsePolicy } from '../../../lib/policy/schema.ts';
import { type RunRequest, reconcile } from '../../../lib/sync/run.ts';
import { serveUntilQuiet } from '../../../lib/sync/serve.ts';

type Context = {
  readonly activationId: string;
  readonly functionVersion: string;
  readonly getRemainingTimeInMillis: () => number;
};
type Result = { readonly body: Readonly<Record<string, unknown>> };

/** The platform kills at its deadline; we end before it, so that the run is recorded. */
const MARGIN_MS = 5_000;

const eventSchema = z.object({
  trigger: z.enum(['schedule', 'manual', 'webhook', 'portal']).default('schedule'),
});

let sharedTokens: TokenSource | undefined;
let sharedDatabases: Databases | undefined;
let sharedControlHost: ReturnType<typeof createControlHost>;

export async function main(event: unknown, context: Context): Promise<Result> {
  const log = createLog({ function: 'control/sync', activationId: context.activationId });
  try {
    const { trigger } = parseEvent(event);
    const settings = parseSettings(SYNC_SETTINGS, process.env);
    sharedTokens ??= createTokenSource(directorySettings(settings));
    const tls = joinMutualTls(settings.DATA_PLANE_CA, settings.SYNC_CLIENT_IDENTITY);
    sharedDatabases ??= createDatabases(settings, tls);
    sharedControlHost ??= createControlHost(tls);
    const remainingMs = context.getRemainingTimeInMillis() - MARGIN_MS;
    const deadlineAt = new Date(systemClock.now().getTime() + remainingMs);
    const parts = composeSync({
      settings,
      tls,
      policy: parsePolicy(policyValue),
      clock: systemClock,
      log,
      deadlineAt,
      codeVersion: context.functionVersion,
      tokens: sharedTokens,
      databases: sharedDatabases,
      controlHost: sharedControlHost,
    });
    const serving = {
      ...parts,
      newRunId: () => parseRunId(randomUUID()),
      run: (request: RunRequest) => reconcile(parts, request),
    };
    const signal = AbortSignal.timeout(Math.max(0, remainingMs));
    const request = { trigger, actor: 'control/sync', deadlineAt, signal };
    return { body: await serveUntilQuiet(serving, request) };
  } catch (error) {
    if (isControlError(error, 'LEASE_HELD')) {
      log.info('run_skipped', { code: error.code });
      return { body: { status: 'skipped', code: error.code, message: error.message } };
    }
    const code = isControlError(error) ? error.code : 'UNEXPECTED';
    log.error('sync_failed', { code, message: error instanceof Error ? error.message : String(error) });
    // Throwing marks the activation as failed, which is what DevOps looks for.
    throw new Error(`${code}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function parseEvent(event: unknown): z.output<typeof eventSchema> {
  const parsed = eventSchema.safeParse(event ?? {});
  if (parsed.success) return parsed.data;
  throw new ControlError(
    'CONFIG_INVALID',
    'The event must be empty or name a trigger: schedule, manual, webhook or portal.',
  );
}
