// Turns one HTTP answer of Microsoft Graph, alone or inside a batch, into a value. It looks at status and
// headers only: Graph's error texts change without notice, and its codes serve as details for DevOps.

import * as z from 'zod';
import { ControlError, type ErrorCode } from '../errors.ts';

/** What one request came to. `not-found` is an answer, not a failure: the group or page does not exist. */
export type GraphAnswer =
  | { readonly status: 'ok'; readonly body: unknown }
  | { readonly status: 'not-found' }
  | { readonly status: 'failed'; readonly error: ControlError };

export type RawAnswer = {
  readonly httpStatus: number;
  readonly retryAfter: string | null;
  /** The parsed JSON body; undefined if there was none or it was no JSON. */
  readonly body: unknown;
};

// 429 and the 5xx that Microsoft documents as passing. Whether a repeat is harmless is for who asks to know.
const PASSING_STATUS: ReadonlySet<number> = new Set([429, 500, 502, 503, 504]);

const NOT_FOUND_CODES: ReadonlySet<string> = new Set(['Request_ResourceNotFound', 'ResourceNotFound']);

const errorBody = z.object({
  error: z.object({
    code: z.string(),
    innerError: z.object({ 'request-id': z.string().optional() }).optional(),
  }),
});

/** Classifies an answer. `now` is needed for a Retry-After that names a date. */
export function classifyAnswer(raw: RawAnswer, now: Date): GraphAnswer {
  const { httpStatus, body } = raw;
  if (httpStatus >= 200 && httpStatus < 300) {
    return body === undefined
      ? failedAnswer('GRAPH_ANSWER_INVALID', 'Microsoft Graph answered 200 with something that is not JSON.')
      : { status: 'ok', body };
  }
  const graphError = readGraphError(body);
  const details = { httpStatus, ...graphError };
  // Only Graph's own 404 says that the object is gone; a proxy's or a wrong address' page says nothing.
  if (httpStatus === 404 && NOT_FOUND_CODES.has(graphError.graphCode ?? '')) return { status: 'not-found' };
  if (PASSING_STATUS.has(httpStatus)) {
    const retryAfterMs = parseRetryAfter(raw.retryAfter, now);
    const code = httpStatus === 429 ? 'GRAPH_THROTTLED' : 'GRAPH_UNAVAILABLE';
    return failedAnswer(code, `Microsoft Graph answered ${httpStatus}; the next run reads again.`, {
      retryable: true,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      details,
    });
  }
  if (httpStatus === 401 || httpStatus === 403) {
    return failedAnswer(
      'GRAPH_DENIED',
      `Microsoft Graph refused the request (${httpStatus}); run \`lcp doctor\` to see which permission is missing.`,
      { details },
    );
  }
  return failedAnswer(
    'GRAPH_ANSWER_INVALID',
    `Microsoft Graph answered ${httpStatus}, which no request of ours should meet; report it with its request id.`,
    { details },
  );
}

/** A failed answer with a ControlError inside. */
export function failedAnswer(
  code: ErrorCode,
  message: string,
  options: ConstructorParameters<typeof ControlError>[2] = {},
): GraphAnswer {
  return { status: 'failed', error: new ControlError(code, message, options) };
}

/** Seconds or an HTTP date, as RFC 9110 allows, in milliseconds from `now`; undefined if absent or malformed. */
export function parseRetryAfter(value: string | null, now: Date): number | undefined {
  if (value === null) return undefined;
  if (/^\d{1,9}$/.test(value.trim())) return Number(value.trim()) * 1000;
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now.getTime());
}

/** JSON, or undefined where the text is none: a page cut short must not look like an empty one. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function readGraphError(body: unknown): { graphCode?: string; requestId?: string } {
  const parsed = errorBody.safeParse(body);
  if (!parsed.success) return {};
  const requestId = parsed.data.error.innerError?.['request-id'];
  return { graphCode: parsed.data.error.code, ...(requestId === undefined ? {} : { requestId }) };
}
