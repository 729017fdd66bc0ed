// A posted form counts only from a page that this portal gave to this session. Two proofs, because each alone has
// failed somewhere: a token in the form, and what the browser says about where the form was.

import { createHmac, timingSafeEqual } from 'node:crypto';
import { html } from 'hono/html';
import { ControlError } from '../errors.ts';
import type { Markup } from './layout.ts';
import type { PortalContext } from './portal-context.ts';
import type { Session } from './session.ts';

const FIELD = 'csrf';

/** The token of every form in `session`. */
export function csrfToken({ csrfSecret, tid, oid }: Session): string {
  return createHmac('sha256', csrfSecret).update(`${tid}/${oid}`).digest('base64url');
}

/** The hidden field that each form of the portal carries. */
export function csrfField(session: Session): Markup {
  return html`<input type="hidden" name="${FIELD}" value="${csrfToken(session)}">`;
}

/** The fields of a form that came from a page of ours in this session, without the token.
 *  @throws ControlError FORM_REFUSED, which is answered 403 and logged */
export async function checkPost(context: PortalContext, session: Session): Promise<URLSearchParams> {
  const isForm = context.req.header('content-type')?.startsWith('application/x-www-form-urlencoded') ?? false;
  if (!isForm) throw refused('content-type');
  if (!isSameOrigin(context.req.raw.headers, context.var.portal.publicBaseUrl)) throw refused('origin');
  const form = new URLSearchParams(await context.req.text());
  if (!isEqual(form.get(FIELD) ?? '', csrfToken(session))) throw refused('token');
  form.delete(FIELD);
  return form;
}

/** Whether the browser says that the form was on `origin`. Our pages have the referrer policy `no-referrer`, under
 *  which the Origin of their own forms is `null`; then Sec-Fetch-Site must say it. https://fetch.spec.whatwg.org/#origin-header
 *  Pure. */
export function isSameOrigin(headers: Headers, origin: string): boolean {
  const said = headers.get('origin') ?? 'null';
  const site = headers.get('sec-fetch-site');
  if (site !== null && site !== 'same-origin') return false;
  return said === 'null' ? site === 'same-origin' : said === origin;
}

function isEqual(given: string, expected: string): boolean {
  const [left, right] = [Buffer.from(given), Buffer.from(expected)];
  return left.length === right.length && timingSafeEqual(left, right);
}

function refused(reason: 'content-type' | 'origin' | 'token'): ControlError {
  return new ControlError('FORM_REFUSED', 'A form did not come from a page of the portal in this session.', {
    details: { reason },
  });
}
