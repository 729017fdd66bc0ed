import { expect, test } from 'vitest';
import { parseBatch, renderBatch } from '../../lib/directory/batch.ts';

const now = new Date('2026-01-01T00:00:00Z');
const item = (id: string, status: number, body: unknown = { id }, headers?: Record<string, string>) => ({
  id,
  status,
  body,
  ...(headers === undefined ? {} : { headers }),
});

test('a batch names each request by its position and carries its method, headers and body', () => {
  const rendered = renderBatch([
    { path: '/groups/a' },
    { path: '/groups/b', headers: { Prefer: 'return=minimal' } },
    { path: '/users/c/checkMemberGroups', method: 'POST', body: { groupIds: ['a'] } },
  ]);

  expect(rendered).toEqual({
    requests: [
      { id: '0', method: 'GET', url: '/groups/a' },
      { id: '1', method: 'GET', url: '/groups/b', headers: { Prefer: 'return=minimal' } },
      {
        id: '2',
        method: 'POST',
        url: '/users/c/checkMemberGroups',
        headers: { 'Content-Type': 'application/json' },
        body: { groupIds: ['a'] },
      },
    ],
  });
});

test('answers in another order are given back in the order asked', () => {
  const answers = parseBatch({ responses: [item('1', 200), item('0', 200)] }, 2, now);

  expect(answers).toEqual([
    { status: 'ok', body: { id: '0' } },
    { status: 'ok', body: { id: '1' } },
  ]);
});

test('a throttled item is throttled alone, with its own Retry-After in any case of letters', () => {
  const answers = parseBatch(
    { responses: [item('0', 429, {}, { 'retry-AFTER': '9' }), item('1', 200)] },
    2,
    now,
  );

  expect(answers[0]).toMatchObject({
    status: 'failed',
    error: { code: 'GRAPH_THROTTLED', retryAfterMs: 9_000 },
  });
  expect(answers[1]?.status).toBe('ok');
});

test.each([
  ['lacks an item', { responses: [item('1', 200)] }],
  ['holds an item twice', { responses: [item('0', 200), item('0', 200), item('1', 200)] }],
])('a batch that %s fails that item and no other', (_, body) => {
  const answers = parseBatch(body, 2, now);

  expect(answers[0]).toMatchObject({ status: 'failed', error: { code: 'GRAPH_ANSWER_INVALID' } });
  expect(answers[1]?.status).toBe('ok');
});

test('a 200 item without a body is an invalid answer', () => {
  const answers = parseBatch({ responses: [{ id: '0', status: 200 }] }, 1, now);

  expect(answers[0]).toMatchObject({ status: 'failed', error: { code: 'GRAPH_ANSWER_INVALID' } });
});

test.each([[null], [{}], [{ responses: {} }], ['text']])('the batch body %j fails every item', (body) => {
  const answers = parseBatch(body, 2, now);

  expect(answers.map((answer) => answer.status)).toEqual(['failed', 'failed']);
});
