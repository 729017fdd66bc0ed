// Reserved IPs: list, create for a droplet, assign (digitalocean/openapi: reservedIPs_list, reservedIPs_create,
// reservedIPsActions_post). The assignment follows the answer: until then `droplet` is null and the address locked. Three
// an account, one a droplet (docs.digitalocean.com/products/networking/reserved-ips/details/limits).

import { Hono } from 'hono';
import { showDroplet } from './droplets.ts';
import { answerPage } from './page.ts';
import { notFound, refuse } from './problem.ts';
import type { CloudState, ReservedIpRow } from './state.ts';

export function createReservedIpRoutes(state: CloudState): Hono {
  const app = new Hono();
  app.get('/reserved_ips', (context) =>
    answerPage(
      context,
      'reserved_ips',
      [...state.reservedIps.values()].map((row) => show(state, row)),
    ),
  );
  app.post('/reserved_ips', async (context) => {
    const { droplet_id: dropletId } = await context.req.json();
    const droplet = state.droplets.get(dropletId) ?? refuse(422, 'only droplet_id is simulated');
    if (state.reservedIps.size >= state.account.reserved_ip_limit) refuse(422, 'reserved IP limit reached');
    requireFree(state, droplet.id);
    const ip = `198.51.100.${state.reservedIps.size + 1}`;
    const row: ReservedIpRow = { ip, region: droplet.region, droplet_id: null, locked: false };
    state.reservedIps.set(ip, row);
    const action = assignLater(state, row, droplet.id);
    const links = {
      droplets: [{ id: droplet.id, rel: 'droplet' }],
      actions: [{ id: action.id, rel: 'assign_ip' }],
    };
    return context.json({ reserved_ip: show(state, row), links }, 202);
  });
  app.post('/reserved_ips/:ip/actions', async (context) => {
    const row = state.reservedIps.get(context.req.param('ip')) ?? notFound();
    const { type, droplet_id: dropletId } = await context.req.json();
    if (type !== 'assign') refuse(422, 'only assign is simulated');
    const droplet = state.droplets.get(dropletId) ?? notFound();
    if (row.locked) refuse(422, 'The reserved IP already has a pending event.');
    if (row.region !== droplet.region) refuse(422, 'The droplet is in another region.');
    requireFree(state, droplet.id);
    return context.json({ action: assignLater(state, row, droplet.id) }, 201);
  });
  return app;
}

function requireFree(state: CloudState, dropletId: number): void {
  const isTaken = [...state.reservedIps.values()].some((row) => row.droplet_id === dropletId);
  if (isTaken) refuse(422, 'The droplet already has a reserved IP.');
}

function assignLater(state: CloudState, row: ReservedIpRow, dropletId: number) {
  const action = {
    id: state.nextId(),
    type: 'assign_ip',
    status: 'in-progress' as const,
    resource_type: 'reserved_ip',
    resource_id: null,
  };
  state.actions.set(action.id, action);
  row.locked = true;
  state.later(2, () => {
    row.droplet_id = dropletId;
    row.locked = false;
    state.actions.set(action.id, { ...action, status: 'completed' });
  });
  return action;
}

function show(state: CloudState, row: ReservedIpRow): Record<string, unknown> {
  const droplet = row.droplet_id === null ? undefined : state.droplets.get(row.droplet_id);
  return {
    ip: row.ip,
    region: { slug: row.region, name: row.region },
    droplet: droplet ? showDroplet(state, droplet) : null,
    locked: row.locked,
    project_id: '746c6152-2fa2-11ed-92d3-27aaa54e4988',
  };
}
