// A believable company, the same on every start: ids, names and addresses follow from positions alone.

import type { TenantGroup, TenantSeed, TenantUser } from './state.ts';

const GIVEN_NAMES =
  'Ada Bruno Chloe David Elif Finn Grace Hugo Ines Jonas Kira Liam Mona Nils Olga Paul'.split(' ');
const FAMILY_NAMES = 'Adler Brandt Costa Demir Engel Fischer Garcia Hansen Ivanov Jansen Keller Lopez'.split(
  ' ',
);
const DOMAIN = 'contoso.example';

/** The groups of the demo by role; `platform` is nested in `engineering`, `everyone` is mapped by no policy. */
export const COMPANY_GROUP_IDS = {
  engineering: seedGroupId(1),
  platform: seedGroupId(2),
  product: seedGroupId(3),
  devops: seedGroupId(4),
  admins: seedGroupId(5),
  everyone: seedGroupId(6),
} as const;

/** The n-th user's object id, from 1. */
export function seedUserId(position: number): string {
  return seedGuid(0xa, position);
}

/** The n-th group's object id, from 1. */
export function seedGroupId(position: number): string {
  return seedGuid(0xb, position);
}

/** A company of `peopleCount`, the last of them a guest: of ten people five are in engineering (two of these
 *  only through the nested platform group), three in product, two in devops; the first two are also admins. */
export function seedCompany(peopleCount = 25): TenantSeed {
  const users = seedUsers(peopleCount).map((user, index) =>
    index === peopleCount - 1 ? { ...user, userType: 'Guest' as const } : user,
  );
  const idsWhere = (isMember: (index: number) => boolean) =>
    users.filter((_, index) => isMember(index)).map((user) => user.id);
  const group = (id: string, displayName: string, memberIds: readonly string[]) => ({
    id,
    displayName,
    memberIds,
  });
  const ids = COMPANY_GROUP_IDS;
  return {
    users,
    groups: [
      group(ids.engineering, 'AI Engineering', [...idsWhere((index) => index % 10 < 3), ids.platform]),
      group(
        ids.platform,
        'AI Engineering Platform',
        idsWhere((index) => index % 10 === 3 || index % 10 === 4),
      ),
      group(
        ids.product,
        'AI Product',
        idsWhere((index) => index % 10 > 4 && index % 10 < 8),
      ),
      group(
        ids.devops,
        'AI DevOps',
        idsWhere((index) => index % 10 > 7),
      ),
      group(
        ids.admins,
        'AI Admins',
        idsWhere((index) => index < 2),
      ),
      group(
        ids.everyone,
        'All Employees',
        idsWhere(() => true),
      ),
    ],
  };
}

/** `peopleCount` people spread evenly over `groupCount` flat groups, one group each; for measurements. */
export function seedLargeCompany(peopleCount: number, groupCount: number): TenantSeed {
  const users = seedUsers(peopleCount);
  const groups: TenantGroup[] = Array.from({ length: groupCount }, (_, group) => ({
    id: seedGroupId(group + 1),
    displayName: `Team ${String(group + 1).padStart(3, '0')}`,
    memberIds: users.filter((_, index) => index % groupCount === group).map((user) => user.id),
  }));
  return { users, groups };
}

function seedUsers(peopleCount: number): TenantUser[] {
  return Array.from({ length: peopleCount }, (_, index) => {
    const given = GIVEN_NAMES[index % GIVEN_NAMES.length] ?? '';
    const family = FAMILY_NAMES[Math.floor(index / 2) % FAMILY_NAMES.length] ?? '';
    // Names repeat in a large company, sign-in names may not.
    const round = Math.floor(index / (GIVEN_NAMES.length * FAMILY_NAMES.length));
    const address = `${given}.${family}${round === 0 ? '' : round}.${index + 1}@${DOMAIN}`.toLowerCase();
    return {
      id: seedUserId(index + 1),
      displayName: `${given} ${family}`,
      mail: address,
      userPrincipalName: address,
      accountEnabled: true,
      userType: 'Member',
    };
  });
}

function seedGuid(kind: number, position: number): string {
  return `${kind.toString(16).repeat(8)}-0000-4000-8000-${position.toString(16).padStart(12, '0')}`;
}
