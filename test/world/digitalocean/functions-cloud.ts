// A double of what a deployment talks to: a functions namespace by OpenWhisk's REST API, and DigitalOcean's API of its
// triggers. It keeps what it is given and runs nothing; test/world/functions-host/ runs functions.
//
// Rules: a PUT replaces only what it names and counts the version up (OpenWhisk core/controller, Actions.scala, update);
// answers of the triggers API in the words of github.com/digitalocean/openapi. Faults are data, used up one by one.

import type { AddressInfo } from 'node:net';
import { serve } from '@hono/node-server';
import { type Context, Hono } from 'hono';
import { KILL_HEADER } from './kill-header.ts';

export type CloudFault =
  /** The deployer's process dies once the nth function (from 1) is stored, before its triggers. */
  | { readonly kind: 'kill_after_function'; readonly nth: number }
  /** The process dies between the deletion of a trigger and its making. */
  | { readonly kind: 'kill_after_trigger_deletion' }
  /** A function is stored as if project.yml had not said that it is off the web. */
  | { readonly kind: 'store_public'; readonly functionName: string; readonly times: number }
  /** A function's code is not the one that was sent. */
  | { readonly kind: 'store_other_code'; readonly functionName: string; readonly times: number }
  /** A request answers this instead: `read` is a GET on functions, `repair` a PUT without code. */
  | {
      readonly kind: 'answer';
      readonly to: 'read' | 'store' | 'repair' | 'trigger_create' | 'trigger_list';
      readonly status: number;
      readonly times: number;
    };

export type StoredAction = {
  version: number;
  exec: Record<string, unknown>;
  limits: Record<string, unknown>;
  annotations: { key: string; value: unknown }[];
  parameters: { key: string; value: unknown; init?: boolean }[];
};

export type StoredTrigger = {
  readonly name: string;
  readonly function: string;
  is_enabled: boolean;
  scheduled_details: { cron: string; body?: unknown };
};

export type FunctionsCloud = {
  readonly url: string;
  readonly namespace: string;
  readonly key: string;
  readonly token: string;
  readonly actions: Map<string, StoredAction>;
  readonly triggers: Map<string, StoredTrigger>;
  readonly faults: CloudFault[];
  /** Method and path of each request, in order. */
  readonly requests: string[];
  stop(): Promise<void>;
};

export async function startFunctionsCloud(): Promise<FunctionsCloud> {
  const cloud = {
    namespace: 'fn-00000000-0000-4000-8000-000000000006',
    key: 'dof_v1_of_the_tests:secret-of-the-namespace',
    token: 'dop_v1_token-of-the-tests',
    actions: new Map<string, StoredAction>(),
    triggers: new Map<string, StoredTrigger>(),
    faults: [] as CloudFault[],
    requests: [] as string[],
  };
  const app = new Hono();
  // The deployer asks which runtimes there are, without a key.
  app.get('/api/v1', (c) =>
    c.json({ runtimes: { nodejs: [{ kind: 'nodejs:22', default: true, deprecated: false }] } }),
  );
  app.use('*', async (c, next) => {
    cloud.requests.push(`${c.req.method} ${c.req.path}`);
    const isApi = c.req.path.startsWith('/v2/');
    const expected = isApi ? `Bearer ${cloud.token}` : `Basic ${Buffer.from(cloud.key).toString('base64')}`;
    if (c.req.header('authorization') !== expected) return c.json({ error: 'not authorized' }, 401);
    return next();
  });
  serveActions(app, cloud);
  serveTriggers(app, cloud);

  return new Promise((resolve) => {
    const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, (info: AddressInfo) =>
      resolve({
        ...cloud,
        url: `http://127.0.0.1:${info.port}`,
        stop: () => {
          if ('closeAllConnections' in server) server.closeAllConnections();
          return new Promise((stopped) => server.close(() => stopped()));
        },
      }),
    );
  });
}

type Cloud = Omit<FunctionsCloud, 'url' | 'stop'>;

function serveActions(app: Hono, cloud: Cloud): void {
  const base = '/api/v1/namespaces/:ns';
  app.get('/api/v1/namespaces', (c) => c.json([cloud.namespace]));
  app.use(`${base}/*`, async (c, next) => {
    const asked = c.req.param('ns');
    if (asked !== '_' && asked !== cloud.namespace) return c.json({ error: 'not authorized' }, 403);
    return next();
  });
  app.get(`${base}/packages/:pkg`, (c) => c.json({ error: 'The requested resource does not exist.' }, 404));
  app.put(`${base}/packages/:pkg`, (c) =>
    c.json({ name: c.req.param('pkg'), namespace: cloud.namespace, version: '0.0.1' }),
  );
  app.get(`${base}/actions`, (c) => {
    const failed = useAnswer(cloud, 'read');
    if (failed !== undefined) return c.json({ error: 'fault' }, failed);
    const skip = Number(c.req.query('skip') ?? 0);
    const names = [...cloud.actions.keys()].slice(skip, skip + Number(c.req.query('limit') ?? 30));
    return c.json(
      names.map((name) => {
        const [pkg, fn] = name.split('/');
        return { name: fn, namespace: `${cloud.namespace}/${pkg}`, version: '0.0.1' };
      }),
    );
  });
  app.get(`${base}/actions/:pkg/:fn`, (c) => {
    const failed = useAnswer(cloud, 'read');
    if (failed !== undefined) return c.json({ error: 'fault' }, failed);
    const action = cloud.actions.get(nameOf(c));
    if (action === undefined) return c.json({ error: 'The requested resource does not exist.' }, 404);
    return c.json(render(c, cloud, action, c.req.query('code') !== 'false'));
  });
  app.put(`${base}/actions/:pkg/:fn`, async (c) => {
    const name = nameOf(c);
    const body = (await c.req.json()) as Partial<StoredAction>;
    const failed = useAnswer(cloud, body.exec === undefined ? 'repair' : 'store');
    if (failed !== undefined) return c.json({ error: 'fault' }, failed);
    const former = cloud.actions.get(name);
    if (former !== undefined && c.req.query('overwrite') !== 'true') {
      return c.json({ error: 'resource already exists' }, 409);
    }
    if (former === undefined && body.exec === undefined) return c.json({ error: 'exec undefined' }, 400);
    const action: StoredAction = {
      version: (former?.version ?? 0) + 1,
      exec: body.exec ?? former?.exec ?? {},
      limits: { timeout: 3000, memory: 256, logs: 16, ...former?.limits, ...body.limits },
      annotations: body.annotations ?? former?.annotations ?? [],
      parameters: body.parameters ?? former?.parameters ?? [],
    };
    if (body.exec !== undefined) damage(cloud, name, action);
    cloud.actions.set(name, action);
    if (body.exec !== undefined && isKilledNow(cloud)) c.header(KILL_HEADER, '1');
    return c.json(render(c, cloud, action, false));
  });
}

