// LiteLLM's access log is read as it is written.

import { expect, test } from 'vitest';
import { parseRequestLog } from './litellm/request-log.ts';

test('requests are found between other lines, without their queries', () => {
  const text = [
    'INFO:     Uvicorn running on http://127.0.0.1:4000 (Press CTRL+C to quit)',
    'INFO:     127.0.0.1:54402 - "GET /v2/team/list?page=1&page_size=100 HTTP/1.1" 200 OK',
    '22:54:44 - LiteLLM Proxy:WARNING: utils.py:6139 - something else',
    'INFO:     127.0.0.1:54402 - "POST /key/block HTTP/1.1" 404 Not Found',
  ].join('\n');

  expect(parseRequestLog(text)).toEqual([
    { method: 'GET', path: '/v2/team/list', status: 200 },
    { method: 'POST', path: '/key/block', status: 404 },
  ]);
});
