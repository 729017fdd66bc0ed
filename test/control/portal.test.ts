// control/portal as it is deployed, through the public site: what a browser gets.

import { expect, test } from 'vitest';
import { ADMIN, PORTAL_APPLICATION } from '../portal/portal-fixture.ts';
import { useDeployedPortal } from './portal-fixture.ts';

const portal = useDeployedPortal();

test('a stranger is sent to Microsoft, comes back signed in, and signs out', async () => {
  const { newVisitor, site, logs } = portal();
  const visitor = newVisitor();

  const asked = await visitor.get('/dashboard');
  const callback = await visitor.signIn(ADMIN);
  const home = await visitor.get(callback.location ?? '');
  const csrf = /name="csrf" value="([^"]+)"/.exec(home.text)?.[1] ?? '';
  const out = await visitor.post('/dashboard/sign-out', { csrf });

  expect(asked).toMatchObject({ status: 303, location: `${site.url}/dashboard/sign-in` });
  expect(callback).toMatchObject({ status: 303, location: `${site.url}/dashboard` });
  expect(home.status).toBe(200);
  expect(home.headers.get('content-type')).toMatch(/^text\/html/);
  expect(home.headers.get('content-security-policy')).toContain("default-src 'none'");
  expect(home.text).toContain('<strong>Ada Adler</strong>, role <strong>Admin</strong>');
  expect(out.text).toContain('You are signed out of the portal.');
  expect([...visitor.cookies.keys()]).toEqual([]);
  expect(logs()).toMatch(/"activationId":"\w+".*"event":"signed_in"/);
  expect(logs()).not.toMatch(/Ada|ada\.|eyJ|code=/);
  expect(logs()).not.toContain(PORTAL_APPLICATION.clientSecret);
});

test('a forged token is refused by the deployed function too', async () => {
  const { newVisitor, tenant, logs } = portal();
  const visitor = newVisitor();
  tenant.damageTokens('other-key');

  const callback = await visitor.signIn(ADMIN);

  tenant.damageTokens(undefined);
  expect(callback.status).toBe(400);
  expect((await visitor.get('/dashboard')).status).toBe(303);
  expect(logs()).toContain('"check":"ERR_JWS_SIGNATURE_VERIFICATION_FAILED","event":"sign_in_refused"');
});

test('called by its own address, the function leads to the public site and gives nothing away', async () => {
  const { host, site } = portal();

  const response = await fetch(`${host.webUrl('control/portal')}/dashboard/sign-in`, { redirect: 'manual' });

  const redirectUri = new URL(response.headers.get('location') ?? '').searchParams.get('redirect_uri');
  expect(redirectUri).toBe(`${site.url}/dashboard/sign-in/callback`);
  const outside = await fetch(`${host.webUrl('control/portal')}/elsewhere`);
  expect(outside.status).toBe(404);
});

test('a form that another site sends is refused through the public site', async () => {
  const visitor = portal().newVisitor();
  await visitor.signIn(ADMIN);
  const { text } = await visitor.get('/dashboard');
  const csrf = /name="csrf" value="([^"]+)"/.exec(text)?.[1] ?? '';

  const answer = await visitor.post(
    '/dashboard/sign-out',
    { csrf },
    { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' },
  );

  expect(answer.status).toBe(403);
});
