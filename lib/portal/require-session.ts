// What a route asks first: who is there, and may they be.

import { forbidden, signedOutMeanwhile } from './pages.ts';
import type { PortalContext } from './portal-context.ts';
import { HOME, signInPath } from './return-to.ts';
import { nameOfRole, type Role } from './role.ts';
import type { Session } from './session.ts';

/** Who is signed in, or the answer to give instead: a page that is asked for leads to the sign-in and back, a form
 *  gets a page that says that nothing was changed (a form may not be redirected to Microsoft: `form-action`). */
export async function requireSession(context: PortalContext): Promise<Session | Response> {
  const { session } = context.var;
  if (session !== undefined) return session;
  if (context.req.method !== 'GET' && context.req.method !== 'HEAD') return signedOutMeanwhile(context);
  const { pathname, search } = new URL(context.req.url);
  return context.redirect(signInPath(pathname === HOME ? HOME : pathname + search), 303);
}

/** The same for those in one of `roles`; anybody else gets a page that says whom it is for. */
export async function requireRole(
  context: PortalContext,
  roles: readonly Role[],
): Promise<Session | Response> {
  const session = await requireSession(context);
  if (session instanceof Response || roles.includes(session.role)) return session;
  const names = roles.map(nameOfRole).join(' or ');
  return forbidden(context, `This page is for ${names}; you are signed in as ${nameOfRole(session.role)}.`);
}
