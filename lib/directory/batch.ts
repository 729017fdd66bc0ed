// The JSON batch of Microsoft Graph, both ways, as values: up to twenty requests in one call, each with an answer
// of its own inside a 200. https://learn.microsoft.com/graph/json-batching

import * as z from 'zod';
import { classifyAnswer, failedAnswer, type GraphAnswer } from './answer.ts';

/** Graph refuses the whole batch above this. */
export const BATCH_LIMIT = 20;

const batchBody = z.object({
  responses: z.array(
    z.object({
      id: z.string(),
      status: z.number().int(),
      headers: z.record(z.string(), z.string()).nullish(),
      body: z.unknown().optional(),
    }),
  ),
});

export type GraphRequest = {
  /** Relative to /v1.0, or a whole nextLink. */
  readonly path: string;
  /** GET without one. */
  readonly method?: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
};

/** The body of `POST /$batch`; ids are positions. Paths must be relative, without host and version. */
export function renderBatch(requests: readonly GraphRequest[]): unknown {
  return {
    requests: requests.map(({ method = 'GET', path, headers, body }, index) => {
      const sent = { ...headers, ...(body === undefined ? {} : { 'Content-Type': 'application/json' }) };
      return {
        id: String(index),
        method,
        url: path,
        ...(Object.keys(sent).length === 0 ? {} : { headers: sent }),
        ...(body === undefined ? {} : { body }),
      };
    }),
  };
}

/** One answer a request, in the order asked; Graph may answer in any order. An item that is absent or answered
 *  twice failed: a batch that lost an item must not look like an empty group. */
export function parseBatch(body: unknown, requestCount: number, now: Date): GraphAnswer[] {
  const parsed = batchBody.safeParse(body);
  if (!parsed.success) {
    return Array.from({ length: requestCount }, () => invalidItem('The batch answer has an unknown form.'));
  }
  return Array.from({ length: requestCount }, (_, index) => {
    const items = parsed.data.responses.filter((item) => item.id === String(index));
    const item = items[0];
    if (item === undefined) return invalidItem('The batch answer lacks an item.');
    if (items.length > 1) return invalidItem('The batch answer holds an item twice.');
    const retryAfter = Object.entries(item.headers ?? {}).find(
      ([name]) => name.toLowerCase() === 'retry-after',
    );
    return classifyAnswer(
      { httpStatus: item.status, retryAfter: retryAfter?.[1] ?? null, body: item.body },
      now,
    );
  });
}

function invalidItem(message: string): GraphAnswer {
  return failedAnswer('GRAPH_ANSWER_INVALID', message);
}
