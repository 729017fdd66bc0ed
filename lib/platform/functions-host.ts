// Calls our functions with the namespace's key, in OpenWhisk's REST form. Invoking is asynchronous and at most once:
// the platform may lose an invocation and may start two in another order, so whoever calls needs nothing from it.
// https://docs.digitalocean.com/products/functions/how-to/async-functions/

import * as z from 'zod';
import { ControlError } from '../errors.ts';
import type { Secret } from '../secret.ts';

export type FunctionsHostOptions = {
  /** Such as https://faas-fra1-….doserverless.co, without a path. */
  readonly apiHost: string;
  readonly namespace: string;
  /** `dof_v1_…:secret`. */
  readonly key: Secret;
  /** For one request; the caller's signal may end it earlier. */
  readonly timeoutMs: number;
  readonly fetch?: typeof fetch;
};

export type FunctionActivation = {
  readonly activationId: string;
  readonly status: string;
  readonly isSuccessful: boolean;
  readonly startedAt: Date;
  readonly endedAt: Date;
  readonly durationMs: number;
  readonly result: Readonly<Record<string, unknown>>;
  readonly logs: readonly string[];
};

export type FunctionsHost = {
  /** Starts a function (`control/sync`) and does not wait for it. A repeat starts it again.
   *  @throws ControlError FUNCTION_UNAVAILABLE, FUNCTION_REFUSED */
  invoke(
    functionName: string,
    event: Readonly<Record<string, unknown>>,
    signal: AbortSignal,
  ): Promise<{ readonly activationId: string }>;
  /** The record of an activation that has ended; undefined while it runs, and when the platform forgot it.
   *  @throws ControlError FUNCTION_UNAVAILABLE, FUNCTION_REFUSED */
  findActivation(activationId: string, signal: AbortSignal): Promise<FunctionActivation | undefined>;
};

const startedSchema = z.object({ activationId: z.string().min(1) });
const activationSchema = z.object({
  activationId: z.string(),
  start: z.number(),
  end: z.number(),
  duration: z.number(),
  logs: z.array(z.string()).default([]),
  response: z.object({
    status: z.string(),
    success: z.boolean(),
    result: z.record(z.string(), z.unknown()).default({}),
  }),
});

/** A client for one namespace. */
export function createFunctionsHost(options: FunctionsHostOptions): FunctionsHost {
  const base = `${options.apiHost}/api/v1/namespaces/${encodeURIComponent(options.namespace)}`;
  return {
    async invoke(functionName, event, signal) {
      const url = `${base}/actions/${functionName.split('/').map(encodeURIComponent).join('/')}?blocking=false`;
      const body = JSON.stringify(event);
      const response = await request(options, url, { method: 'POST', body }, `start ${functionName}`, signal);
      return parseAnswer(startedSchema, response);
    },
    async findActivation(activationId, signal) {
      const url = `${base}/activations/${encodeURIComponent(activationId)}`;
      const response = await request(
        options,
        url,
        { method: 'GET' },
        `read activation ${activationId}`,
        signal,
      );
      if (response.status === 404) return undefined;
      const { start, end, duration, logs, response: outcome } = parseAnswer(activationSchema, response);
      return {
        activationId,
        status: outcome.status,
        isSuccessful: outcome.success,
        startedAt: new Date(start),
        endedAt: new Date(end),
        durationMs: duration,
        result: outcome.result,
        logs,
      };
    },
  };
}

type Answer = { readonly status: number; readonly text: string; readonly what: string };

async function request(
  { fetch: send = fetch, key, timeoutMs }: FunctionsHostOptions,
  url: string,
  init: { readonly method: string; readonly body?: string },
  what: string,
  signal: AbortSignal,
): Promise<Answer> {
  signal.throwIfAborted();
  let status: number;
  let text: string;
  try {
    const response = await send(url, {
      ...init,
      headers: {
        authorization: `Basic ${Buffer.from(key.reveal()).toString('base64')}`,
        'content-type': 'application/json',
      },
      redirect: 'error',
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    });
    status = response.status;
    text = await response.text();
  } catch (cause) {
    if (signal.aborted) throw signal.reason;
    throw unavailable(what, 'there was no answer', { cause });
  }
  if (status < 300 || (status === 404 && init.method === 'GET')) return { status, text, what };
  if (status === 429 || status >= 500)
    throw unavailable(what, `it answered ${status}`, { details: { status } });
  throw new ControlError(
    'FUNCTION_REFUSED',
    `The functions API refused to ${what} (${status}). ${remedy(status)}`,
    { details: { status } },
  );
}

function remedy(status: number): string {
  if (status === 401 || status === 403) return 'Check DO_FUNCTIONS_KEY and DO_NAMESPACE with `lcp doctor`.';
  if (status === 404) return 'Deploy the functions, or correct DO_NAMESPACE.';
  return 'Report it with this number.';
}

function parseAnswer<T>(schema: z.ZodType<T>, answer: Answer): T {
  let value: unknown;
  try {
    value = JSON.parse(answer.text);
  } catch (cause) {
    throw unavailable(answer.what, 'it did not answer JSON', { cause });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw unavailable(answer.what, 'its answer has another form than documented', { cause: parsed.error });
}

function unavailable(
  what: string,
  why: string,
  options: { readonly cause?: unknown; readonly details?: Readonly<Record<string, unknown>> },
): ControlError {
  const message = `The functions API could not ${what}: ${why}. The next schedule catches up.`;
  return new ControlError('FUNCTION_UNAVAILABLE', message, { ...options, retryable: true });
}