function serveTriggers(app: Hono, cloud: Cloud): void {
  const base = `/v2/functions/namespaces/${cloud.namespace}/triggers`;
  app.get('/v2/functions/namespaces', (c) =>
    c.json({ namespaces: [{ namespace: cloud.namespace, label: 'test' }] }),
  );
  app.get(base, (c) => {
    const failed = useAnswer(cloud, 'trigger_list');
    if (failed !== undefined) return c.json({ id: 'fault', message: 'fault' }, failed);
    return c.json({
      triggers: [...cloud.triggers.values()].map((one) => ({
        namespace: cloud.namespace,
        type: 'SCHEDULED',
        ...one,
      })),
    });
  });
  app.post(base, async (c) => {
    const failed = useAnswer(cloud, 'trigger_create');
    if (failed !== undefined) return c.json({ id: 'fault', message: 'fault' }, failed);
    const trigger = (await c.req.json()) as StoredTrigger;
    if (cloud.triggers.has(trigger.name)) return c.json({ id: 'conflict', message: 'exists' }, 409);
    if (cloud.triggers.size >= 3) return c.json({ id: 'unprocessable_entity', message: 'limit' }, 422);
    const { name, function: fn, is_enabled, scheduled_details } = trigger;
    cloud.triggers.set(name, { name, function: fn, is_enabled, scheduled_details });
    return c.json({ trigger });
  });
  app.put(`${base}/:name`, async (c) => {
    const trigger = cloud.triggers.get(c.req.param('name'));
    if (trigger === undefined) return c.json({ id: 'not_found', message: 'not found' }, 404);
    Object.assign(trigger, await c.req.json());
    return c.json({ trigger });
  });
  app.delete(`${base}/:name`, (c) => {
    if (!cloud.triggers.delete(c.req.param('name')))
      return c.json({ id: 'not_found', message: 'not found' }, 404);
    const at = cloud.faults.findIndex(({ kind }) => kind === 'kill_after_trigger_deletion');
    if (at >= 0) {
      cloud.faults.splice(at, 1);
      c.header(KILL_HEADER, '1');
    }
    return c.body(null, 200);
  });
}

function nameOf(c: Context): string {
  return `${c.req.param('pkg')}/${c.req.param('fn')}`;
}

function render(c: Context, cloud: Cloud, action: StoredAction, withCode: boolean): object {
  const { code, ...exec } = action.exec;
  return {
    ...action,
    name: c.req.param('fn'),
    namespace: `${cloud.namespace}/${c.req.param('pkg')}`,
    version: `0.0.${action.version}`,
    exec: withCode ? { ...exec, code } : exec,
  };
}

/** The status of a fault that is meant for this request, counted down. */
function useAnswer(cloud: Cloud, to: string): 429 | 500 | undefined {
  const at = cloud.faults.findIndex((fault) => fault.kind === 'answer' && fault.to === to);
  const fault = cloud.faults[at];
  if (fault?.kind !== 'answer') return undefined;
  useUp(cloud, at);
  return fault.status as 429 | 500;
}

function damage(cloud: Cloud, name: string, action: StoredAction): void {
  const at = cloud.faults.findIndex(
    (fault) =>
      (fault.kind === 'store_public' || fault.kind === 'store_other_code') && fault.functionName === name,
  );
  const fault = cloud.faults[at];
  if (fault === undefined) return;
  useUp(cloud, at);
  if (fault.kind === 'store_other_code') action.exec = { ...action.exec, code: 'AAAA' };
  else
    action.annotations = action.annotations.map((one) =>
      one.key === 'web-export' ? { ...one, value: true } : one,
    );
}

function useUp(cloud: Cloud, at: number): void {
  const fault = cloud.faults[at];
  if (fault === undefined || !('times' in fault)) return;
  if (fault.times <= 1) cloud.faults.splice(at, 1);
  else cloud.faults[at] = { ...fault, times: fault.times - 1 };
}

function isKilledNow(cloud: Cloud): boolean {
  const at = cloud.faults.findIndex(({ kind }) => kind === 'kill_after_function');
  const fault = cloud.faults[at];
  if (fault?.kind !== 'kill_after_function') return false;
  if (fault.nth > 1) cloud.faults[at] = { ...fault, nth: fault.nth - 1 };
  else cloud.faults.splice(at, 1);
  return fault.nth <= 1;
}
