// To Microsoft and back, and out again.

import { html } from 'hono/html';
import { ControlError } from '../errors.ts';
import { checkPost } from './csrf.ts';
import { answerPage } from './pages.ts';
import type { PortalApp, PortalContext } from './portal-context.ts';
import { requireSession } from './require-session.ts';
import { CALLBACK, localReturnTo, SIGN_IN, SIGN_OUT } from './return-to.ts';
import { beginSession, endSession, writeSession } from './session.ts';
import { beginSignIn, endSignIn, readSignIn, writeSignIn } from './sign-in-state.ts';

export function addSignInRoutes(app: PortalApp): void {
  app.get(SIGN_IN, async (context) => {
    const { clock, randomText, sessionKey, signIn } = context.var.portal;
    const begun = beginSignIn(localReturnTo(context.req.query('returnTo')), clock.now(), randomText);
    await writeSignIn(context, sessionKey, begun);
    const hint = context.req.query('login_hint');
    return context.redirect(signIn.authorizeUrl(begun, isHint(hint) ? hint : undefined), 303);
  });
  app.get(CALLBACK, async (context) => {
    try {
      return context.redirect(await finishSignIn(context), 303);
    } catch (error) {
      // One-time, also when it failed.
      endSignIn(context);
      throw error;
    }
  });
  app.post(SIGN_OUT, async (context) => {
    const session = await requireSession(context);
    if (session instanceof Response) return session;
    await checkPost(context, session);
    endSession(context);
    context.set('session', undefined);
    context.env.log.info('signed_out', { oid: session.oid });
    const { microsoftSignOutUrl } = context.var.portal.signIn;
    const body = html`<p>You are signed out of the portal. On a computer that others use, <a href="${microsoftSignOutUrl}">sign out of Microsoft</a> too.</p>
<p><a href="${SIGN_IN}">Sign in</a></p>`;
    return answerPage(context, 'Signed out', body);
  });
}

/** Where the person wanted to go. Only one cookie is set: OpenWhisk hands over several headers of one name as a list,
 *  but DigitalOcean does not say that it does. So the cookie of the sign-in goes with the next page (app.ts). */
async function finishSignIn(context: PortalContext): Promise<string> {
  const { clock, randomText, sessionKey, signIn } = context.var.portal;
  const { state, code, error } = context.req.query();
  const begun = await readSignIn(context, sessionKey, clock.now());
  if (begun === undefined) throw refused('no-sign-in');
  if (state !== begun.state) throw refused('state-mismatch');
  // The page was loaded again; its code is used up.
  if (context.var.session?.signInState === begun.state) return begun.returnTo;
  if (code === undefined || code === '') throw refused('denied-by-microsoft', { error: nameOfError(error) });
  const identity = await signIn.redeem(code, begun);
  const session = beginSession(identity, {
    signInState: begun.state,
    csrfSecret: randomText(),
    now: clock.now(),
  });
  await writeSession(context, sessionKey, session);
  context.env.log.info('signed_in', { oid: session.oid, role: session.role });
  return begun.returnTo;
}

function isHint(value: string | undefined): value is string {
  return value !== undefined && /^[^\s<>"]{1,200}$/.test(value);
}

/** One of Microsoft's words such as `access_denied`; whoever made the link may have written anything. */
function nameOfError(value: string | undefined): string {
  return value !== undefined && /^[a-z_]{1,40}$/.test(value) ? value : 'unknown';
}

function refused(reason: string, details: Readonly<Record<string, unknown>> = {}): ControlError {
  return new ControlError('SIGN_IN_REFUSED', 'A sign-in came back that opens nothing.', {
    details: { reason, ...details },
  });
}
