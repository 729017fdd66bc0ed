// The simulated Microsoft checks what the real one checks: to whom a person is sent back, and who may redeem a code.

import { createHash } from 'node:crypto';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTrustedTenant } from '../../directory/tenant-fixture.ts';
import { seedUserId } from './seed.ts';
import type { RunningTenant } from './tenant.ts';

const CALLBACK = 'https://llm.example.com/dashboard/sign-in/callback';
const PORTAL = { clientId: '11111111-0000-4000-8000-000000000003', clientSecret: 'portal-secret-plaintext' };
const VERIFIER = 'v'.repeat(43);
let tenant: RunningTenant;
let nowMs = Date.UTC(2026, 0, 5);

beforeAll(async () => {
  tenant = await startTrustedTenant({
    portal: { ...PORTAL, redirectUris: [CALLBACK], appRoles: {} },
    clock: { now: () => new Date(nowMs), sleep: async () => undefined },
  });
});
afterAll(() => tenant?.close());

const base = () => `${tenant.baseUrl}/11111111-0000-4000-8000-000000000001/oauth2/v2.0`;

async function authorize(changes: Record<string, string | undefined> = {}): Promise<Response> {
  const query = {
    client_id: PORTAL.clientId,
    response_type: 'code',
    redirect_uri: CALLBACK,
    scope: 'openid profile',
    state: 'the-state',
    nonce: 'the-nonce',
    code_challenge: createHash('sha256').update(VERIFIER).digest('base64url'),
    code_challenge_method: 'S256',
    login_hint: seedUserId(1),
    ...changes,
  };
  const given = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return fetch(`${base()}/authorize?${new URLSearchParams(given)}`, { redirect: 'manual' });
}

async function newCode(): Promise<string> {
  const location = (await authorize()).headers.get('location') ?? '';
  return new URL(location).searchParams.get('code') ?? '';
}

async function redeem(code: string, changes: Record<string, string> = {}) {
  const form = {
    client_id: PORTAL.clientId,
    client_secret: PORTAL.clientSecret,
    grant_type: 'authorization_code',
    redirect_uri: CALLBACK,
    code_verifier: VERIFIER,
    code,
    ...changes,
  };
  const response = await fetch(`${base()}/token`, { method: 'POST', body: new URLSearchParams(form) });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

test('a code is redeemed once, for an id token of the person who was picked', async () => {
  const code = await newCode();

  const first = await redeem(code);
  const second = await redeem(code);

  expect(decodeJwt(String(first.body.id_token))).toMatchObject({
    iss: `${tenant.baseUrl}/11111111-0000-4000-8000-000000000001/v2.0`,
    aud: PORTAL.clientId,
    oid: seedUserId(1),
    nonce: 'the-nonce',
    name: 'Ada Adler',
  });
  expect(second).toMatchObject({ status: 400, body: { error: 'invalid_grant', error_codes: [54005] } });
});

test.each([
  ['another verifier', { code_verifier: 'w'.repeat(43) }, 400, 501481],
  ['no verifier', { code_verifier: '' }, 400, 501481],
  ['another redirect URI', { redirect_uri: `${CALLBACK}/x` }, 400, 500112],
  ['another secret', { client_secret: 'x' }, 401, 7000215],
  ['the other application', { client_id: '11111111-0000-4000-8000-000000000002' }, 400, 700016],
])('a code with %s is refused', async (_, changes, status, number) => {
  expect(await redeem(await newCode(), changes)).toMatchObject({ status, body: { error_codes: [number] } });
});

test('a code of ten minutes ago is refused', async () => {
  const code = await newCode();
  nowMs += 10 * 60_000;

  expect(await redeem(code)).toMatchObject({ status: 400, body: { error_codes: [70008] } });
});

test.each([
  ['an address that is not registered', { redirect_uri: 'https://evil.example/' }, 50011],
  ['an address that only begins like it', { redirect_uri: `${CALLBACK}.evil` }, 50011],
  ['an unknown application', { client_id: 'x' }, 700016],
  ['an unknown account', { login_hint: 'nobody@contoso.example' }, 50034],
])('%s gets a page, and nobody is sent anywhere', async (_, changes, number) => {
  const response = await authorize(changes);

  expect([response.status, response.headers.get('location')]).toEqual([400, null]);
  expect(await response.text()).toContain(`AADSTS${number}`);
});

test('without a hint the accounts are offered, and a disabled one neither there nor by hint', async () => {
  tenant.tenant.disableUser(seedUserId(2));

  const page = await (await authorize({ login_hint: undefined })).text();
  const disabled = await authorize({ login_hint: seedUserId(2) });

  expect(page).toContain(`login_hint=${seedUserId(1)}`);
  expect(page).not.toContain(seedUserId(2));
  expect(await disabled.text()).toContain('AADSTS50057');
});

test('a request without PKCE goes back with an error and no code', async () => {
  const response = await authorize({ code_challenge: undefined });

  expect(response.headers.get('location')).toBe(`${CALLBACK}?error=invalid_request&state=the-state`);
});
