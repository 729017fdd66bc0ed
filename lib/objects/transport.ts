// One signed HTTP call to S3: time limit, retries, and one place where an answer becomes a value or a typed error.
// The only file that knows aws4fetch. Every call of ours may be repeated.

import { createHash } from 'node:crypto';
import { AwsClient } from 'aws4fetch';
import type { Clock } from '../clock.ts';
import { ControlError } from '../errors.ts';
import { planRetry } from '../retry.ts';
import type { Secret } from '../secret.ts';

export type ObjectTransportOptions = {
  /** Without the bucket, such as https://fra1.digitaloceanspaces.com. */
  readonly endpoint: string;
  readonly region: string;
  readonly bucket: string;
  readonly accessKeyId: Secret;
  readonly secretAccessKey: Secret;
  readonly clock: Clock;
  /** The limit of one attempt: a store that is full hangs a write without a word (measured on RGW). */
  readonly timeoutMs: number;
  /** 0 up to 1; spreads retries. */
  readonly random?: () => number;
};

export type ObjectCall = {
  readonly method: 'GET' | 'PUT';
  /** Without one, the bucket itself. */
  readonly key?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** As a stranger asks. */
  readonly isUnsigned?: boolean;
  /** More than that is refused; 8 MiB without one. */
  readonly largestBytes?: number;
};

/** 404 and 412 are answers; for an unsigned call 403 is one as well. */
export type ObjectAnswer = { readonly status: number; readonly body: Uint8Array };

export type ObjectTransport = {
  /** @throws ControlError OBJECTS_UNAVAILABLE, OBJECTS_DENIED, OBJECTS_REFUSED; the signal's reason */
  call(call: ObjectCall, signal: AbortSignal): Promise<ObjectAnswer>;
};

type Attempt = { readonly answer: ObjectAnswer } | { readonly error: ControlError };

const LARGEST_ANSWER_BYTES = 8 * 1024 * 1024;
/** Spaces answers 503 SlowDown over its limits; the others are any HTTP server's. */
const BUSY_STATUSES = new Set([408, 429, 500, 502, 503, 504]);

export function createObjectTransport(options: ObjectTransportOptions): ObjectTransport {
  const client = new AwsClient({
    accessKeyId: options.accessKeyId.reveal(),
    secretAccessKey: options.secretAccessKey.reveal(),
    service: 's3',
    region: options.region,
    // Its own retries sleep past our deadline and cannot be aborted.
    retries: 0,
  });
  const random = options.random ?? (() => 1);
  return {
    async call(call, signal) {
      for (let attemptCount = 1; ; attemptCount += 1) {
        signal.throwIfAborted();
        const attempt = await attemptOnce(client, options, call, signal);
        if ('answer' in attempt) return attempt.answer;
        const waitMs = planRetry({
          attemptCount,
          isRepeatHarmless: attempt.error.retryable,
          retryAfterMs: undefined,
          random,
        });
        if (waitMs === undefined) throw attempt.error;
        await options.clock.sleep(waitMs, signal);
      }
    },
  };
}

async function attemptOnce(
  client: AwsClient,
  options: ObjectTransportOptions,
  call: ObjectCall,
  signal: AbortSignal,
): Promise<Attempt> {
  // Real time, also where a test sets the clock: it is the network that we wait for.
  const deadline = AbortSignal.timeout(options.timeoutMs);
  const url = addressOf(options, call);
  const headers = { ...call.headers, 'x-amz-content-sha256': sha256(call.body ?? new Uint8Array()) };
  const init = { method: call.method, headers, ...(call.body === undefined ? {} : { body: call.body }) };
  let status: number;
  let body: Uint8Array | undefined;
  try {
    const request = call.isUnsigned
      ? new Request(url, { method: call.method })
      : await client.sign(url, init);
    const response = await fetch(request, { redirect: 'error', signal: AbortSignal.any([signal, deadline]) });
    status = response.status;
    body = await readAtMost(response, call.largestBytes ?? LARGEST_ANSWER_BYTES);
  } catch {
    // The cause is left out: its text is the network's.
    signal.throwIfAborted();
    return { error: toUnavailable(call, deadline.aborted ? 'it was silent too long' : 'the network failed') };
  }
  if (BUSY_STATUSES.has(status)) return { error: toUnavailable(call, `it answered ${status}`) };
  if (status === 403 && !call.isUnsigned) throw toDenied(call, status);
  if (body === undefined) throw toRefused(call, 'its answer is larger than it may be');
  const isAnswer = (status >= 200 && status < 300) || [403, 404, 412].includes(status);
  if (!isAnswer) throw toRefused(call, `it answered ${status}`);
  return { answer: { status, body } };
}

/** The bucket in the path: Spaces and RGW know both forms, and this one needs no DNS of its own. */
function addressOf({ endpoint, bucket }: ObjectTransportOptions, call: ObjectCall): string {
  const path = (call.key ?? '').split('/').map(encodeURIComponent).join('/');
  const url = new URL(`${endpoint.replace(/\/+$/, '')}/${bucket}/${path}`);
  for (const [name, value] of Object.entries(call.query ?? {})) url.searchParams.set(name, value);
  return url.href;
}

/** Undefined when there is more: nothing is held beyond the limit. */
async function readAtMost(response: Response, largestBytes: number): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of response.body ?? []) {
    sizeBytes += chunk.length;
    if (sizeBytes > largestBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function sha256(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

function whatOf({ method, key }: ObjectCall): string {
  return `${method} ${key ?? 'of the bucket'}`;
}

function toUnavailable(call: ObjectCall, why: string): ControlError {
  const message = `Spaces did not take ${whatOf(call)}: ${why}. The next run tries again.`;
  return new ControlError('OBJECTS_UNAVAILABLE', message, { retryable: true, details: { key: call.key } });
}

function toDenied(call: ObjectCall, status: number): ControlError {
  return new ControlError(
    'OBJECTS_DENIED',
    `Spaces refused ${whatOf(call)}. Check that SPACES_ACCESS_KEY_ID may read and write SPACES_BUCKET, its secret, and this machine's clock (15 minutes of skew are refused).`,
    { details: { status } },
  );
}

function toRefused(call: ObjectCall, why: string): ControlError {
  return new ControlError('OBJECTS_REFUSED', `Spaces could not be used for ${whatOf(call)}: ${why}.`);
}
