// The pages that say no: what happened, and what to do next.

import { html } from 'hono/html';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { type ControlError, isControlError } from '../errors.ts';
import { type Markup, renderPage } from './layout.ts';
import type { PortalContext } from './portal-context.ts';
import { HOME, SIGN_IN, signInPath } from './return-to.ts';

/** Answers with a page in the portal's frame. */
export function answerPage(
  context: PortalContext,
  title: string,
  body: Markup,
  status: ContentfulStatusCode = 200,
): Response | Promise<Response> {
  return context.html(renderPage({ title, session: context.var.session, body }), status);
}

export function notFound(context: PortalContext): Response | Promise<Response> {
  const body = html`<p>There is no such page. The link may be cut off or out of date.</p>
<p><a href="${HOME}">Go to the first page</a></p>`;
  return answerPage(context, 'Not found', body, 404);
}

/** 403: the person is known, and it is not for them. Logged. */
export function forbidden(context: PortalContext, why: string): Response | Promise<Response> {
  const { session } = context.var;
  context.env.log.warn('page_forbidden', { path: context.req.path, oid: session?.oid, role: session?.role });
  const body = html`<p>${why}</p><p>Ask an Admin for the app role if you need it, then sign in again: a new role counts from the next sign-in.</p>
<p><a href="${HOME}">Go to the first page</a></p>`;
  return answerPage(context, 'Not for you', body, 403);
}

/** 401 after a form whose session had ended: a redirect would lose what was entered without a word. */
export function signedOutMeanwhile(context: PortalContext): Response | Promise<Response> {
  const body = html`<p>You are not signed in any more, so nothing was changed.</p>
<p><a href="${signInPath(HOME)}">Sign in</a>, open the page again and repeat it.</p>`;
  return answerPage(context, 'Signed out', body, 401);
}

/** Answers and logs what a route threw. */
export function failed(context: PortalContext, error: unknown): Response | Promise<Response> {
  const { log } = context.env;
  const message = error instanceof Error ? error.message : String(error);
  if (!isControlError(error)) {
    log.error('page_failed', { code: 'UNEXPECTED', message });
    return answerPage(context, 'This did not work', ourFault, 500);
  }
  const fields = { code: error.code, message, ...error.details };
  const page = PAGES[error.code];
  if (page === undefined) {
    log.error('page_failed', fields);
    return answerPage(context, 'This did not work', ourFault, error.retryable ? 503 : 500);
  }
  log[page.level](page.event, fields);
  return answerPage(context, page.title, page.body(error), page.status);
}

type FailurePage = {
  readonly event: string;
  readonly level: 'warn' | 'error';
  readonly status: ContentfulStatusCode;
  readonly title: string;
  readonly body: (error: ControlError) => Markup;
};

const again = html`<p><a href="${SIGN_IN}">Sign in again</a></p>`;
const ourFault = html`<p>The fault is on our side. Try again in a minute; if it happens again, tell DevOps the time: the log says more.</p>`;

/** Why a sign-in was refused, by `details.reason`. What failed in a token is for the log, not for who forged it. */
const REFUSALS: Readonly<Record<string, string>> = {
  'no-sign-in': 'This browser has no sign-in under way. It may have taken longer than ten minutes.',
  'state-mismatch': 'Microsoft’s answer belongs to another sign-in, perhaps one in another tab.',
  'denied-by-microsoft':
    'Microsoft did not sign you in: it was cancelled, or your account may not use the portal.',
  'code-refused': 'Microsoft’s answer was already used or came too late.',
  'token-invalid': 'What Microsoft said about you did not pass the checks.',
};

const PAGES: Readonly<Partial<Record<ControlError['code'], FailurePage>>> = {
  SIGN_IN_REFUSED: {
    event: 'sign_in_refused',
    level: 'warn',
    status: 400,
    title: 'You were not signed in',
    body: ({ details }) => html`<p>${REFUSALS[String(details.reason)] ?? ''}</p>${again}`,
  },
  SIGN_IN_UNAVAILABLE: {
    event: 'sign_in_unavailable',
    level: 'error',
    status: 503,
    title: 'Microsoft did not answer',
    body: () =>
      html`<p>Signing in needs Microsoft’s answer, and it did not come. Try again in a minute.</p>${again}`,
  },
  SIGN_IN_MISCONFIGURED: {
    event: 'sign_in_misconfigured',
    level: 'error',
    status: 500,
    title: 'Signing in is not set up',
    body: () =>
      html`<p>Microsoft does not accept the portal. An Admin must check its app registration: the client id, the client secret and its expiry, and the redirect URI.</p>`,
  },
  FORM_REFUSED: {
    event: 'form_refused',
    level: 'warn',
    status: 403,
    title: 'Nothing was changed',
    body: () => html`<p>The form did not come from a page of the portal, or you have signed in anew since it was shown.</p>
<p><a href="${HOME}">Open the page again</a> and repeat it.</p>`,
  },
};
