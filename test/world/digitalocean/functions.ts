// The functions namespaces and their triggers as the API shows them (digitalocean/openapi: functions_list_namespaces,
// functions_get_namespace, functions_list_triggers, functions_get_trigger). They are read here; doctl makes them.

import { Hono } from 'hono';
import { notFound } from './problem.ts';
import type { CloudState, NamespaceRow, TriggerRow } from './state.ts';

export function createFunctionsRoutes(state: CloudState): Hono {
  const app = new Hono();
  const find = (id: string) => state.namespaces.get(id) ?? notFound();
  app.get('/functions/namespaces', (context) =>
    context.json({ namespaces: [...state.namespaces.values()].map(showNamespace) }),
  );
  app.get('/functions/namespaces/:id', (context) =>
    context.json({ namespace: showNamespace(find(context.req.param('id'))) }),
  );
  app.get('/functions/namespaces/:id/triggers', (context) => {
    const namespace = find(context.req.param('id'));
    return context.json({
      triggers: [...namespace.triggers.values()].map((row) => showTrigger(namespace, row)),
    });
  });
  app.get('/functions/namespaces/:id/triggers/:name', (context) => {
    const namespace = find(context.req.param('id'));
    const row = namespace.triggers.get(context.req.param('name')) ?? notFound();
    return context.json({ trigger: showTrigger(namespace, row) });
  });
  return app;
}

function showNamespace({ triggers: _, ...namespace }: NamespaceRow): Record<string, unknown> {
  return {
    ...namespace,
    created_at: '2026-01-01T00:00:00Z',
    updated_at: '2026-01-01T00:00:00Z',
    uuid: namespace.namespace.replace(/^fn-/, ''),
  };
}

function showTrigger(
  { namespace }: NamespaceRow,
  { cron, body, ...row }: TriggerRow,
): Record<string, unknown> {
  return {
    namespace,
    ...row,
    type: 'SCHEDULED',
    created_at: '2026-01-01T00:00:00Z',
    updated_at: '2026-01-01T00:00:00Z',
    scheduled_details: { cron, body },
    scheduled_runs: { last_run_at: null, next_run_at: null },
  };
}
