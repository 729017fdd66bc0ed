// Domains and their records (digitalocean/openapi: domains_get, domains_list_records, domains_create_record). The `name`
// of a query is the whole name, the one of a record is below its domain, with @ for the domain itself. Two records of the
// same name may stand beside each other, as they may there.

import { isIP } from 'node:net';
import { Hono } from 'hono';
import * as z from 'zod';
import { answerPage } from './page.ts';
import { notFound, refuse } from './problem.ts';
import type { CloudState } from './state.ts';

const newRecord = z.object({
  type: z.literal('A'),
  name: z.string().min(1),
  data: z.string().refine((value) => isIP(value) === 4),
  ttl: z.int().min(30).default(1800),
});

export function createDomainRoutes(state: CloudState): Hono {
  const app = new Hono();
  const recordsOf = (domain: string) => state.domains.get(domain) ?? notFound();
  app.get('/domains/:domain', (context) => {
    const name = context.req.param('domain');
    recordsOf(name);
    return context.json({ domain: { name, ttl: 1800, zone_file: null } });
  });
  app.get('/domains/:domain/records', (context) => {
    const domain = context.req.param('domain');
    const { name, type } = context.req.query();
    const found = recordsOf(domain).filter((record) => {
      const whole = record.name === '@' ? domain : `${record.name}.${domain}`;
      return (name ?? whole) === whole && (type ?? record.type) === record.type;
    });
    return answerPage(context, 'domain_records', found.map(show));
  });
  app.post('/domains/:domain/records', async (context) => {
    const records = recordsOf(context.req.param('domain'));
    const parsed = newRecord.safeParse(await context.req.json());
    if (!parsed.success) return refuse(422, `${parsed.error.issues[0]?.path.join('.')} is invalid`);
    const record = { id: state.nextId(), ...parsed.data };
    records.push(record);
    return context.json({ domain_record: show(record) }, 201);
  });
  return app;
}

function show(record: object): Record<string, unknown> {
  return { ...record, priority: null, port: null, weight: null, flags: null, tag: null };
}
