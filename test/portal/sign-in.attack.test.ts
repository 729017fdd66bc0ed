// Attacks on the sign-in: each is refused, said and logged, and each has beside it the sign-in that succeeds.

import { beforeEach, expect, test } from 'vitest';
import { parseEntraUserId } from '../../lib/ids.ts';
import { beginSession, sealSession } from '../../lib/portal/session.ts';
import { Secret } from '../../lib/secret.ts';
import { APPLICATION } from '../directory/tenant-fixture.ts';
import { TOKEN_DAMAGES } from '../world/tenant/token-damage.ts';
import { ADMIN, MEMBER, newKey, ORIGIN, type PortalUnderTest, usePortal } from './portal-fixture.ts';
import type { Visit, Visitor } from './visitor.ts';

const MINUTE_MS = 60_000;
const portal = usePortal();
let opened: PortalUnderTest;
beforeEach(() => {
  opened = portal.open();
});

const isSignedIn = async (visitor: Visitor) => (await visitor.get('/dashboard')).status === 200;

async function expectRefused(visit: Visit, visitor: Visitor, reason: string, said: string): Promise<void> {
  expect(visit.status).toBe(400);
  expect(visit.text).toContain('You were not signed in');
  expect(visit.text).toContain(said);
  expect(visit.text).toContain('<a href="/dashboard/sign-in">Sign in again</a>');
  expect(visitor.cookies.has('__Host-sign-in')).toBe(false);
  expect(await isSignedIn(visitor)).toBe(false);
  const log = opened.lines.join('');
  expect(log).toContain('"event":"sign_in_refused"');
  expect(log).toContain(`"reason":"${reason}"`);
  expect(log).not.toMatch(/plaintext|code=|eyJ|Ada/);
}

test('a sign-in of which nothing is wrong succeeds', async () => {
  expect((await opened.visitor.signIn(ADMIN)).status).toBe(303);
  expect(await isSignedIn(opened.visitor)).toBe(true);
});

const CHECKS: Record<(typeof TOKEN_DAMAGES)[number], string> = {
  'wrong-issuer': 'iss',
  'wrong-tenant': 'tid',
  'wrong-audience': 'aud',
  'wrong-nonce': 'nonce',
  'missing-nonce': 'nonce',
  'missing-person': 'oid',
  unsigned: 'ERR_JOSE_ALG_NOT_ALLOWED',
  'other-key': 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED',
  expired: 'exp',
  'not-yet-valid': 'nbf',
};

test.each(TOKEN_DAMAGES)('an id token that is %s opens nothing', async (damage) => {
  portal.tenant().damageTokens(damage);

  const callback = await opened.visitor.signIn(ADMIN);

  await expectRefused(callback, opened.visitor, 'token-invalid', 'did not pass the checks');
  expect(opened.lines.join('')).toContain(`"check":"${CHECKS[damage]}`);
});

test('a code opens one session: with the same code and cookie there is no second', async () => {
  const { visitor } = opened;
  const thief = opened.newVisitor();
  const address = await visitor.goToMicrosoft(ADMIN);
  for (const [name, value] of visitor.cookies) thief.cookies.set(name, value);
  expect((await visitor.get(address)).status).toBe(303);

  await expectRefused(await thief.get(address), thief, 'code-refused', 'already used or came too late');
});

test('the same callback again in the same browser asks Microsoft nothing and keeps the session', async () => {
  const { visitor } = opened;
  const address = await visitor.goToMicrosoft(ADMIN);
  await visitor.get(address);
  const asked = portal.tenant().requests.count().tokenCalls;

  const again = await visitor.get(address);

  expect(again).toMatchObject({ status: 303, location: `${ORIGIN}/dashboard` });
  expect(portal.tenant().requests.count().tokenCalls).toBe(asked);
  expect(await isSignedIn(visitor)).toBe(true);
});

test('a callback of another sign-in is refused: nobody is signed in as somebody else by a link', async () => {
  const attacker = opened.newVisitor();
  const address = await attacker.goToMicrosoft(MEMBER);
  await opened.visitor.goToMicrosoft(ADMIN);

  await expectRefused(await opened.visitor.get(address), opened.visitor, 'state-mismatch', 'another sign-in');
});

