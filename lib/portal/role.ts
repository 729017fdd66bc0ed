// Who a person is to the portal. Entra says it by app roles; the strongest counts, and without one a person of the
// tenant is a Member. Pure.

export type Role = 'admin' | 'devops' | 'member';

/** Strongest first. The keys are the values of the app roles in Entra (docs/install.md). */
const APP_ROLES: readonly (readonly [string, Role])[] = [
  ['Admin', 'admin'],
  ['DevOps', 'devops'],
  ['Member', 'member'],
];

/** The role that the claim `roles` of an id token stands for. */
export function roleOf(appRoles: readonly string[]): Role {
  return APP_ROLES.find(([name]) => appRoles.includes(name))?.[1] ?? 'member';
}

/** Whether LiteLLM's own pages are for them. */
export function mayOpenUi(role: Role): boolean {
  return role === 'admin' || role === 'devops';
}

/** As people read it. */
export function nameOfRole(role: Role): string {
  return APP_ROLES.find(([, candidate]) => candidate === role)?.[0] ?? 'Member';
}
