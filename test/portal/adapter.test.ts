import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readRequest, renderAnswer } from '../../lib/portal/adapter.ts';

const BASE = 'https://llm.example.com';
const eventOf = (http: Record<string, unknown>) => ({ http: { method: 'GET', path: '/dashboard', ...http } });

test('the request stands on the public address, whatever Host the platform was called by', () => {
  const headers = { host: 'faas-fra1.doserverless.co', 'x-forwarded-host': 'evil.example' };
  const request = readRequest(eventOf({ queryString: 'a=1&b=%26', headers }), BASE);

  expect(request?.url).toBe(`${BASE}/dashboard?a=1&b=%26`);
});

test.each([
  ['as text', 'csrf=a%20b', false],
  ['in base64', Buffer.from('csrf=a%20b').toString('base64'), true],
])('a form arrives %s', async (_, body, isBase64Encoded) => {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const request = readRequest(eventOf({ method: 'post', body, isBase64Encoded, headers }), BASE);

  expect(request?.method).toBe('POST');
  expect(await request?.text()).toBe('csrf=a%20b');
});

test.each([
  ['no web event', {}],
  ['another host in the path', eventOf({ path: '.evil.example/dashboard' })],
  ['credentials in the path', eventOf({ path: '@evil.example/dashboard' })],
  ['a port in the path', eventOf({ path: ':99999/dashboard' })],
  ['a method that no page uses', eventOf({ method: 'TRACE' })],
  ['a header that is none', eventOf({ headers: { cookie: 'a\nb' } })],
])('%s is no request', (_, event) => {
  expect(readRequest(event, BASE)).toBeUndefined();
});

test('any event gives a request on the public address or none, never a crash', () => {
  const http = fc.record({
    method: fc.string(),
    path: fc.string(),
    queryString: fc.string(),
    headers: fc.dictionary(fc.string(), fc.string()),
    body: fc.string(),
    isBase64Encoded: fc.boolean(),
  });

  fc.assert(
    fc.property(fc.oneof(fc.anything(), fc.record({ http })), (event) => {
      const request = readRequest(event, BASE);
      if (request !== undefined) expect(new URL(request.url).origin).toBe(BASE);
    }),
  );
});

test('one cookie is answered as text, several as a list', async () => {
  const answerWith = (...cookies: string[]) => {
    const headers = new Headers();
    for (const cookie of cookies) headers.append('set-cookie', cookie);
    return renderAnswer(new Response('page', { headers }));
  };

  expect((await answerWith()).headers['set-cookie']).toBeUndefined();
  expect((await answerWith('a=1')).headers['set-cookie']).toBe('a=1');
  expect((await answerWith('a=1', 'b=2')).headers['set-cookie']).toEqual(['a=1', 'b=2']);
});
