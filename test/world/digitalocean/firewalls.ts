// Cloud firewalls: create and list (digitalocean/openapi: firewalls_create, firewalls_list; models firewall.yml and
// firewall_rule.yml). A tag that is not there is 422 "does not exist" (kubicorn issue 587), a name that is there 409
// "duplicate name" (harmony-ops issue 374).

import { isIP } from 'node:net';
import { Hono } from 'hono';
import * as z from 'zod';
import { answerPage } from './page.ts';
import { refuse } from './problem.ts';
import type { CloudState, FirewallRow } from './state.ts';

const address = z
  .string()
  .refine((value) => isIP(value.split('/')[0] ?? '') !== 0, { error: 'invalid address' });
const target = z.object({ addresses: z.array(address).optional() });
const rule = { protocol: z.enum(['tcp', 'udp', 'icmp']), ports: z.string() };
const newFirewall = z.object({
  name: z.string().regex(/^[a-zA-Z0-9][a-zA-Z0-9.-]+$/),
  tags: z.array(z.string()).default([]),
  droplet_ids: z.array(z.int()).default([]),
  inbound_rules: z.array(z.object({ ...rule, sources: target })).default([]),
  outbound_rules: z.array(z.object({ ...rule, destinations: target })).default([]),
});

export function createFirewallRoutes(state: CloudState): Hono {
  const app = new Hono();
  app.get('/firewalls', (context) =>
    answerPage(context, 'firewalls', [...state.firewalls.values()].map(show)),
  );
  app.post('/firewalls', async (context) => {
    const parsed = newFirewall.safeParse(await context.req.json());
    if (!parsed.success) return refuse(422, `${parsed.error.issues[0]?.message}`);
    const { tags, name } = parsed.data;
    for (const tag of tags) if (!state.tags.has(tag)) refuse(422, `tag ${tag} does not exist`);
    if ([...state.firewalls.values()].some((firewall) => firewall.name === name))
      refuse(409, 'duplicate name');
    const id = `bb4b2611-3d72-467b-8602-${String(state.nextId()).padStart(12, '0')}`;
    const firewall = { id, ...parsed.data } as FirewallRow;
    state.firewalls.set(id, firewall);
    return context.json({ firewall: show(firewall) }, 202);
  });
  return app;
}

function show(firewall: FirewallRow): Record<string, unknown> {
  return { ...firewall, status: 'succeeded', created_at: '2026-01-01T00:00:00Z', pending_changes: [] };
}
