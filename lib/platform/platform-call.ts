// One call to a platform API of DigitalOcean's that a deployment depends on, tried again while the platform throttles
// or is ill. Only calls whose repeat is harmless go through here.

import type * as z from 'zod';
import type { Clock } from '../clock.ts';
import { ControlError, type ErrorCode } from '../errors.ts';
import type { Secret } from '../secret.ts';

export type PlatformCall = {
  /** Scheme and host, without a path. */
  readonly baseUrl: string;
  readonly key: Secret;
  /** The functions host takes its key as Basic credentials, DigitalOcean's API a token as Bearer. */
  readonly scheme: 'Basic' | 'Bearer';
  readonly clock: Clock;
  /** For one attempt. */
  readonly timeoutMs: number;
  readonly codes: { readonly unavailable: ErrorCode; readonly refused: ErrorCode };
  /** What to do when the key is not accepted. */
  readonly remedy: string;
  readonly fetch?: typeof fetch;
};

export type PlatformRequest = {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly path: string;
  readonly body?: unknown;
  /** In words, behind "could not". */
  readonly what: string;
};

export type PlatformAnswer = {
  readonly status: number;
  parse<T>(schema: z.ZodType<T>): T;
};

/** Five attempts in all: the platform's throttling counts by the minute, and a deployment can wait that long. */
const WAITS_MS = [1_000, 4_000, 15_000, 30_000];
/** A longer Retry-After is not waited for. */
const LONGEST_WAIT_MS = 60_000;

/** The answer to `request`; 404 to a GET is one.
 *  @throws ControlError of the call's codes: unavailable after the last attempt, refused at once */
export async function callPlatform(
  call: PlatformCall,
  request: PlatformRequest,
  signal: AbortSignal,
): Promise<PlatformAnswer> {
  for (let attempt = 0; ; attempt += 1) {
    const result = await tryOnce(call, request, signal);
    if (result.kind === 'answered') return result.answer;
    const waitMs = WAITS_MS[attempt];
    if (waitMs === undefined || (result.retryAfterMs ?? 0) > LONGEST_WAIT_MS) {
      throw unavailable(call, request, result.why);
    }
    await call.clock.sleep(result.retryAfterMs ?? waitMs, signal);
  }
}

type Result =
  | { readonly kind: 'answered'; readonly answer: PlatformAnswer }
  | { readonly kind: 'failed'; readonly why: string; readonly retryAfterMs?: number };

async function tryOnce(call: PlatformCall, request: PlatformRequest, signal: AbortSignal): Promise<Result> {
  signal.throwIfAborted();
  let status: number;
  let text: string;
  let retryAfter: number;
  try {
    const response = await (call.fetch ?? fetch)(`${call.baseUrl}${request.path}`, {
      method: request.method,
      headers: { authorization: authorization(call), 'content-type': 'application/json' },
      ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
      redirect: 'error',
      signal: AbortSignal.any([signal, AbortSignal.timeout(call.timeoutMs)]),
    });
    status = response.status;
    retryAfter = Number(response.headers.get('retry-after') ?? Number.NaN);
    text = await response.text();
  } catch {
    if (signal.aborted) throw signal.reason;
    return { kind: 'failed', why: 'there was no answer' };
  }
  if (status < 300 || (status === 404 && request.method === 'GET')) {
    const parse = <T>(schema: z.ZodType<T>) => parseText(call, request, schema, text);
    return { kind: 'answered', answer: { status, parse } };
  }
  if (status === 429 || status >= 500) {
    const wait = Number.isFinite(retryAfter) ? { retryAfterMs: retryAfter * 1000 } : {};
    return { kind: 'failed', why: `it answered ${status}`, ...wait };
  }
  // The body is left out: it may quote what was sent.
  const remedy = status === 401 || status === 403 ? call.remedy : 'Report it with this number.';
  throw new ControlError(
    call.codes.refused,
    `DigitalOcean refused to ${request.what} (${status}). ${remedy}`,
    { details: { status } },
  );
}

function authorization({ scheme, key }: PlatformCall): string {
  return scheme === 'Bearer'
    ? `Bearer ${key.reveal()}`
    : `Basic ${Buffer.from(key.reveal()).toString('base64')}`;
}

function parseText<T>(call: PlatformCall, request: PlatformRequest, schema: z.ZodType<T>, text: string): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw unavailable(call, request, 'it did not answer JSON');
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw unavailable(call, request, 'its answer has another form than documented');
}

function unavailable(call: PlatformCall, request: PlatformRequest, why: string): ControlError {
  const message = `DigitalOcean could not ${request.what}: ${why}. Run the command again; a repeat is harmless.`;
  return new ControlError(call.codes.unavailable, message, { retryable: true });
}
