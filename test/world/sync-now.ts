// "Sync now" as DevOps would do it: control/sync invoked through the functions API, then its activation awaited.

import { createFunctionsHost } from '../../lib/platform/functions-host.ts';
import type { RunReport } from '../../lib/sync/report.ts';
import type { LocalFunctionsHost } from './functions-host/host.ts';

export type SyncOutcome = { readonly activationId: string; readonly durationMs: number } & (
  | { readonly kind: 'finished'; readonly report: RunReport }
  /** Another run was at work. */
  | { readonly kind: 'skipped'; readonly message: string }
  /** The run could not be made at all; the message begins with its code. */
  | { readonly kind: 'failed'; readonly message: string; readonly logs: readonly string[] }
);

const REQUEST_LIMIT_MS = 30_000;

export async function syncNow(host: LocalFunctionsHost): Promise<SyncOutcome> {
  const api = createFunctionsHost({
    apiHost: host.apiHost,
    namespace: host.namespace,
    key: host.key,
    timeoutMs: REQUEST_LIMIT_MS,
  });
  const signal = AbortSignal.timeout(REQUEST_LIMIT_MS);
  const { activationId } = await api.invoke('control/sync', { trigger: 'manual' }, signal);
  const activation = await host.ended(activationId);
  if (activation === undefined) throw new Error(`The functions host lost activation ${activationId}.`);
  const { durationMs, logs, result } = activation;
  const common = { activationId, durationMs };
  if (activation.status !== 'success') {
    const message = typeof result.error === 'string' ? result.error : activation.status;
    return { ...common, kind: 'failed', message, logs };
  }
  // The function's own answer: packages/control/sync/index.ts.
  const body = result.body as RunReport | { readonly status: 'skipped'; readonly message: string };
  if (body.status === 'skipped') return { ...common, kind: 'skipped', message: body.message };
  return { ...common, kind: 'finished', report: body };
}
