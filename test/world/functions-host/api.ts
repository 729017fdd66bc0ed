// The platform's REST API as far as we use it, in OpenWhisk's form: invoke, activation records, web functions.
// https://github.com/apache/openwhisk/blob/master/core/controller/src/main/resources/apiv1swagger.json

import { timingSafeEqual } from 'node:crypto';
import { type Context, Hono } from 'hono';
import { basicAuth } from 'hono/basic-auth';
import type { Clock } from '../../../lib/clock.ts';
import { type Activation, renderActivation } from './activation.ts';
import type { Invoker, Started } from './invoker.ts';
import { isWebCallerAllowed, readWebEvent, renderWebResponse } from './web.ts';

export type ApiOptions = {
  readonly invoker: Invoker;
  readonly namespace: string;
  /** `id:secret`, sent as basic credentials. */
  readonly key: string;
  /** A blocking call that lasts longer is answered 202. */
  readonly blockingMs: number;
  readonly clock: Clock;
};

export function createApi(options: ApiOptions): Hono {
  const { invoker, namespace, key } = options;
  const app = new Hono();

  app.use(
    '/api/v1/namespaces/*',
    basicAuth({
      verifyUser: (username, password) => isEqual(`${username}:${password}`, key),
      invalidUserMessage: { error: 'The supplied authentication is invalid.' },
    }),
  );
  // `_` is the caller's own namespace.
  app.use('/api/v1/namespaces/:namespace/*', async (c, next) => {
    const asked = c.req.param('namespace');
    if (asked !== namespace && asked !== '_')
      return refuse(c, 403, 'The supplied authentication is not authorized.');
    return next();
  });

  app.post('/api/v1/namespaces/:namespace/actions/:package/:function', async (c) => {
    const text = await c.req.text();
    const body = parseObject(text);
    if (body === undefined) return refuse(c, 400, 'The request content was malformed: not a JSON object.');
    const started = invoker.start(`${c.req.param('package')}/${c.req.param('function')}`, body, {
      kind: 'invoke',
    });
    if (started.kind === 'refused') return refuse(c, started.httpStatus, started.reason);

    const { activationId } = started;
    const isBlocking = c.req.query('blocking') === 'true';
    const activation = isBlocking ? await waitFor(started, options) : undefined;
    if (activation === undefined) return c.json({ activationId }, 202);
    const record = c.req.query('result') === 'true' ? activation.result : render(activation);
    return c.json(record, activation.status === 'success' ? 200 : 502);
  });

  app.get('/api/v1/namespaces/:namespace/activations', (c) => {
    const limit = Math.min(200, Number(c.req.query('limit') ?? 30));
    return c.json(invoker.store.list().filter(isKept).reverse().slice(0, limit).map(render));
  });
  app.get('/api/v1/namespaces/:namespace/activations/:id', (c) => {
    const activation = invoker.store.find(c.req.param('id'));
    return activation === undefined ? notFound(c) : c.json(render(activation));
  });
  app.get('/api/v1/namespaces/:namespace/activations/:id/logs', (c) => {
    const activation = invoker.store.find(c.req.param('id'));
    return activation === undefined ? notFound(c) : c.json({ logs: activation.logs });
  });

  app.all('/api/v1/web/:namespace/:package/:function/*', callWeb);
  app.all('/api/v1/web/:namespace/:package/:function', callWeb);

  async function callWeb(c: Context): Promise<Response> {
    const name = `${c.req.param('package')}/${c.req.param('function')}`;
    const spec = invoker.find(name);
    if (c.req.param('namespace') !== namespace || spec === undefined || spec.web === false)
      return notFound(c);
    if (!isWebCallerAllowed(c.req.raw, spec))
      return refuse(c, 401, 'The supplied authentication is invalid.');
    const path = c.req.path.slice(`/api/v1/web/${namespace}/${name}`.length);
    const event = await readWebEvent(c.req.raw, path, spec.web).catch(() => undefined);
    if (event === undefined) return refuse(c, 400, 'The request content was malformed.');

    const started = invoker.start(name, event, { kind: 'web', method: c.req.method, path });
    if (started.kind === 'refused') return refuse(c, started.httpStatus, started.reason);
    const activation = await waitFor(started, options);
    if (activation === undefined) return refuse(c, 504, 'The function did not answer in time.');
    if (activation.status !== 'success') return refuse(c, 502, 'There was an error processing your request.');
    return renderWebResponse(activation.result);
  }

  function render(activation: Activation): object {
    const spec = invoker.find(activation.functionName);
    return spec === undefined ? {} : renderActivation(activation, namespace, spec);
  }

  return app;
}

/** Calls from the web leave no record with the platform; ours stay visible to the host's own user only. */
function isKept(activation: Activation): boolean {
  return activation.cause.kind !== 'web';
}

/** The activation, or undefined when it takes longer than a caller is kept waiting. */
async function waitFor(
  started: Extract<Started, { kind: 'started' }>,
  { clock, blockingMs }: ApiOptions,
): Promise<Activation | undefined> {
  const answered = new AbortController();
  const tooLong = clock.sleep(blockingMs, answered.signal).then(
    () => undefined,
    () => undefined,
  );
  try {
    return await Promise.race([started.ended, tooLong]);
  } finally {
    answered.abort();
  }
}

function refuse(
  c: Context,
  status: 400 | 401 | 403 | 404 | 413 | 429 | 502 | 503 | 504,
  error: string,
): Response {
  return c.json({ error }, status);
}

function notFound(c: Context): Response {
  return refuse(c, 404, 'The requested resource does not exist.');
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = text === '' ? {} : JSON.parse(text);
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function isEqual(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
