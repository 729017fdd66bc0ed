// What nginx is told about a session, before it opens LiteLLM's own pages.

import { expect, test } from 'vitest';
import { SESSION_IDLE_MS, SESSION_LIFE_MS } from '../../lib/portal/session.ts';
import { ADMIN, DEVOPS, MEMBER, usePortal } from './portal-fixture.ts';

const portal = usePortal();
const ASKED = '/dashboard/ui-access';

test.each([
  ['an Admin', ADMIN, 204],
  ['somebody in DevOps', DEVOPS, 204],
  ['a Member', MEMBER, 403],
])('%s gets the answer that their role has', async (_who, account, status) => {
  const { visitor } = portal.open();
  await visitor.signIn(account);

  const answer = await visitor.get(ASKED);

  expect([answer.status, answer.text]).toEqual([status, '']);
});

test('nobody is told to sign in by status alone, without a redirect', async () => {
  const { visitor } = portal.open();

  const answer = await visitor.get(ASKED);

  expect([answer.status, answer.text, answer.location]).toEqual([401, '', undefined]);
});

test('an ended session opens nothing', async () => {
  const { visitor } = portal.open();
  await visitor.signIn(ADMIN);

  portal.advance(SESSION_IDLE_MS);

  expect((await visitor.get(ASKED)).status).toBe(401);
});

test('a forged session opens nothing', async () => {
  const { visitor } = portal.open();
  await visitor.signIn(ADMIN);
  const sealed = visitor.cookies.get('__Host-session') ?? '';
  visitor.cookies.set('__Host-session', `${sealed.slice(0, -2)}AA`);

  expect((await visitor.get(ASKED)).status).toBe(401);
});

test('no answer carries a cookie, where another page would refresh or end the session', async () => {
  const { visitor } = portal.open();
  await visitor.signIn(ADMIN);
  const tenMinutesMs = 600_000;
  portal.advance(tenMinutesMs);

  const asked = await visitor.get(ASKED);
  const page = await visitor.get('/dashboard');
  portal.advance(SESSION_LIFE_MS);
  const askedLate = await visitor.get(ASKED);
  const pageLate = await visitor.get('/dashboard');

  expect(asked.headers.has('set-cookie')).toBe(false);
  expect(askedLate.headers.has('set-cookie')).toBe(false);
  expect(page.headers.has('set-cookie')).toBe(true);
  expect(pageLate.headers.has('set-cookie')).toBe(true);
});

test('a sign-in for LiteLLM’s pages leads back to them', async () => {
  const { visitor } = portal.open();

  const signedIn = await visitor.signIn(ADMIN, { returnTo: '/ui/users' });

  expect(signedIn.location).toBe('https://llm.example.com/ui/users');
});
