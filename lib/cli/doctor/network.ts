// How `lcp doctor` looks at the droplet from outside: names, ports, handshakes and single requests, each by address, so
// that what is asked is what the name leads to. Nothing here decides what is right.

import { promises as dns } from 'node:dns';
import http from 'node:http';
import https from 'node:https';
import { connect as connectTcp } from 'node:net';
import { type ConnectionOptions, connect as connectTls, type PeerCertificate } from 'node:tls';

export type Addresses = { readonly v4: readonly string[]; readonly v6: readonly string[] };

export type Network = {
  /** What the name service says about the name itself, past the hosts file of this machine. */
  readAddresses(host: string): Promise<Addresses>;
  readonly httpsPort: number;
  readonly httpPort: number;
  /** Of what runs on the droplet and must not be reached from outside. */
  readonly innerPorts: readonly { readonly port: number; readonly what: string }[];
  /** Authorities of the public site in place of the usual ones. */
  readonly publicCa?: string;
};

const NO_RECORD = ['ENOTFOUND', 'ENODATA'];

export const systemNetwork: Network = {
  async readAddresses(host) {
    const none = (error: NodeJS.ErrnoException) => {
      if (NO_RECORD.includes(error.code ?? '')) return [];
      throw new Error(`The name service did not answer for ${host} (${error.code}).`);
    };
    const [v4, v6] = await Promise.all([dns.resolve4(host).catch(none), dns.resolve6(host).catch(none)]);
    return { v4: v4.toSorted(), v6: v6.toSorted() };
  },
  httpsPort: 443,
  httpPort: 80,
  innerPorts: [
    { port: 4000, what: 'LiteLLM' },
    { port: 5432, what: 'PostgreSQL' },
    { port: 11434, what: 'Ollama' },
    { port: 6379, what: 'Valkey' },
  ],
};

export type PortState = 'open' | 'closed' | 'silent' | 'no-route';

/** Whether anything accepts a connection. `silent` after `limitMs`: a firewall drops it, or nobody is there. */
export function tryPort(
  { address, port }: { readonly address: string; readonly port: number },
  limitMs: number,
): Promise<PortState> {
  return new Promise((resolve) => {
    const socket = connectTcp({ host: address, port });
    const end = (state: PortState) => {
      socket.destroy();
      resolve(state);
    };
    AbortSignal.timeout(limitMs).addEventListener('abort', () => end('silent'), { once: true });
    socket.once('connect', () => end('open'));
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENETUNREACH' || error.code === 'EHOSTUNREACH' || error.code === 'EADDRNOTAVAIL') {
        end('no-route');
      } else end(error.code === 'ETIMEDOUT' ? 'silent' : 'closed');
    });
  });
}

export type Handshake =
  | {
      readonly status: 'done';
      /** Such as TLSv1.3. */
      readonly protocol: string;
      readonly certificate: PeerCertificate;
      /** OpenSSL's word when the chain or the name is not accepted. */
      readonly distrust: string | null;
    }
  | { readonly status: 'refused'; readonly code: string };

/** One TLS handshake and its end; the certificate is looked at, not relied on. */
export function tryHandshake(
  options: ConnectionOptions & { readonly signal: AbortSignal },
): Promise<Handshake> {
  const { signal, ...tls } = options;
  return new Promise((resolve, reject) => {
    const socket = connectTls({ ...tls, rejectUnauthorized: false });
    const onAbort = () => socket.destroy(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    socket.once('secureConnect', () => {
      // A server that refuses our side in TLS 1.3 says so only now; this looks at its side.
      const distrust = socket.authorizationError as unknown as string | Error | null;
      resolve({
        status: 'done',
        protocol: socket.getProtocol() ?? 'unknown',
        certificate: socket.getPeerCertificate(),
        distrust: distrust === null || distrust === undefined ? null : codeOf(distrust),
      });
      socket.end();
    });
    socket.once('error', (error) => {
      if (signal.aborted) reject(signal.reason);
      else resolve({ status: 'refused', code: codeOf(error) });
    });
    socket.once('close', () => {
      signal.removeEventListener('abort', onAbort);
      resolve({ status: 'refused', code: 'closed without a word' });
    });
  });
}

export type Answer = {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
};
export type Question = {
  readonly address: string;
  readonly port: number;
  readonly host: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Without it, plain http. */
  readonly tls?: Pick<ConnectionOptions, 'ca' | 'cert' | 'key' | 'minVersion'> | undefined;
  readonly signal: AbortSignal;
};

const MOST_BYTES = 100_000;

/** One GET on a connection of its own, to `address` under the name `host`; a redirect is an answer.
 *  Rejects with the network's error, which `codeOf` names. */
export function ask({ address, port, host, path, headers, tls, signal }: Question): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = {
      host: address,
      port,
      path,
      headers: { ...headers, host },
      signal,
      agent: false as const,
    };
    const onAnswer = (answer: http.IncomingMessage) => {
      let body = '';
      answer.setEncoding('utf8');
      answer.on('data', (text: string) => {
        if (body.length < MOST_BYTES) body += text;
      });
      answer.on('error', reject);
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body }));
    };
    const request =
      tls === undefined
        ? http.request(options, onAnswer)
        : https.request({ ...options, ...tls, servername: host, rejectUnauthorized: true }, onAnswer);
    request.on('error', reject);
    request.end();
  });
}

export function codeOf(error: unknown): string {
  if (typeof error === 'string') return error;
  const { code, message } = error as { code?: unknown; message?: unknown };
  return String(code ?? message ?? 'unknown');
}
