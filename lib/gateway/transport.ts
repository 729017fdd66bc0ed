// One HTTP call to LiteLLM's admin API: deadline, bounded concurrency, retries where the caller says that a
// repeat is harmless, and one place where an answer becomes a value or a typed error. It knows no endpoint.

import pLimit from 'p-limit';
import type * as z from 'zod';
import type { Clock } from '../clock.ts';
import { ControlError } from '../errors.ts';
import { findRefusedCertificate } from '../mutual-tls.ts';
import { planRetry } from '../retry.ts';
import type { Secret } from '../secret.ts';
import type { Fetch } from './certified-fetch.ts';

export type TransportOptions = {
  /** Without a path, such as https://litellm.example.com. */
  readonly baseUrl: string;
  readonly adminKey: Secret;
  readonly clock: Clock;
  /** The limit of one attempt. */
  readonly timeoutMs: number;
  /** Calls under way at once, over all callers of this gateway. */
  readonly maxConcurrency: number;
  /** With a client certificate where the control host asks for one; Node's own by default. */
  readonly fetch?: Fetch;
  /** 0 up to 1; spreads retries. */
  readonly random?: () => number;
};

export type Call<T> = {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Only the fields used; LiteLLM adds others freely. */
  readonly answer: z.ZodType<T>;
  /** True only where a second identical call leaves the same state and tells the truth about it. */
  readonly isRepeatHarmless: boolean;
};

/** `refused` is a 4xx other than 401 and 429: the endpoint decides what it means. 403 arrives here as well. */
export type Reply<T> =
  | { readonly status: 'answered'; readonly value: T }
  | {
      readonly status: 'refused';
      readonly httpStatus: number;
      readonly problem: Problem;
      readonly toError: () => ControlError;
    };

/** What LiteLLM says about a refusal, in the forms it uses. Its text may quote input, so it is never passed on. */
export type Problem = { readonly type: string | null; readonly param: string | null };

export type Transport = {
  /** @throws ControlError GATEWAY_UNAVAILABLE, GATEWAY_DENIED, GATEWAY_ANSWER_INVALID; the signal's reason */
  call<T>(call: Call<T>, signal: AbortSignal): Promise<Reply<T>>;
};

type Attempt<T> =
  | { readonly kind: 'reply'; readonly reply: Reply<T> }
  | { readonly kind: 'failed'; readonly error: ControlError; readonly retryAfterMs: number | undefined };

const FAILED_STATUSES = new Set([408, 425, 429]);

/** Makes the one way to LiteLLM that all endpoints share. */
export function createTransport(options: TransportOptions): Transport {
  const limit = pLimit(options.maxConcurrency);
  const random = options.random ?? (() => 1);
  return {
    call: (call, signal) =>
      limit(async () => {
        for (let attemptCount = 1; ; attemptCount += 1) {
          signal.throwIfAborted();
          const attempt = await attemptOnce(options, call, signal);
          if (attempt.kind === 'reply') return attempt.reply;
          const wait = planRetry({
            attemptCount,
            isRepeatHarmless: call.isRepeatHarmless,
            retryAfterMs: attempt.retryAfterMs,
            random,
          });
          if (wait === undefined) throw attempt.error;
          await options.clock.sleep(wait, signal);
        }
      }),
  };
}

