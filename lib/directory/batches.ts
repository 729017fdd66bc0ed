// Many small questions to Graph, twenty in a call and four calls at once, answers in the order asked.

import pLimit from 'p-limit';
import type { GraphAnswer } from './answer.ts';
import { BATCH_LIMIT, type GraphRequest } from './batch.ts';
import type { DirectoryClient } from './client.ts';

// Graph counts 3 resource units a page of members and allows 3,500 in 10 s to the smallest tenants; four calls at
// once keep far below that and hide most of the latency.
export const CALLS_AT_ONCE = 4;

/** Nothing is asked when there is no request. @throws the signal's reason */
export async function askAll(
  client: Pick<DirectoryClient, 'batch'>,
  requests: readonly GraphRequest[],
  signal: AbortSignal,
): Promise<readonly GraphAnswer[]> {
  const limit = pLimit(CALLS_AT_ONCE);
  const answers = await Promise.all(
    chunk(requests, BATCH_LIMIT).map((part) => limit(() => client.batch(part, signal))),
  );
  signal.throwIfAborted();
  return answers.flat();
}

/** `items` in parts of at most `size`, in order. */
export function chunk<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}
