import { expect, test } from 'vitest';
import { COMPANY_GROUP_IDS, seedCompany, seedLargeCompany } from './tenant/seed.ts';
import { createTenantState, type TenantSeed } from './tenant/state.ts';

const user = (id: string) => ({
  id,
  displayName: id,
  mail: null,
  userPrincipalName: `${id}@contoso.example`,
  accountEnabled: true,
  userType: 'Member' as const,
});
const group = (id: string, ...memberIds: string[]) => ({ id, displayName: id, memberIds });

function tenantOf(seed: Partial<TenantSeed>) {
  return createTenantState({ users: [user('ann'), user('ben'), user('cem')], groups: [], ...seed });
}

test('people of nested groups are transitive members, once each', () => {
  const tenant = tenantOf({
    groups: [group('top', 'ann', 'left', 'right'), group('left', 'ben', 'ann'), group('right', 'ben', 'cem')],
  });

  expect([...tenant.listTransitiveMemberIds('top')].sort()).toEqual(['ann', 'ben', 'cem', 'left', 'right']);
});

test('groups in a circle end, and each is a member of itself through the other', () => {
  const tenant = tenantOf({ groups: [group('a', 'b', 'ann'), group('b', 'a', 'ben')] });

  expect([...tenant.listTransitiveMemberIds('a')].sort()).toEqual(['a', 'ann', 'b', 'ben']);
});

test('every change is logged once, in order, and one that changes nothing is not', () => {
  const tenant = tenantOf({ groups: [group('team', 'ann')] });

  tenant.addMember('team', 'ben');
  tenant.addMember('team', 'ben');
  tenant.disableUser('ben');
  tenant.disableUser('ben');
  tenant.rename('ben', { displayName: 'Benno' });
  tenant.removeMember('team', 'ann');
  tenant.removeMember('team', 'ann');

  expect(tenant.listChanges()).toEqual([
    { sequence: 1, kind: 'member-added', groupId: 'team', memberId: 'ben' },
    { sequence: 2, kind: 'user-updated', userId: 'ben', properties: ['accountEnabled'] },
    { sequence: 3, kind: 'user-updated', userId: 'ben', properties: ['displayName'] },
    { sequence: 4, kind: 'member-removed', groupId: 'team', memberId: 'ann' },
  ]);
  expect(tenant.listChanges(3).map(({ sequence }) => sequence)).toEqual([4]);
});

test('a deleted user leaves every group first', () => {
  const tenant = tenantOf({ groups: [group('one', 'ann'), group('two', 'ann', 'ben')] });

  tenant.deleteUser('ann');

  expect(tenant.listChanges().map(({ kind }) => kind)).toEqual([
    'member-removed',
    'member-removed',
    'user-deleted',
  ]);
  expect(tenant.findUser('ann')).toBeUndefined();
});

test('a deleted group is gone from the groups that held it', () => {
  const tenant = tenantOf({ groups: [group('top', 'child'), group('child', 'ann')] });

  tenant.deleteGroup('child');

  expect(tenant.listTransitiveMemberIds('top')).toEqual([]);
});

test('an unknown id and a taken id are refused', () => {
  const tenant = tenantOf({ groups: [group('team')] });

  expect(() => tenant.addMember('team', 'nobody')).toThrow('nobody');
  expect(() => tenant.disableUser('nobody')).toThrow('nobody');
  expect(() => tenant.createGroup({ id: 'ann', displayName: 'Ann' })).toThrow('taken');
});

test('the company has 25 people with different sign-in names, all in one of the three large groups', () => {
  const tenant = createTenantState(seedCompany());
  const ids = [COMPANY_GROUP_IDS.engineering, COMPANY_GROUP_IDS.product, COMPANY_GROUP_IDS.devops];

  const people = ids.flatMap((id) => tenant.listTransitiveMemberIds(id)).filter((id) => tenant.findUser(id));

  expect(new Set(tenant.listUsers().map((person) => person.userPrincipalName)).size).toBe(25);
  expect([...people].sort()).toEqual(tenant.listUsers().map(({ id }) => id));
});

test('a large company spreads its people evenly and names each but once', () => {
  const { users, groups } = seedLargeCompany(1_000, 10);

  expect(new Set(users.map((person) => person.userPrincipalName)).size).toBe(1_000);
  expect(groups.map(({ memberIds }) => memberIds.length)).toEqual(Array(10).fill(100));
});
