// One attempt of one call to an API of DigitalOcean's, with a time limit, and its failure as a value that says what is known:
// whether it may have been carried out. Provisioning and deployments go through here, each with its own rule of what is
// tried again. It can send GET, POST and PUT and nothing else, so nothing can be deleted through it.
// Shapes of errors and rate limits: github.com/digitalocean/openapi at 7c1300c, specification/shared.

import type { Clock } from '../../clock.ts';
import type { Secret } from '../../secret.ts';

export type CloudRequest = {
  readonly method: 'GET' | 'POST' | 'PUT';
  /** Below the base, such as /droplets. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number>>;
  readonly body?: unknown;
};

/** The body of a 2xx answer. @throws CallFailure; the signal's reason */
export type Send = (request: CloudRequest, signal: AbortSignal) => Promise<unknown>;

export type SendOptions = {
  /** Such as https://api.digitalocean.com/v2. */
  readonly baseUrl: string;
  readonly key: Secret;
  /** The functions host takes its key as Basic credentials, DigitalOcean's API a token as Bearer. */
  readonly scheme: 'Basic' | 'Bearer';
  readonly clock: Clock;
  /** The limit of one attempt. */
  readonly timeoutMs: number;
  readonly fetch?: typeof globalThis.fetch;
};

/** Why an attempt gave no answer to use. `status` is undefined where none arrived: then nobody knows what was done. */
export class CallFailure extends Error {
  readonly status: number | undefined;
  readonly retryAfterMs: number | undefined;
  /** The API's own word for it, such as not_found; its sentence may quote what was sent and is left out. */
  readonly id: string | undefined;

  constructor(
    reason: string,
    facts: {
      readonly status?: number;
      readonly retryAfterMs?: number | undefined;
      readonly id?: string | undefined;
    },
  ) {
    super(reason);
    this.name = 'CallFailure';
    this.status = facts.status;
    this.retryAfterMs = facts.retryAfterMs;
    this.id = facts.id;
  }
}

export function createSend(options: SendOptions): Send {
  return async (request, signal) => {
    const deadline = AbortSignal.timeout(options.timeoutMs);
    let response: Response;
    let text: string;
    try {
      response = await (options.fetch ?? globalThis.fetch)(toUrl(options.baseUrl, request), {
        method: request.method,
        headers: {
          authorization: authorization(options),
          ...(request.body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
        redirect: 'error',
        signal: AbortSignal.any([signal, deadline]),
      });
      text = await response.text();
    } catch {
      // The cause is left out: its text is the network's and may hold the request.
      signal.throwIfAborted();
      const silent = `no answer within ${options.timeoutMs / 1000} s`;
      throw new CallFailure(deadline.aborted ? silent : 'the connection failed', {});
    }
    const body = parseJson(text);
    if (response.ok) return body;
    throw new CallFailure(`status ${response.status}`, {
      status: response.status,
      retryAfterMs: readRetryAfter(response.headers, options.clock.now()),
      id: readErrorId(body),
    });
  };
}

function authorization({ scheme, key }: SendOptions): string {
  const credentials = scheme === 'Bearer' ? key.reveal() : Buffer.from(key.reveal()).toString('base64');
  return `${scheme} ${credentials}`;
}

function toUrl(baseUrl: string, { path, query = {} }: CloudRequest): URL {
  const url = new URL(`${baseUrl}${path}`);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, String(value));
  return url;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function readErrorId(body: unknown): string | undefined {
  const id = (body as { id?: unknown } | undefined)?.id;
  return typeof id === 'string' && /^[a-z_]{1,60}$/i.test(id) ? id : undefined;
}

/** Retry-After in seconds or as a date; else the reset of the rate limit, which the API gives in Unix seconds. */
function readRetryAfter(headers: Headers, now: Date): number | undefined {
  const after = headers.get('retry-after')?.trim();
  if (after !== undefined) {
    if (/^\d+$/.test(after)) return Number(after) * 1_000;
    const at = Date.parse(after);
    if (!Number.isNaN(at)) return Math.max(0, at - now.getTime());
  }
  const reset = headers.get('ratelimit-reset')?.trim();
  if (headers.get('ratelimit-remaining')?.trim() !== '0' || reset === undefined || !/^\d+$/.test(reset))
    return undefined;
  return Math.max(0, Number(reset) * 1_000 - now.getTime());
}
