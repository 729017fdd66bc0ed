// Members as Graph writes them.

import { type EntraUserId, parseEntraUserId } from '../../lib/ids.ts';

/** The object id of the n-th person. */
export function userId(position: number): EntraUserId {
  return parseEntraUserId(`aaaaaaaa-0000-4000-8000-${position.toString(16).padStart(12, '0')}`);
}

/** An enabled member with all fields we select. */
export function memberItem(position: number) {
  return {
    id: userId(position) as string,
    displayName: `Person ${position}`,
    mail: `person${position}@contoso.example`,
    userPrincipalName: `person${position}@contoso.example`,
    accountEnabled: true,
    userType: 'Member' as string | null,
  };
}
