// The portal: its frame around every request, its sign-in, its first page. What else it shows is added as `routes`.

import { Hono } from 'hono';
import { html } from 'hono/html';
import { routePath } from 'hono/route';
import { type Markup, pageHeaders } from './layout.ts';
import { answerPage, failed, notFound } from './pages.ts';
import type { PortalApp, PortalContext, PortalEnv, PortalParts } from './portal-context.ts';
import { requireSession } from './require-session.ts';
import { HOME, SIGN_IN, UI_ACCESS } from './return-to.ts';
import { nameOfRole } from './role.ts';
import { endSession, readSession, refreshSession, type Session, writeSession } from './session.ts';
import { addSignInRoutes } from './sign-in-routes.ts';
import { endSignIn, hasSignIn, readSignIn } from './sign-in-state.ts';
import { addUiAccess } from './ui-access.ts';

export type PortalOptions = PortalParts & {
  /** Each adds pages below `/dashboard`, and asks `requireSession` or `requireRole` itself. */
  readonly routes?: readonly ((app: PortalApp) => void)[];
  /** Each may show something of its own on the first page. */
  readonly homeSections?: readonly ((session: Session) => Markup | Promise<Markup>)[];
};

/** Answers every request; called as `app.fetch(request, { log })`. */
export function createPortal({ routes = [], homeSections = [], ...portal }: PortalOptions): PortalApp {
  const app = new Hono<PortalEnv>();
  app.use(pageHeaders());
  app.use(async (context, next) => {
    const startedAtMs = portal.clock.now().getTime();
    context.set('portal', portal);
    const isRefused = await receive(context);
    await next();
    if (context.req.path !== UI_ACCESS && !context.res.headers.has('set-cookie')) {
      if (isRefused) endSession(context);
      else await keepCookies(context);
    }
    const durationMs = portal.clock.now().getTime() - startedAtMs;
    const { method } = context.req;
    // The route and not the address: a link may carry something that only its reader should have.
    const fields = { method, route: routePath(context, -1), statusCode: context.res.status, durationMs };
    context.env.log.info('page_answered', fields);
  });
  app.notFound(notFound);
  app.onError((error, context) => failed(context, error));

  addSignInRoutes(app);
  addUiAccess(app);
  app.get(HOME, async (context) => {
    const session = await requireSession(context);
    if (session instanceof Response) return session;
    const sections = await Promise.all(homeSections.map((section) => section(session)));
    const body = html`<p>Signed in as <strong>${session.name}</strong>, role <strong>${nameOfRole(session.role)}</strong>.</p>
${sections}`;
    return answerPage(context, 'Overview', body);
  });
  for (const add of routes) add(app);
  return app;
}

/** Whether the request brought a session that does not count. */
async function receive(context: PortalContext): Promise<boolean> {
  const { clock, sessionKey: key, tenantId } = context.var.portal;
  const read = await readSession(context, { key, tenantId, now: clock.now() });
  context.set('session', read.status === 'alive' ? read.session : undefined);
  if (read.status !== 'refused') return false;
  const { reason } = read;
  const isOrdinary = reason === 'too-old' || reason === 'left-alone';
  context.env.log[isOrdinary ? 'info' : 'warn']('session_refused', { reason });
  return true;
}

/** At most one cookie an answer: the finished sign-in goes first, then the session is marked as seen. */
async function keepCookies(context: PortalContext): Promise<void> {
  const { session, portal } = context.var;
  if (session === undefined || context.req.path.startsWith(SIGN_IN)) return;
  const now = portal.clock.now();
  if (hasSignIn(context)) {
    const signIn = await readSignIn(context, portal.sessionKey, now);
    if (signIn?.state === session.signInState) {
      endSignIn(context);
      return;
    }
  }
  const seen = refreshSession(session, now);
  if (seen !== undefined) await writeSession(context, portal.sessionKey, seen);
}
