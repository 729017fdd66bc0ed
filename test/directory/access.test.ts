import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { checkDirectoryAccess } from '../../lib/directory/access.ts';
import { parseEntraGroupId } from '../../lib/ids.ts';
import { COMPANY_GROUP_IDS, seedGroupId } from '../world/tenant/seed.ts';
import type { RunningTenant } from '../world/tenant/tenant.ts';
import { type ClientOverrides, clientFor, startTrustedTenant } from './tenant-fixture.ts';

const GROUP = parseEntraGroupId(COMPANY_GROUP_IDS.product);

let tenant: RunningTenant;

beforeAll(async () => {
  tenant = await startTrustedTenant();
});
afterAll(() => tenant.close());
beforeEach(() => {
  tenant.permissions.add('GroupMember.Read.All').add('User.Read.All');
});

async function check(groupIds = [GROUP], overrides: ClientOverrides = {}) {
  return checkDirectoryAccess(clientFor(tenant, overrides), groupIds, new AbortController().signal);
}

test('with both permissions and an existing group nothing is to be done', async () => {
  expect(await check()).toMatchObject([
    { isOk: true, remedy: null },
    { isOk: true, remedy: null },
    { isOk: true, remedy: null },
  ]);
});

test('a missing permission is named with its remedy, and the other checks go on', async () => {
  tenant.permissions.delete('User.Read.All');

  const checks = await check();

  expect(checks.map(({ isOk }) => isOk)).toEqual([true, false, true]);
  expect(checks[1]?.remedy).toContain('User.Read.All');
});

test('a group of the policy that does not exist is found', async () => {
  const checks = await check([GROUP, parseEntraGroupId(seedGroupId(77))]);

  expect(checks.map(({ isOk }) => isOk)).toEqual([true, true, true, false]);
  expect(checks[3]?.remedy).toContain('policy.yml');
});

test('a wrong secret is said by its setting in every check', async () => {
  const checks = await check([], { clientSecret: 'wrong' });

  expect(checks.every(({ isOk, remedy }) => !isOk && remedy?.includes('AZURE_CLIENT_SECRET'))).toBe(true);
});
