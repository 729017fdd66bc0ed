// Volumes: create, list by name and region, attach (digitalocean/openapi: volumes_create, volumes_list,
// volumeActions_post_byId). "You can only create one volume per region with the same name": a second one is 409, as in
// hashicorp/terraform issue 8023.

import { Hono } from 'hono';
import * as z from 'zod';
import { answerPage } from './page.ts';
import { notFound, refuse } from './problem.ts';
import type { CloudState, VolumeRow } from './state.ts';

const newVolume = z.object({
  name: z.string().regex(/^[a-z][a-z0-9-]{0,63}$/),
  region: z.string(),
  size_gigabytes: z.int().min(1).max(16_384),
  description: z.string().default(''),
  tags: z.array(z.string()).nullish(),
});
const attach = z.object({ type: z.literal('attach'), droplet_id: z.int(), region: z.string().optional() });

export function createVolumeRoutes(state: CloudState): Hono {
  const app = new Hono();
  app.get('/volumes', (context) => {
    const { name, region } = context.req.query();
    const found = [...state.volumes.values()].filter(
      (volume) => (name ?? volume.name) === volume.name && (region ?? volume.region) === volume.region,
    );
    return answerPage(context, 'volumes', found.map(showVolume));
  });
  app.post('/volumes', async (context) => {
    const parsed = newVolume.safeParse(await context.req.json());
    if (!parsed.success) return refuse(422, `${parsed.error.issues[0]?.path.join('.')} is invalid`);
    const { name, region, size_gigabytes, description, tags } = parsed.data;
    const isTaken = [...state.volumes.values()].some(
      (volume) => volume.name === name && volume.region === region,
    );
    if (isTaken) refuse(409, 'already exists');
    const id = `506f78a4-e098-11e5-ad9f-${String(state.nextId()).padStart(12, '0')}`;
    const volume = {
      id,
      name,
      region,
      size_gigabytes,
      description,
      droplet_ids: [],
      tags: [...(tags ?? [])],
    };
    state.volumes.set(id, volume);
    return context.json({ volume: showVolume(volume) }, 201);
  });
  app.post('/volumes/:id/actions', async (context) => {
    const volume = state.volumes.get(context.req.param('id')) ?? notFound();
    const parsed = attach.safeParse(await context.req.json());
    if (!parsed.success) return refuse(422, 'only attach is simulated');
    const droplet = state.droplets.get(parsed.data.droplet_id) ?? notFound();
    if (volume.droplet_ids.length > 0) refuse(422, 'volume is already attached to a droplet');
    if (droplet.region !== volume.region) refuse(422, 'volume and droplet are in different regions');
    const action = { id: state.nextId(), type: 'attach_volume', status: 'in-progress' as const };
    const row = { ...action, resource_type: 'backend', resource_id: null };
    state.actions.set(action.id, row);
    state.later(2, () => {
      volume.droplet_ids.push(droplet.id);
      droplet.volume_ids.push(volume.id);
      state.actions.set(action.id, { ...row, status: 'completed' });
    });
    return context.json({ action: row }, 202);
  });
  return app;
}

function showVolume(volume: VolumeRow): Record<string, unknown> {
  return {
    ...volume,
    region: { slug: volume.region, name: volume.region },
    created_at: '2026-01-01T00:00:00Z',
    filesystem_type: '',
    filesystem_label: '',
  };
}
