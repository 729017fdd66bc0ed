// A second application of the tenant, with which people sign in, and which role each of them has in it.

import type { TenantState, TenantUser } from './state.ts';

export type Registration = {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly redirectUris: readonly string[];
  /** App role by the group that it is assigned to. */
  readonly appRoles: Readonly<Record<string, string>>;
};

/** The app roles of `user`. As in Entra, what is assigned to a group goes to its direct members only.
 *  https://learn.microsoft.com/entra/identity-platform/howto-add-app-roles-in-apps */
export function rolesOf(user: TenantUser, tenant: TenantState, { appRoles }: Registration): string[] {
  const groups = tenant.listGroups().filter(({ memberIds }) => memberIds.includes(user.id));
  return groups.flatMap(({ id }) => appRoles[id] ?? []);
}
