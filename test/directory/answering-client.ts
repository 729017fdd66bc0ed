// A client of Graph whose answers are a function of the request, and the calls that it was asked to make.

import { failedAnswer, type GraphAnswer } from '../../lib/directory/answer.ts';
import type { GraphRequest } from '../../lib/directory/batch.ts';
import type { DirectoryClient } from '../../lib/directory/client.ts';
import type { ErrorCode } from '../../lib/errors.ts';

/** An answer of 200. */
export const ok = (body: unknown): GraphAnswer => ({ status: 'ok', body });
export const NOT_FOUND: GraphAnswer = { status: 'not-found' };
export const failed = (code: ErrorCode): GraphAnswer => failedAnswer(code, 'A test wants it so.');

/** `calls` holds one list a call of Graph, of the requests in it. It keeps no state and forbids writing. */
export function createAnsweringClient(answerTo: (request: GraphRequest) => GraphAnswer) {
  const calls: (readonly GraphRequest[])[] = [];
  const client: DirectoryClient = {
    get: async (request) => {
      calls.push([request]);
      return answerTo(request);
    },
    batch: async (requests) => {
      calls.push(requests);
      return requests.map(answerTo);
    },
    write: () => Promise.reject(new Error('A read must not write.')),
  };
  return { client, calls };
}

/** The answers by path; what is not there is an invalid answer, so that a wrong path shows. */
export function answersByPath(answers: Readonly<Record<string, GraphAnswer>>) {
  return createAnsweringClient(({ path }) => answers[path] ?? failed('GRAPH_ANSWER_INVALID'));
}
