// The tenant's control panel: JSON under /control for the console, the demo and the tests. It asks for a header
// of its own, so that nothing which speaks Graph can reach it by mistake.

import * as z from 'zod';
import type { Deliveries } from './delivery.ts';
import type { DeliveryFault } from './delivery-faults.ts';
import type { Faults } from './faults.ts';
import type { Permission } from './graph.ts';
import type { Reply } from './reply.ts';
import type { Requests } from './requests.ts';
import type { TenantState } from './state.ts';
import type { Subscription } from './subscriptions.ts';
import type { SubscriptionsPanel } from './subscriptions-panel.ts';

export const CONTROL_HEADER = 'x-control-token';

export type ControlPanel = {
  readonly tenant: TenantState;
  readonly faults: Faults;
  readonly requests: Requests;
  readonly permissions: Set<Permission>;
  readonly subscriptions: SubscriptionsPanel;
  readonly deliveries: Deliveries;
};

export type ControlCall = { readonly method: string; readonly url: URL; readonly content: unknown };

const membership = z.strictObject({ groupId: z.string(), memberId: z.string() });
const person = z.strictObject({ userId: z.string() });
const names = z.strictObject({
  id: z.string(),
  displayName: z.string().optional(),
  mail: z.string().nullable().optional(),
  userPrincipalName: z.string().optional(),
});
const newUser = z.strictObject({
  id: z.guid(),
  displayName: z.string(),
  userPrincipalName: z.string(),
  mail: z.string().nullable().optional(),
  accountEnabled: z.boolean().optional(),
  userType: z.enum(['Member', 'Guest']).optional(),
});
const newGroup = z.strictObject({ id: z.guid(), displayName: z.string() });
const grants = z.strictObject({
  granted: z.array(z.enum(['GroupMember.Read.All', 'User.Read.All', 'Group.Read.All'])),
});

/** Answers one call; what it does not understand is 400 or 404 with the reason. */
export function answerControl(panel: ControlPanel, call: ControlCall): Reply {
  const [, , resource = '', id, ...verb] = call.url.pathname.split('/').map(decodeURIComponent);
  const route = [resource, ...(id === undefined ? [] : [':id']), ...verb].join('/');
  const action = actions(panel, call, id)[`${call.method} ${route}`];
  if (action === undefined) return reply(404, { error: `There is no ${call.method} ${call.url.pathname}.` });
  try {
    return reply(200, action() ?? { sequence: panel.tenant.lastSequence() });
  } catch (error) {
    return reply(400, { error: error instanceof Error ? error.message : String(error) });
  }
}

function actions(panel: ControlPanel, call: ControlCall, id = ''): Readonly<Record<string, () => unknown>> {
  const { tenant, faults, requests, permissions, subscriptions, deliveries } = panel;
  const parse = <T>(schema: z.ZodType<T>): T => schema.parse(call.content);
  return {
    'GET state': () => ({
      users: tenant.listUsers(),
      groups: tenant.listGroups(),
      permissions: [...permissions],
      sequence: tenant.lastSequence(),
    }),
    'GET changes': () => ({ changes: tenant.listChanges(Number(call.url.searchParams.get('after') ?? 0)) }),
    'POST add': () => {
      const { groupId, memberId } = parse(membership);
      tenant.addMember(groupId, memberId);
    },
    'POST remove': () => {
      const { groupId, memberId } = parse(membership);
      tenant.removeMember(groupId, memberId);
    },
    'POST disable': () => tenant.disableUser(parse(person).userId),
    'POST enable': () => tenant.enableUser(parse(person).userId),
    'POST rename': () => {
      const { id: target, ...changed } = parse(names);
      tenant.rename(target, dropUndefined(changed));
    },
    'POST users': () => tenant.createUser(dropUndefined(parse(newUser))),
    'DELETE users/:id': () => tenant.deleteUser(id),
    'POST groups': () => tenant.createGroup(parse(newGroup)),
    'DELETE groups/:id': () => tenant.deleteGroup(id),
    'POST permissions': () => {
      const { granted } = parse(grants);
      permissions.clear();
      for (const permission of granted) permissions.add(permission);
    },
    'GET faults': () => ({ faults: faults.list() }),
    'POST faults': () => ({ id: faults.add(call.content as Parameters<Faults['add']>[0]) }),
    'DELETE faults': () => faults.clear(),
    'DELETE faults/:id': () => ({ isRemoved: faults.remove(id) }),
    'GET requests': () => ({ ...requests.count(), requests: requests.list() }),
    'DELETE requests': () => requests.clear(),
    'GET subscriptions': () => ({ subscriptions: subscriptions.list().map(withoutSecret) }),
    'DELETE subscriptions/:id': () => ({ isRemoved: subscriptions.remove(id) }),
    'POST subscriptions/:id/reauthorize': () => subscriptions.requestReauthorization(id),
    'GET deliveries': () => ({ attempts: deliveries.list() }),
    'GET delivery-faults': () => ({ faults: deliveries.faults.list() }),
    'POST delivery-faults': () => ({ id: deliveries.faults.add(call.content as DeliveryFault) }),
    'DELETE delivery-faults': () => deliveries.faults.clear(),
    'DELETE delivery-faults/:id': () => ({ isRemoved: deliveries.faults.remove(id) }),
  };
}

function reply(status: number, body: unknown): Reply {
  return { status, headers: {}, body };
}

function withoutSecret({ clientState: _, ...subscription }: Subscription) {
  return subscription;
}

// An absent key leaves a value as it is, while undefined would overwrite it.
function dropUndefined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}
