// What the transport relies on in whatever fetches for it: Node's own, or ours with a client certificate.

import type { IncomingMessage, RequestListener } from 'node:http';
import { expect, test } from 'vitest';
import type { Fetch, FetchAnswer, FetchInit } from '../../lib/gateway/certified-fetch.ts';

export type FetchSubject = {
  readonly fetch: Fetch;
  /** Serves `answer` where `fetch` is allowed to go, until the end of the test. */
  serve(answer: RequestListener): Promise<{ readonly url: string }>;
};

const reply = (status: number, headers: Record<string, string | string[]>, body = ''): RequestListener => {
  return (_, response) => response.writeHead(status, headers).end(body);
};

/** Call it inside a describe; `subject` is asked once a test. */
export function describeFetch(subject: () => FetchSubject): void {
  const ask = async (answer: RequestListener, init: Partial<FetchInit> = {}, path = '/') => {
    const { fetch, serve } = subject();
    const { url } = await serve(answer);
    return read(
      await fetch(new URL(path, url), { method: 'GET', headers: {}, redirect: 'error', ...never(), ...init }),
    );
  };

  test.each([200, 201, 400, 401, 403, 404, 409, 422, 429, 500, 503])(
    'an answer of status %i is an answer, with its text',
    async (status) => {
      expect(await ask(reply(status, {}, 'said'))).toMatchObject({ status, text: 'said' });
    },
  );

  test('a status that has no body has an empty text', async () => {
    expect(await ask(reply(204, {}))).toMatchObject({ status: 204, text: '' });
  });

  test('headers are found in any case, repeated ones joined, missing ones null', async () => {
    const { fetch, serve } = subject();
    const { url } = await serve(reply(429, { 'Retry-After': '7', 'X-Twice': ['a', 'b'] }));

    const { headers } = await fetch(new URL(url), {
      method: 'GET',
      headers: {},
      redirect: 'error',
      ...never(),
    });

    expect(headers.get('retry-after')).toBe('7');
    expect(headers.get('Retry-After')).toBe('7');
    expect(headers.get('x-twice')).toBe('a, b');
    expect(headers.get('x-missing')).toBeNull();
  });

  test('method, path, query, headers and body arrive as they were given', async () => {
    const echo: RequestListener = async (request, response) => {
      response.end(JSON.stringify(await describeRequest(request)));
    };
    const body = JSON.stringify({ name: 'Ada Ädler \u{1F511}' });

    const { text } = await ask(
      echo,
      { method: 'POST', headers: { authorization: 'Bearer sk-1', 'content-type': 'application/json' }, body },
      '/key/list?user_id=a%20b&page=1',
    );

    expect(JSON.parse(text)).toEqual({
      method: 'POST',
      url: '/key/list?user_id=a%20b&page=1',
      authorization: 'Bearer sk-1',
      contentType: 'application/json',
      contentLength: String(Buffer.byteLength(body)),
      body,
    });
  });

  test('a text in pieces, with characters cut in the middle and a mark at its beginning, is put together', async () => {
    const bytes = Buffer.from('\uFEFFgrün \u{1F511} ende');
    const inPieces: RequestListener = (_, response) => {
      for (const byte of bytes) response.write(Buffer.from([byte]));
      response.end();
    };

    expect((await ask(inPieces)).text).toBe('grün \u{1F511} ende');
  });

  test('an answer of several megabytes is whole', async () => {
    const body = 'x'.repeat(5_000_000);

    expect((await ask(reply(200, {}, body))).text).toHaveLength(body.length);
  });

  test.each([301, 302, 303, 307, 308])(
    'a redirect of status %i is an error, and nobody is asked there',
    async (status) => {
      const asked: string[] = [];
      const redirecting = ask((request, response) => {
        asked.push(request.url ?? '');
        response.writeHead(status, { location: '/elsewhere' }).end('moved');
      });

      await expect(redirecting).rejects.toThrow();
      expect(asked).toEqual(['/']);
    },
  );

  test('a connection that is cut in the middle of the answer is an error, not a shorter text', async () => {
    const cutting: RequestListener = (_, response) => {
      response.writeHead(200, { 'content-length': '1000' });
      response.write('half', () => response.destroy());
    };

    await expect(ask(cutting)).rejects.toThrow();
  });

  test('a connection that is cut in the middle of an answer without a length is an error as well', async () => {
    const cutting: RequestListener = (_, response) => {
      response.write('half', () => response.destroy());
    };

    await expect(ask(cutting)).rejects.toThrow();
  });

  test('a cut connection is not used again', async () => {
    const { fetch, serve } = subject();
    let count = 0;
    const { url } = await serve((_, response) => {
      count += 1;
      if (count === 1) response.destroy();
      else response.end('second');
    });
    const init = { method: 'GET', headers: {}, redirect: 'error', ...never() } as const;

    await expect(fetch(new URL(url), init)).rejects.toThrow();
    expect((await read(await fetch(new URL(url), init))).text).toBe('second');
  });

  test('a signal that has aborted already asks nobody', async () => {
    const reason = new Error('too late');
    let count = 0;

    const asking = ask(() => (count += 1), { signal: AbortSignal.abort(reason) });

    await expect(asking).rejects.toBe(reason);
    expect(count).toBe(0);
  });

  test('a signal ends the wait for an answer with its reason', async () => {
    const caller = new AbortController();
    const reason = new Error('out of time');

    await expect(ask(() => caller.abort(reason), { signal: caller.signal })).rejects.toBe(reason);
  });

  test('a signal ends the wait for the rest of an answer with its reason', async () => {
    const caller = new AbortController();
    const reason = new Error('out of time');
    const dripping: RequestListener = (_, response) => {
      response.write('first', () => caller.abort(reason));
    };

    await expect(ask(dripping, { signal: caller.signal })).rejects.toBe(reason);
  });

  test('a deadline ends the wait as a TimeoutError', async () => {
    await expect(ask(() => undefined, { signal: AbortSignal.timeout(50) })).rejects.toMatchObject({
      name: 'TimeoutError',
    });
  });

  test.each(['one\r\nx-forged: yes', 'one\n two', 'nul\0'])(
    'a header value that would end its line asks nobody: %j',
    async (authorization) => {
      let count = 0;

      await expect(ask(() => (count += 1), { headers: { authorization } })).rejects.toThrow();
      expect(count).toBe(0);
    },
  );

  test('a port where nobody listens is an error', async () => {
    const { fetch } = subject();

    await expect(
      fetch(new URL('https://127.0.0.1:1/'), { method: 'GET', headers: {}, redirect: 'error', ...never() }),
    ).rejects.toThrow();
  });
}

const never = () => ({ signal: new AbortController().signal });

async function read(answer: FetchAnswer): Promise<{ status: number; text: string }> {
  return { status: answer.status, text: await answer.text() };
}

async function describeRequest(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return {
    method: request.method,
    url: request.url,
    authorization: request.headers.authorization,
    contentType: request.headers['content-type'],
    contentLength: request.headers['content-length'],
    body: Buffer.concat(chunks).toString(),
  };
}
