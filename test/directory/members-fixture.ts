// Members as Graph writes them.

import { type EntraGroupId, type EntraUserId, parseEntraGroupId, parseEntraUserId } from '../../lib/ids.ts';

/** The object id of the n-th person. */
export function userId(position: number): EntraUserId {
  return parseEntraUserId(guid('a', position));
}

/** The object id of the n-th group. */
export function groupId(position: number): EntraGroupId {
  return parseEntraGroupId(guid('b', position));
}

/** An enabled member with all fields we select. */
export function memberItem(position: number) {
  return {
    '@odata.type': '#microsoft.graph.user' as string | undefined,
    id: userId(position) as string,
    displayName: `Person ${position}`,
    mail: `person${position}@contoso.example`,
    userPrincipalName: `person${position}@contoso.example`,
    accountEnabled: true,
    userType: 'Member' as string | null,
  };
}

/** A group as a member. */
export function groupItem(position: number) {
  return {
    '@odata.type': '#microsoft.graph.group',
    id: groupId(position) as string,
    displayName: `Group ${position}`,
    mail: null,
  };
}

function guid(kind: string, position: number): string {
  return `${kind.repeat(8)}-0000-4000-8000-${position.toString(16).padStart(12, '0')}`;
}
