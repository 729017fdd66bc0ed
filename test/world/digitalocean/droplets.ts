// Droplets: create, get, list by name or tag, and their actions (digitalocean/openapi: droplets_create, droplets_get,
// droplets_list, dropletActions_list; models droplet_create.yml and droplet.yml). Names may repeat, as they may there.
// A new one is `new` without addresses; tags, address and volume come a few requests later, each on its own.

import { Hono } from 'hono';
import * as z from 'zod';
import { answerPage } from './page.ts';
import { notFound, refuse } from './problem.ts';
import type { CloudState, DropletRow } from './state.ts';

const newDroplet = z.object({
  name: z
    .string()
    .max(255)
    .regex(/^[a-zA-Z0-9]?[a-z0-9A-Z.-]*[a-z0-9A-Z]$/),
  region: z.string(),
  size: z.string(),
  image: z.union([z.string(), z.int()]),
  ssh_keys: z.array(z.union([z.string(), z.int()])).default([]),
  volumes: z.array(z.string()).default([]),
  tags: z.array(z.string()).nullish(),
  // "must be plain text and may not exceed 64 KiB in size"
  user_data: z
    .string()
    .max(64 * 1024)
    .default(''),
});

export function createDropletRoutes(state: CloudState): Hono {
  const app = new Hono();
  app.get('/droplets', (context) => {
    const { name, tag_name: tag } = context.req.query();
    if (name !== undefined && tag !== undefined) refuse(400, 'name can not be combined with tag_name');
    const found = [...state.droplets.values()].filter(
      (droplet) =>
        (name === undefined || droplet.name.toLowerCase() === name.toLowerCase()) &&
        (tag === undefined || droplet.tags.includes(tag)),
    );
    return answerPage(
      context,
      'droplets',
      found.map((droplet) => showDroplet(state, droplet)),
    );
  });
  app.get('/droplets/:id', (context) => {
    const droplet = state.droplets.get(Number(context.req.param('id')));
    return droplet ? context.json({ droplet: showDroplet(state, droplet) }) : notFound();
  });
  app.get('/droplets/:id/actions', (context) => {
    const id = Number(context.req.param('id'));
    const actions = [...state.actions.values()].filter(
      ({ resource_type, resource_id }) => resource_type === 'droplet' && resource_id === id,
    );
    return answerPage(context, 'actions', actions);
  });
  app.post('/droplets', async (context) => {
    const parsed = newDroplet.safeParse(await context.req.json());
    if (!parsed.success) return refuse(422, `${parsed.error.issues[0]?.path.join('.')} is invalid`);
    const droplet = createDroplet(state, parsed.data);
    const action = { id: state.nextId(), type: 'create', status: 'in-progress' as const };
    state.actions.set(action.id, { ...action, resource_type: 'droplet', resource_id: droplet.id });
    finishLater(state, droplet, action.id, parsed.data);
    const href = `https://api.digitalocean.com/v2/actions/${action.id}`;
    const links = { actions: [{ id: action.id, rel: 'create', href }] };
    return context.json({ droplet: showDroplet(state, droplet), links }, 202);
  });
  return app;
}

function createDroplet(state: CloudState, asked: z.output<typeof newDroplet>): DropletRow {
  const size = state.sizes.find(({ slug }) => slug === asked.size);
  if (!size?.available || !size.regions.includes(asked.region))
    refuse(422, 'Size is not available in this region.');
  if (state.droplets.size >= state.account.droplet_limit)
    refuse(422, 'creating this/these droplet(s) will exceed your droplet limit');
  for (const key of asked.ssh_keys) {
    const isThere = state.sshKeys.some(({ id, fingerprint }) => id === key || fingerprint === key);
    if (!isThere) refuse(422, `${key} are invalid key identifiers for Droplet creation.`);
  }
  for (const id of asked.volumes) {
    const volume = state.volumes.get(id);
    if (volume?.region !== asked.region) refuse(422, 'volume not found in this region');
    // "The volumes must not already be attached to an existing Droplet."
    if (volume?.droplet_ids.length) refuse(422, 'volume is already attached to a droplet');
  }
  const id = state.nextId();
  const droplet: DropletRow = {
    id,
    name: asked.name,
    status: 'new',
    size_slug: asked.size,
    region: asked.region,
    image: String(asked.image),
    tags: [],
    volume_ids: [],
    networks: [],
    user_data: asked.user_data,
    ssh_keys: asked.ssh_keys,
  };
  state.droplets.set(id, droplet);
  return droplet;
}

function finishLater(
  state: CloudState,
  droplet: DropletRow,
  actionId: number,
  asked: z.output<typeof newDroplet>,
): void {
  const outcome = state.dropletOutcome;
  // "tag names … to apply to the Droplet after it is created"
  state.later(1, () => {
    droplet.tags = [...(asked.tags ?? [])];
    for (const tag of droplet.tags) state.tags.add(tag);
  });
  state.later(2, () => {
    for (const id of asked.volumes) {
      droplet.volume_ids.push(id);
      state.volumes.get(id)?.droplet_ids.push(droplet.id);
    }
  });
  state.later(5, () => {
    const action = state.actions.get(actionId);
    if (outcome === 'errored' && action) action.status = 'errored';
    if (outcome === 'active') finishDroplet(state, droplet);
  });
}

/** What DigitalOcean does when a droplet is ready; a test may do it for one that was stuck. */
export function finishDroplet(state: CloudState, droplet: DropletRow): void {
  droplet.status = 'active';
  droplet.networks = [
    { ip_address: `203.0.113.${droplet.id % 250}`, type: 'public' },
    { ip_address: `10.135.0.${droplet.id % 250}`, type: 'private' },
  ];
  for (const action of state.actions.values()) {
    if (action.resource_type === 'droplet' && action.resource_id === droplet.id) action.status = 'completed';
  }
}

export function showDroplet(state: CloudState, droplet: DropletRow): Record<string, unknown> {
  const size = state.sizes.find(({ slug }) => slug === droplet.size_slug);
  return {
    id: droplet.id,
    name: droplet.name,
    memory: size?.memory,
    vcpus: size?.vcpus,
    disk: size?.disk,
    locked: droplet.status === 'new',
    status: droplet.status,
    created_at: '2026-01-01T00:00:00Z',
    features: ['monitoring'],
    backup_ids: [],
    next_backup_window: null,
    snapshot_ids: [],
    image: { id: 135438931, distribution: 'Debian', slug: droplet.image },
    volume_ids: droplet.volume_ids,
    size,
    size_slug: droplet.size_slug,
    networks: {
      v4: droplet.networks.map((network) => ({
        ...network,
        netmask: '255.255.240.0',
        gateway: '203.0.113.1',
      })),
      v6: [],
    },
    region: { slug: droplet.region, name: droplet.region },
    tags: droplet.tags,
    // The region's own VPC, whether it was asked for or not.
    vpc_uuid: '760e09ef-dc84-11e8-981e-3cfdfeaae000',
  };
}
