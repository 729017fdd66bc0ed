// Signing in to the portal and out of it, by way of the simulated tenant.

import { expect, test } from 'vitest';
import { requireRole } from '../../lib/portal/require-session.ts';
import { ADMIN, DEVOPS, MEMBER, ORIGIN, usePortal } from './portal-fixture.ts';

const portal = usePortal();
const csrfOf = (text: string) => /name="csrf" value="([^"]+)"/.exec(text)?.[1] ?? '';

test.each([
  ['an Admin', ADMIN, 'Ada Adler', 'Admin'],
  ['a DevOps', DEVOPS, 'Ines Engel', 'DevOps'],
  ['a person without an app role', MEMBER, 'Chloe Brandt', 'Member'],
])('%s signs in and sees name and role', async (_, account, name, role) => {
  const { visitor, lines } = portal.open();

  const callback = await visitor.signIn(account);
  const home = await visitor.get(callback.location ?? '');

  expect(callback).toMatchObject({ status: 303, location: `${ORIGIN}/dashboard` });
  expect(home.status).toBe(200);
  expect(home.text).toContain(`<strong>${name}</strong>, role <strong>${role}</strong>`);
  expect(lines.join('')).toContain(`"oid":"${account}"`);
  expect(lines.join('')).not.toContain(name);
});

test('Microsoft is asked for a code with PKCE, for nothing but who it is', async () => {
  const { visitor } = portal.open();

  const { location = '' } = await visitor.get('/dashboard/sign-in');

  const { searchParams } = new URL(location);
  expect(Object.fromEntries(searchParams)).toMatchObject({
    response_type: 'code',
    scope: 'openid profile',
    code_challenge_method: 'S256',
    redirect_uri: `${ORIGIN}/dashboard/sign-in/callback`,
  });
  for (const name of ['state', 'nonce', 'code_challenge'])
    expect(searchParams.get(name)).toMatch(/^[\w-]{43}$/);
});

test('whoever asks for a page lands on it after signing in', async () => {
  const { visitor } = portal.open({
    routes: [
      (app) =>
        app.get('/dashboard/thing', async (context) => {
          const session = await requireRole(context, ['admin', 'member']);
          return session instanceof Response ? session : context.text('the thing');
        }),
    ],
  });

  const asked = await visitor.get('/dashboard/thing?a=1&b=%26');
  const query = Object.fromEntries(new URL(asked.location ?? '').searchParams);

  expect(asked.status).toBe(303);
  expect((await visitor.signIn(MEMBER, query)).location).toBe(`${ORIGIN}/dashboard/thing?a=1&b=%26`);
  expect((await visitor.get('/dashboard/thing?a=1&b=%26')).text).toBe('the thing');
});

test('a page for Admins is refused to a Member in words, and logged', async () => {
  const { visitor, lines } = portal.open({
    routes: [
      (app) =>
        app.get('/dashboard/thing', async (context) => {
          const session = await requireRole(context, ['admin', 'devops']);
          return session instanceof Response ? session : context.text('the thing');
        }),
    ],
  });
  await visitor.signIn(MEMBER);

  const page = await visitor.get('/dashboard/thing');

  expect(page.status).toBe(403);
  expect(page.text).toContain('This page is for Admin or DevOps; you are signed in as Member.');
  expect(lines.join('')).toContain('"event":"page_forbidden"');
});

test('whoever signs out is out, and the next page leads to the sign-in', async () => {
  const { visitor } = portal.open();
  await visitor.signIn(ADMIN);
  const { text } = await visitor.get('/dashboard');

  const out = await visitor.post('/dashboard/sign-out', { csrf: csrfOf(text) });

  expect(out.status).toBe(200);
  expect(out.text).toContain('You are signed out of the portal.');
  expect(out.text).not.toContain('Ada Adler');
  expect([...visitor.cookies.keys()]).toEqual([]);
  expect((await visitor.get('/dashboard')).location).toBe(`${ORIGIN}/dashboard/sign-in`);
});

test('the cookie of the sign-in goes with the next page, one cookie an answer', async () => {
  const { visitor } = portal.open();

  const callback = await visitor.signIn(ADMIN);
  const kept = [...visitor.cookies.keys()];
  const home = await visitor.get('/dashboard');

  expect(callback.headers.getSetCookie()).toHaveLength(1);
  expect(kept).toEqual(['__Host-sign-in', '__Host-session']);
  expect(home.headers.getSetCookie()).toHaveLength(1);
  expect([...visitor.cookies.keys()]).toEqual(['__Host-session']);
});

test('every page forbids scripts, frames, caches and referrers', async () => {
  const { visitor } = portal.open();
  await visitor.signIn(ADMIN);

  for (const path of ['/dashboard', '/dashboard/nowhere', '/dashboard/sign-in/callback']) {
    const { headers, text } = await visitor.get(path);
    const policy = headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'; style-src 'sha256-");
    expect(policy).toContain("form-action 'self'; frame-ancestors 'none'; base-uri 'none'");
    expect(policy).not.toMatch(/script-src|unsafe/);
    expect(text).not.toMatch(/<script|style="|onclick/);
    expect(Object.fromEntries(headers)).toMatchObject({
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    });
  }
});

test('a page that does not exist says so', async () => {
  const { visitor } = portal.open();

  const page = await visitor.get('/dashboard/nowhere');

  expect(page.status).toBe(404);
  expect(page.text).toContain('There is no such page.');
});

test('a route that fails is answered in words and logged, without its words', async () => {
  const { visitor, lines } = portal.open({
    routes: [
      (app) =>
        app.get('/dashboard/thing', () => {
          throw new Error('inner words');
        }),
    ],
  });

  const page = await visitor.get('/dashboard/thing');

  expect(page.status).toBe(500);
  expect(page.text).not.toContain('inner words');
  expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
  expect(lines.join('')).toContain('"code":"UNEXPECTED","message":"inner words"');
});
