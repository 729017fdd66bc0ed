import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { classifyAnswer, parseJson, parseRetryAfter } from '../../lib/directory/answer.ts';

const now = new Date('2026-01-01T00:00:00Z');
const graphError = (code: string) => ({
  error: { code, message: 'Text that changes.', innerError: { 'request-id': 'r-1' } },
});

function classify(httpStatus: number, body: unknown) {
  const answer = classifyAnswer({ httpStatus, body, retryAfter: null }, now);
  return answer.status === 'failed' ? { code: answer.error.code, retryable: answer.error.retryable } : answer;
}

test.each([
  [429, 'GRAPH_THROTTLED', true],
  [500, 'GRAPH_UNAVAILABLE', true],
  [502, 'GRAPH_UNAVAILABLE', true],
  [503, 'GRAPH_UNAVAILABLE', true],
  [504, 'GRAPH_UNAVAILABLE', true],
  [401, 'GRAPH_DENIED', false],
  [403, 'GRAPH_DENIED', false],
  [400, 'GRAPH_ANSWER_INVALID', false],
  [302, 'GRAPH_ANSWER_INVALID', false],
  [410, 'GRAPH_ANSWER_INVALID', false],
])('status %i is %s with retryable %s', (httpStatus, code, retryable) => {
  expect(classify(httpStatus, {})).toMatchObject({ code, retryable });
});

test('Graph naming a missing resource is not found', () => {
  expect(classify(404, graphError('Request_ResourceNotFound'))).toEqual({ status: 'not-found' });
});

test("a 404 that is not Graph's own is an invalid answer, never a group that is gone", () => {
  expect(classify(404, undefined)).toMatchObject({ code: 'GRAPH_ANSWER_INVALID' });
  expect(classify(404, graphError('BadRoute'))).toMatchObject({ code: 'GRAPH_ANSWER_INVALID' });
});

test('a 200 that is not JSON is an invalid answer, not an empty one', () => {
  expect(classify(200, parseJson('{"value":[{"id":"a'))).toMatchObject({ code: 'GRAPH_ANSWER_INVALID' });
});

test("Graph's code and request id are kept for DevOps", () => {
  const answer = classifyAnswer(
    { httpStatus: 403, body: graphError('Authorization_RequestDenied'), retryAfter: null },
    now,
  );

  expect(answer).toMatchObject({
    status: 'failed',
    error: { details: { httpStatus: 403, graphCode: 'Authorization_RequestDenied', requestId: 'r-1' } },
  });
});

test.each([
  ['5', 5_000],
  ['0', 0],
  ['Thu, 01 Jan 2026 00:01:00 GMT', 60_000],
  ['Wed, 31 Dec 2025 00:00:00 GMT', 0],
  ['soon', undefined],
  [null, undefined],
])('Retry-After %j is %s ms', (value, expected) => {
  expect(parseRetryAfter(value, now)).toBe(expected);
});

test('any status and body give an answer of ours', () =>
  fc.assert(
    fc.property(
      fc.integer({ min: 100, max: 599 }),
      fc.jsonValue(),
      fc.option(fc.string()),
      (httpStatus, body, retryAfter) => {
        const answer = classifyAnswer({ httpStatus, body, retryAfter }, now);

        expect(['ok', 'not-found', 'failed']).toContain(answer.status);
      },
    ),
  ));
