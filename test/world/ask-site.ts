// A request over TLS as a stranger on the internet would send it: to any name, from any address of the loopback
// network, with any certificate, and with the path exactly as given.

import type { IncomingMessage } from 'node:http';
import { request as requestHttp } from 'node:http';
import { type Agent, type RequestOptions, request } from 'node:https';
import { text } from 'node:stream/consumers';

export type Question = {
  readonly port: number;
  /** The name in the TLS handshake; also the Host header unless `headers` has one. */
  readonly name: string;
  readonly path: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  /** One of 127.0.0.0/8. */
  readonly from?: string;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** Keeps connections between questions; without it each has its own. */
  readonly agent?: Agent;
  /** Plain http, as to port 80. */
  readonly isPlain?: boolean;
};

export type Answer = {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
};

const LIMIT_MS = 30_000;

/** Rejects when the connection or the handshake fails. */
export async function askSite(question: Question): Promise<Answer> {
  const response = await openAnswer(question);
  return { status: response.statusCode ?? 0, headers: response.headers, text: await text(response) };
}

/** Resolves with the headers; the body is still to be read. */
export function openAnswer(question: Question): Promise<IncomingMessage> {
  const { port, name, path, from = '127.0.0.1', body, ca, cert, key } = question;
  const options: RequestOptions = {
    host: '127.0.0.1',
    port,
    servername: name,
    localAddress: from,
    method: question.method ?? (body === undefined ? 'GET' : 'POST'),
    path,
    headers: {
      host: name,
      ...(typeof body === 'string' ? { 'content-type': 'application/json' } : {}),
      ...question.headers,
    },
    ca,
    cert,
    key,
    agent: question.agent ?? false,
    signal: AbortSignal.timeout(LIMIT_MS),
  };
  return new Promise((resolve, reject) => {
    const outgoing = question.isPlain ? requestHttp(options, resolve) : request(options, resolve);
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}
