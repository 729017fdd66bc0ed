import { expect, test } from 'vitest';
import { nameOfRole, roleOf } from '../../lib/portal/role.ts';

test.each([
  [['Member', 'DevOps', 'Admin'], 'admin'],
  [['Member', 'DevOps'], 'devops'],
  [['Member'], 'member'],
  [[], 'member'],
  [['admin', 'Administrator', 'ADMIN'], 'member'],
])('of the app roles %j the strongest known one counts', (appRoles, role) => {
  expect(roleOf(appRoles)).toBe(role);
});

test('a role is read as Entra writes it', () => {
  expect((['admin', 'devops', 'member'] as const).map(nameOfRole)).toEqual(['Admin', 'DevOps', 'Member']);
});
