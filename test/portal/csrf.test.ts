// A form counts only from a page of ours in the same session.

import { expect, test } from 'vitest';
import { isSameOrigin } from '../../lib/portal/csrf.ts';
import { ADMIN, MEMBER, ORIGIN, usePortal } from './portal-fixture.ts';

const portal = usePortal();
const csrfOf = (text: string) => /name="csrf" value="([^"]+)"/.exec(text)?.[1] ?? '';

async function signedIn() {
  const { visitor, newVisitor, lines } = portal.open();
  await visitor.signIn(ADMIN);
  const csrf = csrfOf((await visitor.get('/dashboard')).text);
  return { visitor, newVisitor, lines, csrf };
}

test.each([
  ['by Sec-Fetch-Site, with the Origin hidden', { origin: 'null', 'sec-fetch-site': 'same-origin' }],
  ['by Origin alone', { origin: ORIGIN }],
])('a form of the portal is taken %s', async (_, headers) => {
  const { visitor, csrf } = await signedIn();

  expect((await visitor.post('/dashboard/sign-out', { csrf }, headers)).status).toBe(200);
});

test.each([
  ['another site', { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }],
  ['a sister host', { origin: 'https://other.example.com', 'sec-fetch-site': 'same-site' }],
  ['a frame without an origin', { origin: 'null', 'sec-fetch-site': 'cross-site' }],
  ['nowhere', {}],
])('a form from %s is refused, even with the right token', async (_, headers) => {
  const { visitor, csrf, lines } = await signedIn();

  const answer = await visitor.post('/dashboard/sign-out', { csrf }, headers);

  expect(answer.status).toBe(403);
  expect(answer.text).toContain('Nothing was changed');
  expect(lines.join('')).toContain('"reason":"origin","event":"form_refused"');
  expect((await visitor.get('/dashboard')).status).toBe(200);
});

test('a form without the token, with one of another session, or of before a new sign-in is refused', async () => {
  const { visitor, newVisitor, csrf, lines } = await signedIn();
  const other = newVisitor();
  await other.signIn(MEMBER);
  const foreign = csrfOf((await other.get('/dashboard')).text);
  const tried = [
    await visitor.post('/dashboard/sign-out', {}),
    await visitor.post('/dashboard/sign-out', { csrf: foreign }),
  ];
  await visitor.signIn(ADMIN);
  tried.push(await visitor.post('/dashboard/sign-out', { csrf }));

  expect(tried.map(({ status }) => status)).toEqual([403, 403, 403]);
  expect(lines.join('')).toContain('"reason":"token"');
  expect(lines.join('')).not.toContain(csrf);
});

test('a body that no form of ours sends is refused, even with the right token', async () => {
  const { visitor, csrf, lines } = await signedIn();
  const headers = { origin: ORIGIN, 'sec-fetch-site': 'same-origin', 'content-type': 'text/plain' };

  const answer = await visitor.post('/dashboard/sign-out', { csrf }, headers);

  expect(answer.status).toBe(403);
  expect(lines.join('')).toContain('"reason":"content-type"');
});

test('a form whose session has ended is told that nothing was changed, not sent elsewhere', async () => {
  const { visitor, csrf } = await signedIn();
  visitor.cookies.clear();

  const answer = await visitor.post('/dashboard/sign-out', { csrf });

  expect(answer).toMatchObject({ status: 401, location: undefined });
  expect(answer.text).toContain('nothing was changed');
});

test('what the browser says of a form’s origin is believed only without contradiction', () => {
  const said = (headers: Record<string, string>) => isSameOrigin(new Headers(headers), ORIGIN);

  expect(said({ origin: ORIGIN, 'sec-fetch-site': 'same-origin' })).toBe(true);
  expect(said({ origin: ORIGIN, 'sec-fetch-site': 'none' })).toBe(false);
  expect(said({ origin: `${ORIGIN}.evil.example`, 'sec-fetch-site': 'same-origin' })).toBe(false);
  expect(said({ origin: 'null' })).toBe(false);
  expect(said({ 'sec-fetch-site': 'same-origin' })).toBe(true);
});