test('a callback without a sign-in under way is refused', async () => {
  const address = await opened.newVisitor().goToMicrosoft(MEMBER);

  await expectRefused(
    await opened.visitor.get(address),
    opened.visitor,
    'no-sign-in',
    'no sign-in under way',
  );
});

test('a sign-in that takes ten minutes is refused, one that takes a second less is not', async () => {
  const inTime = opened.newVisitor();
  const [late, early] = [await opened.visitor.goToMicrosoft(ADMIN), await inTime.goToMicrosoft(ADMIN)];

  portal.advance(10 * MINUTE_MS - 1000);
  expect((await inTime.get(early)).status).toBe(303);
  portal.advance(1000);
  await expectRefused(
    await opened.visitor.get(late),
    opened.visitor,
    'no-sign-in',
    'longer than ten minutes',
  );
});

test('a code of another verifier is refused: a stolen code is worth nothing', async () => {
  const attacker = opened.newVisitor();
  const stolen = new URL(await opened.visitor.goToMicrosoft(ADMIN)).searchParams.get('code') ?? '';
  const own = new URL(await attacker.goToMicrosoft(MEMBER));
  own.searchParams.set('code', stolen);

  await expectRefused(
    await attacker.get(own.href),
    attacker,
    'code-refused',
    'already used or came too late',
  );
});

test('a cancelled sign-in is said, and Microsoft’s words are not repeated', async () => {
  const { visitor } = opened;
  const address = new URL(await visitor.goToMicrosoft(ADMIN));
  address.searchParams.delete('code');
  address.searchParams.set('error', 'access_denied');
  address.searchParams.set('error_description', 'Call +1 555 0100 at once');

  const callback = await visitor.get(address.href);

  await expectRefused(callback, visitor, 'denied-by-microsoft', 'Microsoft did not sign you in');
  expect(callback.text).not.toContain('555');
});

test.each([
  'https://evil.example/',
  '//evil.example/dashboard',
  '/\\evil.example',
  '/dashboard/../../evil',
  '/dashboard/%2e%2e/%2e%2e/x',
  '/dashboardevil',
  '/dashboard@evil.example',
  '/dashboard\\@evil.example',
  '/dashboard/\tx',
  'javascript:alert(1)',
  '/dashboard/sign-in?returnTo=/dashboard',
  `/dashboard/${'x'.repeat(2000)}`,
])('a sign-in does not lead to %s', async (returnTo) => {
  const callback = await opened.visitor.signIn(ADMIN, { returnTo });

  expect(callback.location).toBe(`${ORIGIN}/dashboard`);
});

test('a session that was there before is not taken over: each sign-in makes a new one', async () => {
  const { visitor } = opened;
  const attacker = opened.newVisitor();
  await attacker.signIn(MEMBER);
  const planted = attacker.cookies.get('__Host-session') ?? '';
  visitor.cookies.set('__Host-session', planted);

  await visitor.signIn(ADMIN);

  expect(visitor.cookies.get('__Host-session')).not.toBe(planted);
  expect((await visitor.get('/dashboard')).text).toContain('role <strong>Admin');
  expect((await attacker.get('/dashboard')).text).toContain('role <strong>Member');
});

test('a cookie in which one character was changed is no session', async () => {
  const { visitor } = opened;
  await visitor.signIn(ADMIN);
  const cookie = visitor.cookies.get('__Host-session') ?? '';
  expect(await isSignedIn(visitor)).toBe(true);

  for (let at = 0; at < cookie.length; at += 29) {
    // The last character of a part also has bits that stand for nothing.
    if (cookie[at] === '.' || [undefined, '.'].includes(cookie[at + 1])) continue;
    const changed = cookie[at] === 'A' ? 'B' : 'A';
    visitor.cookies.set('__Host-session', `${cookie.slice(0, at)}${changed}${cookie.slice(at + 1)}`);
    expect(await isSignedIn(visitor), `character ${at}`).toBe(false);
  }
  expect(opened.lines.join('')).toContain('"reason":"unreadable","event":"session_refused"');
  expect([...visitor.cookies.keys()]).not.toContain('__Host-session');
});

