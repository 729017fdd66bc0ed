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

test('a restored user is as before, in the groups that still exist', () => {
  const tenant = tenantOf({
    groups: [group('one', 'ann'), group('two', 'ann', 'ben'), group('gone', 'ann')],
  });
  tenant.disableUser('ann');
  tenant.deleteUser('ann');
  tenant.deleteGroup('gone');
  const before = tenant.lastSequence();

  tenant.restoreUser('ann');

  expect(tenant.findUser('ann')).toEqual({ ...user('ann'), accountEnabled: false });
  expect(tenant.listGroups().map(({ memberIds }) => [...memberIds].sort())).toEqual([
    ['ann'],
    ['ann', 'ben'],
  ]);
  expect(tenant.listChanges(before)).toEqual([
    {
      sequence: before + 1,
      kind: 'user-updated',
      userId: 'ann',
      properties: ['deletedDateTime'],
      isRestored: true,
    },
    { sequence: before + 2, kind: 'member-added', groupId: 'one', memberId: 'ann' },
    { sequence: before + 3, kind: 'member-added', groupId: 'two', memberId: 'ann' },
  ]);
});

test('a restored Microsoft 365 group has its members that still exist, and is where it was', () => {
  const unified = { ...group('unified', 'ann', 'ben'), isUnified: true };
  const tenant = tenantOf({ groups: [unified, group('top', 'unified')] });
  tenant.deleteGroup('unified');
  expect(tenant.findGroup('unified')).toBeUndefined();
  expect(tenant.listTransitiveMemberIds('top')).toEqual([]);
  tenant.deleteUser('ben');

  tenant.restoreGroup('unified');

  expect(tenant.findGroup('unified')).toEqual({ ...unified, memberIds: ['ann'] });
  expect(tenant.listTransitiveMemberIds('top')).toEqual(['unified', 'ann']);
  expect(tenant.listChanges()).toContainEqual(
    expect.objectContaining({ kind: 'group-deleted', groupId: 'unified', isSoft: true }),
  );
});

test('a deleted security group is gone for good, and so is what exists or was restored already', () => {
  const tenant = tenantOf({ groups: [group('security', 'ann')] });
  tenant.deleteGroup('security');
  tenant.deleteUser('ben');
  tenant.restoreUser('ben');
  tenant.deleteUser('cem');
  tenant.createUser(user('cem'));

  expect(() => tenant.restoreGroup('security')).toThrow('security');
  expect(() => tenant.restoreUser('ben')).toThrow('ben');
  expect(() => tenant.restoreUser('cem')).toThrow('cem');
  expect(() => tenant.restoreUser('ann')).toThrow('ann');
});

test('what was deleted is restorable for 30 days and no longer', () => {
  let now = new Date('2026-01-01T00:00:00Z');
  const seed = { users: [user('ann'), user('ben')], groups: [{ ...group('unified'), isUnified: true }] };
  const tenant = createTenantState(seed, () => now);
  for (const id of ['ann', 'ben']) tenant.deleteUser(id);
  tenant.deleteGroup('unified');

  now = new Date('2026-01-31T00:00:00Z');
  tenant.restoreUser('ann');
  now = new Date('2026-01-31T00:00:01Z');

  expect(tenant.findUser('ann')).toBeDefined();
  expect(() => tenant.restoreUser('ben')).toThrow('30 days');
  expect(() => tenant.restoreGroup('unified')).toThrow('30 days');
});

test('a Microsoft 365 group cannot hold a group', () => {
  const tenant = tenantOf({ groups: [{ ...group('unified'), isUnified: true }, group('child')] });

  expect(() => tenant.addMember('unified', 'child')).toThrow('unified');
});

test('people and groups can be looked at as they were after any change', () => {
  const tenant = tenantOf({ groups: [group('team', 'ann')] });
  tenant.addMember('team', 'ben');
  tenant.rename('ben', { displayName: 'Benno' });
  tenant.deleteUser('ben');
  tenant.restoreUser('ben');

  const states = [0, 1, 2, 3, 4, 5, 6].map((sequence) => [
    tenant.findUserAt('ben', sequence)?.displayName,
    tenant.findGroupAt('team', sequence)?.memberIds.includes('ben'),
    tenant.listUsersAt(sequence).length,
  ]);

  expect(states).toEqual([
    ['ben', false, 3],
    ['ben', true, 3],
    ['Benno', true, 3],
    ['Benno', false, 3],
    [undefined, false, 2],
    ['Benno', false, 3],
    ['Benno', true, 3],
  ]);
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
