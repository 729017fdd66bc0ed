// POST /v2/tags and GET /v2/tags/{name} (digitalocean/openapi: tags_create, tags_get).

import { Hono } from 'hono';
import { notFound, refuse } from './problem.ts';
import type { CloudState } from './state.ts';

export function createTagRoutes(state: CloudState): Hono {
  const app = new Hono();
  const show = (name: string) => {
    const count = [...state.droplets.values()].filter(({ tags }) => tags.includes(name)).length;
    return { tag: { name, resources: { count, droplets: { count } } } };
  };
  app.post('/tags', async (context) => {
    const { name } = await context.req.json();
    // tags.yml: letters, numbers, colons, dashes and underscores, at most 255.
    if (typeof name !== 'string' || !/^[\w:-]{1,255}$/.test(name)) refuse(422, 'Name is invalid');
    state.tags.add(name);
    return context.json(show(name), 201);
  });
  app.get('/tags/:name', (context) => {
    const name = context.req.param('name');
    return state.tags.has(name) ? context.json(show(name)) : notFound();
  });
  return app;
}
