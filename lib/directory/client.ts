// The one file that knows @microsoft/microsoft-graph-client (no release since 2023), behind two methods. The
// library adds the token and builds addresses; retries, deadlines and answers are ours, because its own retry
// sleeps up to 180 s inside the function and repeats no broken connection.

import type { Client, Context } from '@microsoft/microsoft-graph-client';
import pLimit from 'p-limit';
import type { Clock } from '../clock.ts';
import { ControlError, isControlError } from '../errors.ts';
import { classifyAnswer, failedAnswer, type GraphAnswer, parseJson } from './answer.ts';
import { BATCH_LIMIT, type GraphRequest, parseBatch, renderBatch } from './batch.ts';
import { retryWithinDeadline } from './retry.ts';
import { createTokenSource, type TokenSource, type TokenSourceOptions } from './token.ts';

// Items throttled together become due together; a burst of twenty would be throttled again.
const REPEATS_AT_ONCE = 4;

export type DirectoryClient = {
  /** One read, repeated while that helps. Throws the signal's reason, and nothing else. */
  get(request: GraphRequest, signal: AbortSignal): Promise<GraphAnswer>;
  /** One change, attempted once: an answer that was lost may have changed something. Throws like `get`. */
  write(request: GraphRequest, signal: AbortSignal): Promise<GraphAnswer>;
  /** Up to BATCH_LIMIT reads in one call, answers in the order asked; throttled items are repeated alone. */
  batch(requests: readonly GraphRequest[], signal: AbortSignal): Promise<readonly GraphAnswer[]>;
};

export type DirectoryClientOptions = TokenSourceOptions & {
  readonly clock: Clock;
  /** Nothing is waited for beyond this instant. */
  readonly deadlineAt: Date;
  /** Shared by warm invocations; by default made here and forgotten with the client. */
  readonly tokens?: TokenSource;
  readonly fetch?: typeof globalThis.fetch;
};

/** A client for one run. @throws ControlError CONFIG_INVALID if `graphBaseUrl` is not https */
export function createDirectoryClient(options: DirectoryClientOptions): DirectoryClient {
  const { clock, deadlineAt } = options;
  const origin = requireHttpsOrigin(options.graphBaseUrl);
  const tokens = options.tokens ?? createTokenSource(options);
  let loading: ReturnType<typeof loadGraph> | undefined;

  async function send(request: GraphRequest, signal: AbortSignal): Promise<GraphAnswer> {
    const address = resolveAddress(request.path, origin);
    if (address === undefined) {
      return failedAnswer('GRAPH_ANSWER_INVALID', 'Microsoft Graph named a next page on another host.');
    }
    try {
      const token = await tokens.readToken(signal);
      loading ??= loadGraph(origin, options.fetch ?? globalThis.fetch);
      const response = await (await loading)(address, { ...request, token, signal });
      const body = response.status === 204 ? null : parseJson(await response.text());
      return classifyAnswer(
        { httpStatus: response.status, retryAfter: response.headers.get('retry-after'), body },
        clock.now(),
      );
    } catch (error) {
      if (isControlError(error)) return { status: 'failed', error };
      return failedAnswer('GRAPH_UNAVAILABLE', 'The connection to Microsoft Graph broke off.', {
        cause: error,
        retryable: true,
      });
    }
  }

  const get: DirectoryClient['get'] = (request, signal) =>
    retryWithinDeadline((attempt) => send(request, attempt), { clock, deadlineAt, signal });

  const write: DirectoryClient['write'] = (request, signal) =>
    retryWithinDeadline((attempt) => send(request, attempt), { clock, deadlineAt, signal, attemptLimit: 1 });

  const batch: DirectoryClient['batch'] = async (requests, signal) => {
    if (requests.length > BATCH_LIMIT) throw new RangeError(`A batch holds at most ${BATCH_LIMIT} requests.`);
    const request: GraphRequest = { path: '/$batch', method: 'POST', body: renderBatch(requests) };
    const whole = await retryWithinDeadline((attempt) => send(request, attempt), {
      clock,
      deadlineAt,
      signal,
    });
    // A batch address that does not exist is a wrong address, never ten groups that are gone.
    if (whole.status === 'not-found') {
      const gone = failedAnswer(
        'GRAPH_ANSWER_INVALID',
        'Microsoft Graph has no $batch here; check GRAPH_BASE_URL.',
      );
      return requests.map(() => gone);
    }
    if (whole.status === 'failed') return requests.map(() => whole);
    const items = parseBatch(whole.body, requests.length, clock.now());
    const limit = pLimit(REPEATS_AT_ONCE);
    return Promise.all(
      items.map((previous, index) => {
        const request = requests[index];
        if (request === undefined) return previous;
        const again = (attempt: AbortSignal) => limit(() => send(request, attempt));
        return retryWithinDeadline(again, { clock, deadlineAt, signal, previous });
      }),
    );
  };

  return { get, write, batch };
}

type Sent = GraphRequest & {
  readonly token: string;
  readonly signal: AbortSignal;
};

async function loadGraph(origin: string, fetch: typeof globalThis.fetch) {
  const graph = await import('./graph-sdk.ts');
  const transport = {
    execute: async (context: Context) => {
      // A redirect is not followed: Graph has none for these reads, and the token must not travel.
      context.response = await fetch(context.request, { ...context.options, redirect: 'manual' });
    },
  };
  const client: Client = graph.Client.initWithMiddleware({
    baseUrl: origin,
    defaultVersion: 'v1.0',
    // Without the port, or the library silently sends no token (its GraphRequestUtil, isValidEndpoint).
    customHosts: new Set([new URL(origin).hostname]),
    middleware: [new graph.AuthenticationHandler({ getAccessToken: () => Promise.resolve('') }), transport],
  });
  return async (
    address: string,
    { method = 'GET', headers, body, token, signal }: Sent,
  ): Promise<Response> => {
    const call = client
      .api(address)
      .headers({ ...headers })
      .option('signal', signal)
      .responseType(graph.ResponseType.RAW)
      .middlewareOptions([
        new graph.AuthenticationHandlerOptions({ getAccessToken: () => Promise.resolve(token) }),
      ]);
    switch (method) {
      case 'GET':
        return await call.get();
      case 'POST':
        return await call.post(body);
      case 'PATCH':
        return await call.patch(body);
      case 'DELETE':
        return await call.delete();
    }
  };
}

// The library compares host names only, so a nextLink to another port or host would be given the token.
function resolveAddress(path: string, origin: string): string | undefined {
  const base = `${origin}/v1.0/`;
  if (path.startsWith('/') && !path.startsWith('//')) return `${base}${path.slice(1)}`;
  if (!URL.canParse(path)) return undefined;
  const { href } = new URL(path);
  return href.startsWith(base) ? href : undefined;
}

function requireHttpsOrigin(graphBaseUrl: string): string {
  const url = URL.canParse(graphBaseUrl) ? new URL(graphBaseUrl) : undefined;
  if (url?.protocol === 'https:') return url.origin;
  throw new ControlError(
    'CONFIG_INVALID',
    'GRAPH_BASE_URL must be an https address; a token is never sent without TLS.',
  );
}
