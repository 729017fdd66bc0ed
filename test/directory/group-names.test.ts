// The groups of the tenant by name, over the simulated tenant.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { readGroupNames } from '../../lib/directory/group-names.ts';
import { completeRead } from '../../lib/directory/read.ts';
import type { RunningTenant } from '../world/tenant/tenant.ts';
import { clientFor, startTrustedTenant } from './tenant-fixture.ts';

const signal = AbortSignal.timeout(60_000);
let tenant: RunningTenant;
beforeAll(async () => {
  tenant = await startTrustedTenant();
});
afterAll(() => tenant.close());

test('every group is there with its name, over several pages', async () => {
  const groups = tenant.tenant.listGroups();

  const names = await readGroupNames(clientFor(tenant), signal);

  expect(groups.length).toBeGreaterThan(4);
  expect(names).toEqual(completeRead(new Map(groups.map(({ id, displayName }) => [id, displayName]))));
});

test('without the permission, or when a page fails, the list is incomplete and never shorter', async () => {
  tenant.permissions.delete('GroupMember.Read.All');
  expect(await readGroupNames(clientFor(tenant), signal)).toMatchObject({ reason: 'denied' });
  tenant.permissions.add('GroupMember.Read.All');

  const client = clientFor(tenant);
  let pageCount = 0;
  const cut: typeof client.get = async (request, reading) => {
    pageCount += 1;
    return pageCount === 2 ? { status: 'not-found' } : client.get(request, reading);
  };

  expect(await readGroupNames({ get: cut }, signal)).toMatchObject({ reason: 'answer-invalid' });
});
