// A subscriber for tests: answers handshakes, keeps what it was posted, and fails as told.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export type ReceivedPost = { readonly path: string; readonly value: readonly Record<string, unknown>[] };

export type Answer = {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
};

export type Handshake = {
  readonly path: string;
  /** As it stood in the address. */
  readonly encoded: string;
  readonly token: string;
};

export type Receiver = Awaited<ReturnType<typeof startReceiver>>;

/** Listens on a free port of this machine. */
export async function startReceiver() {
  const posts: ReceivedPost[] = [];
  const handshakes: Handshake[] = [];
  const answers: (Answer | 'silence')[] = [];
  let answerHandshake = ({ token }: Handshake): Answer => ({
    status: 200,
    headers: { 'Content-Type': 'text/plain' },
    body: token,
  });

  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const token = url.searchParams.get('validationToken');
    let answer: Answer | 'silence';
    if (token === null) {
      posts.push({ path: url.pathname, ...JSON.parse(Buffer.concat(chunks).toString()) });
      answer = answers.shift() ?? { status: 202 };
    } else {
      const encoded = /validationToken=([^&]*)/.exec(url.search)?.[1] ?? '';
      const handshake = { path: url.pathname, encoded, token };
      handshakes.push(handshake);
      answer = answerHandshake(handshake);
    }
    if (answer === 'silence') return;
    response.writeHead(answer.status, { ...answer.headers }).end(answer.body);
  });
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));

  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}`,
    posts,
    handshakes,
    /** The answers to the next posts, first one first; 202 after that. */
    answers,
    /** Everything posted, in the order it came. */
    notifications: () => posts.flatMap(({ value }) => value),
    onHandshake(answer: typeof answerHandshake): void {
      answerHandshake = answer;
    },
    /** Ends open connections too. */
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
