// As much of fetch as the transport needs, with a client certificate. Node's fetch takes one only through undici's Agent,
// which is in no function (the library has 500 KB); node:https has it built in. test/gateway/certified-fetch.test.ts
// holds both to one contract.

import { Agent, request } from 'node:https';
import { type MutualTls, tlsClientOptions } from '../mutual-tls.ts';

/** The part of fetch that the transport uses; globalThis.fetch is one. */
export type Fetch = (url: URL, init: FetchInit) => Promise<FetchAnswer>;

export type FetchInit = {
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly body?: string;
  readonly redirect: 'error';
  readonly signal: AbortSignal;
};

export type FetchAnswer = {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  text(): Promise<string>;
};

export type CertifiedFetch = {
  readonly fetch: Fetch;
  /** Ends the connections that rest. */
  close(): void;
};

/** As long as Node's own fetch keeps a resting connection: a container may be frozen for minutes, and what rested
 *  longer has been given up by the server. */
const IDLE_TIMEOUT_MS = 4_000;
/** A page of 100 keys has about 150 KB. An endless answer must not fill the 256 MB of a function. */
const MAX_ANSWER_BYTES = 32_000_000;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** `maxSockets` connections at most; more calls wait for one. */
export function createCertifiedFetch(
  tls: MutualTls,
  { maxSockets }: { readonly maxSockets: number },
): CertifiedFetch {
  const agent = new Agent({
    ...tlsClientOptions(tls),
    keepAlive: true,
    maxSockets,
    // Of a connection that rests; one at work is ended by the signal of its call alone.
    timeout: IDLE_TIMEOUT_MS,
  });
  return { fetch: (url, init) => send(agent, url, init), close: () => agent.destroy() };
}

/** Rejects with the signal's reason once it aborts, else with what the network or TLS said. The answer is read to its
 *  end first: a caller who never asks for the text holds no connection. */
async function send(agent: Agent, url: URL, init: FetchInit): Promise<FetchAnswer> {
  // The key in the headers must never leave this machine in the clear.
  if (url.protocol !== 'https:') throw new TypeError('A client certificate needs an https URL.');
  init.signal.throwIfAborted();
  const body = init.body === undefined ? undefined : Buffer.from(init.body);
  const headers = {
    ...init.headers,
    ...(body === undefined ? {} : { 'content-length': String(body.length) }),
  };
  try {
    return await new Promise<FetchAnswer>((resolve, reject) => {
      const call = request(url, { agent, method: init.method, headers, signal: init.signal }, (answer) => {
        readText(answer).then(
          (text) =>
            resolve({
              status: answer.statusCode ?? 0,
              headers: { get: (name) => headerOf(answer.headers[name.toLowerCase()]) },
              text: async () => text,
            }),
          (error: unknown) => {
            // The rest of it is of no use, and neither is the connection.
            answer.destroy();
            reject(error);
          },
        );
        if (REDIRECTS.has(answer.statusCode ?? 0)) {
          // Elsewhere the key would be a stranger's.
          answer.destroy(new TypeError('The answer was a redirect.'));
        }
      });
      call.on('error', reject);
      call.end(body);
    });
  } catch (error) {
    init.signal.throwIfAborted();
    throw error;
  }
}

async function readText(answer: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of answer) {
    sizeBytes += chunk.length;
    if (sizeBytes > MAX_ANSWER_BYTES) {
      throw new RangeError(`The answer has more than ${MAX_ANSWER_BYTES} bytes.`);
    }
    chunks.push(chunk);
  }
  // As fetch does: wrong bytes become U+FFFD, a byte order mark goes.
  return new TextDecoder().decode(Buffer.concat(chunks));
}

/** Repeated headers in one, as fetch has them. */
function headerOf(value: string | string[] | undefined): string | null {
  return value === undefined ? null : Array.isArray(value) ? value.join(', ') : value;
}