async function attemptOnce<T>(
  options: TransportOptions,
  call: Call<T>,
  signal: AbortSignal,
): Promise<Attempt<T>> {
  const send = options.fetch ?? globalThis.fetch;
  // Real time, also where a test sets the clock: it is the network that we wait for.
  const deadline = AbortSignal.timeout(options.timeoutMs);
  let status: number;
  let retryAfter: string | null;
  let text: string;
  let isPage: boolean;
  try {
    const response = await send(toUrl(options.baseUrl, call), {
      method: call.method,
      headers: {
        authorization: `Bearer ${options.adminKey.reveal()}`,
        ...(call.body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
      redirect: 'error',
      signal: AbortSignal.any([signal, deadline]),
    });
    status = response.status;
    retryAfter = response.headers.get('retry-after');
    isPage = response.headers.get('content-type')?.startsWith('text/html') ?? false;
    text = await response.text();
  } catch (error) {
    // The cause is left out: its text is the network's and could hold the URL's credentials.
    signal.throwIfAborted();
    const certificate = findRefusedCertificate(error) ?? findRefusedCertificate((error as Error).cause);
    if (certificate !== undefined) throw toUntrusted(call, certificate);
    const reason = deadline.aborted ? 'timeout' : 'network';
    return { kind: 'failed', error: toUnavailable(call, { reason }), retryAfterMs: undefined };
  }
  if (status >= 500 || FAILED_STATUSES.has(status)) {
    const retryAfterMs = parseRetryAfter(retryAfter, options.clock.now());
    return { kind: 'failed', error: toUnavailable(call, { status }, retryAfterMs), retryAfterMs };
  }
  if (isNginx(status, isPage, text)) throw toUntrusted(call, 'ours');
  return { kind: 'reply', reply: toReply(call, status, text) };
}

/** nginx before LiteLLM: 400 with a page for a missing or wrong certificate (ngx_http_ssl_module, ssl_verify_client),
 *  403 for a right one of somebody who may not come in (droplet/nginx). LiteLLM refuses in JSON, with a number as code. */
function isNginx(status: number, isPage: boolean, text: string): boolean {
  if (status === 400) return isPage;
  if (status !== 403) return false;
  return (
    isPage || (parseJson(text) as { error?: { code?: unknown } } | undefined)?.error?.code === 'forbidden'
  );
}

function toUrl(baseUrl: string, call: Call<unknown>): URL {
  const url = new URL(`${baseUrl.replace(/\/+$/, '')}${call.path}`);
  for (const [name, value] of Object.entries(call.query ?? {})) url.searchParams.set(name, value);
  return url;
}

function toReply<T>(call: Call<T>, status: number, text: string): Reply<T> {
  if (status === 401) throw toDenied(call, status);
  const body = parseJson(text);
  if (status >= 200 && status < 300) {
    const parsed = call.answer.safeParse(body);
    if (parsed.success) return { status: 'answered', value: parsed.data };
    const fields = parsed.error.issues.map((issue) => issue.path.join('.') || '(whole answer)');
    throw new ControlError(
      'GATEWAY_ANSWER_INVALID',
      `LiteLLM answered ${call.method} ${call.path} in a form this version does not know; check its version.`,
      { details: { path: call.path, fields: [...new Set(fields)].slice(0, 10) } },
    );
  }
  const problem = readProblem(body);
  const toError = () => (status === 403 ? toDenied(call, status) : toRefused(call, status, problem));
  return { status: 'refused', httpStatus: status, problem, toError };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function readProblem(body: unknown): Problem {
  const error = (body as { error?: { type?: unknown; param?: unknown } } | undefined)?.error;
  const word = (value: unknown) => (typeof value === 'string' && /^[a-z_]{1,60}$/.test(value) ? value : null);
  return { type: word(error?.type), param: word(error?.param) };
}

function toUnavailable(
  call: Call<unknown>,
  details: Readonly<Record<string, unknown>>,
  retryAfterMs?: number,
): ControlError {
  return new ControlError(
    'GATEWAY_UNAVAILABLE',
    `LiteLLM did not answer ${call.method} ${call.path}; look at the proxy and its database, the next run goes on.`,
    {
      retryable: true,
      details: { path: call.path, ...details },
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    },
  );
}

function toDenied(call: Call<unknown>, status: number): ControlError {
  return new ControlError(
    'GATEWAY_DENIED',
    `LiteLLM refused the admin key for ${call.method} ${call.path}; correct LITELLM_ADMIN_KEY.`,
    { details: { path: call.path, status } },
  );
}

function toUntrusted(call: Call<unknown>, certificate: 'ours' | 'theirs'): ControlError {
  const message =
    certificate === 'ours'
      ? 'The control host refused our client certificate: it is missing, has expired, is of another authority or may not come in here'
      : 'What answers as the control host showed a certificate that DATA_PLANE_CA does not vouch for, or of another name, so nothing was sent: correct LITELLM_BASE_URL or DATA_PLANE_CA';
  return new ControlError('GATEWAY_DENIED', `${message}; \`lcp doctor\` says which.`, {
    details: { path: call.path, certificate },
  });
}

function toRefused(call: Call<unknown>, status: number, problem: Problem): ControlError {
  return new ControlError(
    'GATEWAY_REFUSED',
    `LiteLLM refused ${call.method} ${call.path} with status ${status}; LiteLLM's own log says why.`,
    { details: { path: call.path, status, ...problem } },
  );
}

/** Seconds or an HTTP date, as RFC 9110 has it. */
function parseRetryAfter(value: string | null, now: Date): number | undefined {
  if (value === null) return undefined;
  if (/^\d+$/.test(value.trim())) return Number(value) * 1_000;
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now.getTime());
}
