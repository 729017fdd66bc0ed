// Whether LiteLLM's own pages are open to whoever asks. nginx asks before each file of them and keeps the answer for
// half a minute under the session's cookie (droplet/nginx/sites/public.conf), so it depends on nothing but that cookie.

import type { PortalApp } from './portal-context.ts';
import { UI_ACCESS } from './return-to.ts';
import { mayOpenUi } from './role.ts';

/** 204 for Admin and DevOps, 403 for a Member, 401 for nobody; never with a body, and never with a cookie (app.ts):
 *  nginx would give a kept one to every request of that half minute. */
export function addUiAccess(app: PortalApp): void {
  app.get(UI_ACCESS, (context) => {
    const { session } = context.var;
    if (session === undefined) return context.body(null, 401);
    return context.body(null, mayOpenUi(session.role) ? 204 : 403);
  });
}
