// POST /$batch: up to twenty requests, each with an answer of its own inside a 200.

import * as z from 'zod';
import { findFailure, spoilReply } from './fault-effects.ts';
import type { Fault, Faults } from './faults.ts';
import { answerGraph, type GraphWorld } from './graph.ts';
import { failureReply, graphError, graphReply, type Reply } from './reply.ts';
import type { Requests } from './requests.ts';

const BATCH_LIMIT = 20;

const batchBody = z.object({
  requests: z.array(
    z.object({
      id: z.string(),
      method: z.string(),
      url: z.string(),
      headers: z.record(z.string(), z.string()).optional(),
      body: z.unknown().optional(),
    }),
  ),
});

export type BatchReply = {
  readonly reply: Reply;
  /** Faults that strike the connection, which all items share. */
  readonly wireFaults: readonly Fault[];
};

/** Answers all items of a batch. */
export function answerBatch(
  world: GraphWorld,
  content: unknown,
  faults: Faults,
  requests: Requests,
): BatchReply {
  const parsed = batchBody.safeParse(content);
  if (!parsed.success) return refuse('Invalid batch payload format.');
  const items = parsed.data.requests;
  if (items.length > BATCH_LIMIT)
    return refuse('Number of batch request steps exceeds the maximum value of 20.');
  if (new Set(items.map((item) => item.id.toLowerCase())).size < items.length)
    return refuse('Duplicate request ids.');
  const wireFaults: Fault[] = [];
  const responses = items.map((item) => {
    const url = new URL(`${world.graphUrl}/v1.0/${item.url.replace(/^\//, '')}`);
    const path = url.pathname + url.search;
    const struck = faults.strike({ method: item.method, path, isBatchItem: true });
    wireFaults.push(...struck);
    const headers = Object.fromEntries(
      Object.entries(item.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]),
    );
    const right = () =>
      // https://learn.microsoft.com/graph/json-batching#request-format
      item.body !== undefined && headers['content-type'] === undefined
        ? graphError(400, 'BadRequest', 'A request with a body needs the header Content-Type.')
        : answerGraph(world, { method: item.method, url, headers, content: item.body });
    const failure = findFailure(struck);
    const reply = failure
      ? failureReply(failure.status, failure.retryAfterSeconds)
      : spoilReply(right(), struck, url.href);
    requests.record({ method: item.method, path, status: reply.status, isBatchItem: true });
    const replyHeaders = { 'Content-Type': 'application/json', ...reply.headers };
    return { id: item.id, status: reply.status, headers: replyHeaders, body: reply.body };
  });
  return { reply: graphReply(200, { responses }), wireFaults };
}

function refuse(message: string): BatchReply {
  return { reply: graphError(400, 'BadRequest', message), wireFaults: [] };
}
