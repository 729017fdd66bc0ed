// $select: which properties of an object Graph returns, and which it leaves out unless asked.

import { graphError, type Reply } from './reply.ts';
import type { TenantGroup } from './state.ts';

export type GraphItem = Readonly<Record<string, unknown>>;

/** Every property that may be selected on a user here. */
export const USER_FIELDS = [
  'id',
  'displayName',
  'mail',
  'userPrincipalName',
  'accountEnabled',
  'userType',
] as const;

export const GROUP_FIELDS = [
  'id',
  'displayName',
  'description',
  'mail',
  'mailEnabled',
  'securityEnabled',
  'groupTypes',
] as const;

/** A group with all its properties.
 *  https://learn.microsoft.com/graph/api/resources/groups-overview#group-types-in-microsoft-entra-id-and-microsoft-graph */
export function asGroup({ id, displayName, isUnified = false }: TenantGroup): GraphItem {
  return {
    id,
    displayName,
    description: null,
    mail: null,
    mailEnabled: isUnified,
    securityEnabled: !isUnified,
    groupTypes: isUnified ? ['Unified'] : [],
  };
}

// https://learn.microsoft.com/graph/api/resources/user: returned only on $select.
const ONLY_ON_SELECT: ReadonlySet<string> = new Set(['accountEnabled', 'userType']);

export type Selected =
  | { readonly kind: 'selected'; readonly item: GraphItem }
  | { readonly kind: 'unknown-field'; readonly reply: Reply };

/** `item` with the selected properties; annotations such as @odata.type always stay. */
export function selectFields(item: GraphItem, select: string | null, known: readonly string[]): Selected {
  const wanted = select?.split(',').map((name) => name.trim());
  const unknown = wanted?.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    const message = `Could not find a property named '${unknown}' on type 'microsoft.graph.directoryObject'.`;
    return { kind: 'unknown-field', reply: graphError(400, 'Request_BadRequest', message) };
  }
  const isWanted = (name: string) =>
    wanted === undefined ? !ONLY_ON_SELECT.has(name) : wanted.includes(name);
  const entries = Object.entries(item).filter(([name]) => name.startsWith('@') || isWanted(name));
  return { kind: 'selected', item: Object.fromEntries(entries) };
}

/** The limited form of an object: type and id, every other property null.
 *  https://learn.microsoft.com/graph/permissions-overview#limited-information-returned-for-inaccessible-member-objects */
export function hideFields(item: GraphItem): GraphItem {
  return Object.fromEntries(
    Object.entries(item).map(([name, value]) => [
      name,
      name === 'id' || name === '@odata.type' ? value : null,
    ]),
  );
}