test('a cookie of another key, another tenant or another purpose is no session', async () => {
  const sessionKey = newKey();
  opened = portal.open({ sessionKey });
  const { visitor } = opened;
  const now = new Date(Date.UTC(2026, 0, 5, 9));
  const cookieOf = (key: Secret, tid: string) => {
    const identity = { oid: parseEntraUserId(ADMIN), tid, name: 'Ada', role: 'admin' } as const;
    const random = 'x'.repeat(43);
    return sealSession(key, beginSession(identity, { signInState: random, csrfSecret: random, now }));
  };
  const tryCookie = async (cookie: string) => {
    visitor.cookies.set('__Host-session', cookie);
    return isSignedIn(visitor);
  };

  expect(await tryCookie(await cookieOf(sessionKey, APPLICATION.tenantId))).toBe(true);
  expect(await tryCookie(await cookieOf(newKey(), APPLICATION.tenantId))).toBe(false);
  expect(await tryCookie(await cookieOf(sessionKey, '99999999-0000-4000-8000-000000000001'))).toBe(false);
  await visitor.get('/dashboard/sign-in');
  expect(await tryCookie(visitor.cookies.get('__Host-sign-in') ?? '')).toBe(false);
  expect(await tryCookie('eyJhbGciOiJub25lIn0.e30.')).toBe(false);
  expect(opened.lines.join('')).toContain('"reason":"other-tenant","event":"session_refused"');
});

test('an hour without use ends a session, and use within the hour keeps it', async () => {
  const { visitor } = opened;
  const idle = opened.newVisitor();
  await visitor.signIn(ADMIN);
  await idle.signIn(ADMIN);
  await visitor.get('/dashboard');

  portal.advance(59 * MINUTE_MS);
  expect(await isSignedIn(visitor)).toBe(true);
  portal.advance(MINUTE_MS);
  expect([await isSignedIn(visitor), await isSignedIn(idle)]).toEqual([true, false]);
  expect(opened.lines.join('')).toContain('"reason":"left-alone","event":"session_refused"');
});

test('eight hours end a session however much it is used', async () => {
  const { visitor } = opened;
  await visitor.signIn(ADMIN);

  for (let passedMs = 0; passedMs < 8 * 60 * MINUTE_MS; passedMs += 30 * MINUTE_MS) {
    expect(await isSignedIn(visitor), `after ${passedMs / MINUTE_MS} minutes`).toBe(true);
    portal.advance(30 * MINUTE_MS);
  }
  expect(await isSignedIn(visitor)).toBe(false);
  expect(opened.lines.join('')).toContain('"reason":"too-old","event":"session_refused"');
});

test('a name with markup in it is shown as text', async () => {
  const { tenant } = portal.tenant();
  tenant.rename(MEMBER, { displayName: '<script>alert(1)</script>"&' });

  await opened.visitor.signIn(MEMBER);
  const { text } = await opened.visitor.get('/dashboard');

  tenant.rename(MEMBER, { displayName: 'Chloe Brandt' });
  expect(text).toContain('&lt;script&gt;alert(1)&lt;/script&gt;&quot;&amp;');
  expect(text).not.toContain('<script');
});

test.each([
  ['the wrong secret', { clientSecret: new Secret('another') }, 500, 'sign_in_misconfigured'],
  [
    'a network that fails',
    { fetch: () => Promise.reject(new TypeError('fetch failed')) },
    503,
    'sign_in_unavailable',
  ],
])('%s is said as what it is, and nobody is signed in', async (_, signInOptions, status, event) => {
  opened = portal.open({ signInOptions });

  const callback = await opened.visitor.signIn(ADMIN);

  expect(callback.status).toBe(status);
  expect(opened.lines.join('')).toContain(`"event":"${event}"`);
  expect(await isSignedIn(opened.visitor)).toBe(false);
});

test.each([
  ['the token endpoint', '/token'],
  ['the keys', '/keys'],
])('%s failing is answered 503, and nobody is signed in', async (_, path) => {
  const address = await opened.visitor.goToMicrosoft(ADMIN);
  portal.tenant().faults.add({ match: { path }, fault: { kind: 'status', status: 503 } });

  const callback = await opened.visitor.get(address);

  expect(callback.status).toBe(503);
  expect(callback.text).toContain('Microsoft did not answer');
  expect(await isSignedIn(opened.visitor)).toBe(false);
});
