// Posts one token over https and answers what became of it. With Node's own client, not fetch: that costs 8 MB less.
// Whatever the other side does, it ends within the limit and nothing of the answer is kept.

import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';

export type PostOutcome =
  | {
      readonly status: 'answered';
      readonly statusCode: number;
      readonly retryAfterSeconds: number | undefined;
      /** By the clock of whoever answered. */
      readonly answeredAt: Date | undefined;
    }
  | { readonly status: 'failed'; readonly code: string };

/** control/agent takes seconds when it is cold and PostgreSQL slow. */
const TIMEOUT_MS = 15_000;

/** Never rejects. */
export function postToken(
  url: string,
  token: string,
  signal: AbortSignal,
  limitMs = TIMEOUT_MS,
): Promise<PostOutcome> {
  const send = url.startsWith('https:') ? requestHttps : requestHttp;
  const headers = { 'content-type': 'application/jwt', 'content-length': Buffer.byteLength(token) };
  const ended = AbortSignal.any([signal, AbortSignal.timeout(limitMs)]);
  return new Promise((resolve) => {
    const request = send(url, { method: 'POST', headers, agent: false, signal: ended }, (response) => {
      const { statusCode = 0, headers: answered } = response;
      const answeredAt = Date.parse(answered.date ?? '');
      resolve({
        status: 'answered',
        statusCode,
        retryAfterSeconds: /^\d{1,6}$/.test(answered['retry-after'] ?? '')
          ? Number(answered['retry-after'])
          : undefined,
        answeredAt: Number.isNaN(answeredAt) ? undefined : new Date(answeredAt),
      });
      // The status is all that is asked; a body without end would keep the connection.
      response.destroy();
    });
    request.on('error', (error) => {
      const code = 'code' in error ? String(error.code) : error.name;
      resolve({ status: 'failed', code: ended.aborted && !signal.aborted ? 'TIMEOUT' : code });
    });
    request.end(token);
  });
}
