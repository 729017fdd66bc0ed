// One call to a platform API of DigitalOcean's that a deployment depends on, tried again while the platform throttles
// or is ill. Only calls whose repeat is harmless go through here; those of provisioning are not (digitalocean/retry.ts).

import type * as z from 'zod';
import { ControlError, type ErrorCode } from '../errors.ts';
import { CallFailure, type CloudRequest, createSend, type SendOptions } from './digitalocean/send.ts';

/** `baseUrl` is scheme and host, without a path. */
export type PlatformCall = SendOptions & {
  readonly codes: { readonly unavailable: ErrorCode; readonly refused: ErrorCode };
  /** What to do when the key is not accepted. */
  readonly remedy: string;
};

export type PlatformRequest = CloudRequest & {
  /** In words, behind "could not". */
  readonly what: string;
};

export type PlatformAnswer = {
  /** False for a GET that was answered 404. */
  readonly isFound: boolean;
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
  | { readonly kind: 'failed'; readonly why: string; readonly retryAfterMs: number | undefined };

async function tryOnce(call: PlatformCall, request: PlatformRequest, signal: AbortSignal): Promise<Result> {
  const answer = (isFound: boolean, body: unknown): Result => {
    const parse = <T>(schema: z.ZodType<T>) => parseBody(call, request, schema, body);
    return { kind: 'answered', answer: { isFound, parse } };
  };
  try {
    return answer(true, await createSend(call)(request, signal));
  } catch (failure) {
    if (!(failure instanceof CallFailure)) throw failure;
    const { status, retryAfterMs, message } = failure;
    if (status === 404 && request.method === 'GET') return answer(false, undefined);
    if (status === undefined || status === 429 || status >= 500) {
      return { kind: 'failed', why: message, retryAfterMs };
    }
    // The body is left out: it may quote what was sent.
    const remedy = status === 401 || status === 403 ? call.remedy : 'Report it with this number.';
    throw new ControlError(
      call.codes.refused,
      `DigitalOcean refused to ${request.what} (${status}). ${remedy}`,
      { details: { status } },
    );
  }
}

function parseBody<T>(call: PlatformCall, request: PlatformRequest, schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw unavailable(call, request, 'its answer has another form than documented');
}

function unavailable(call: PlatformCall, request: PlatformRequest, why: string): ControlError {
  const message = `DigitalOcean could not ${request.what}: ${why}. Run the command again; a repeat is harmless.`;
  return new ControlError(call.codes.unavailable, message, { retryable: true });
}
