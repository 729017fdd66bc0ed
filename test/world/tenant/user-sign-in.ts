// People signing in to the registered application: the authorize page and the exchange of its code for an id token.
// https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow

import { createHash, randomBytes } from 'node:crypto';
import type { Clock } from '../../../lib/clock.ts';
import { renderAccountPicker, renderSignedOut, renderSignInError } from './account-picker.ts';
import { type Registration, rolesOf } from './registration.ts';
import { entraError, htmlReply, type Reply } from './reply.ts';
import { isEqual } from './secret-equality.ts';
import type { TenantState, TenantUser } from './state.ts';
import { signDamaged, type TokenDamage } from './token-damage.ts';
import type { TokenSigner } from './token-signer.ts';

const CODE_LIFE_MS = 10 * 60_000;
const ID_TOKEN_LIFETIME_SECONDS = 3600;

type Issued = {
  readonly user: TenantUser;
  readonly redirectUri: string;
  readonly challenge: string;
  readonly nonce: string | undefined;
  readonly expiresAt: number;
};

export type UserSignInOptions = {
  readonly tenantId: string;
  readonly issuer: string;
  readonly registration: Registration | undefined;
  readonly tenant: TenantState;
  readonly signer: TokenSigner;
  readonly clock: Clock;
};

export type UserSignIn = ReturnType<typeof createUserSignIn>;

export function createUserSignIn(options: UserSignInOptions) {
  const { tenantId, issuer, registration, tenant, signer, clock } = options;
  const codes = new Map<string, Issued>();
  let damage: TokenDamage | undefined;

  const signIdToken = ({ user, nonce }: Issued, known: Registration): Promise<string> => {
    const roles = rolesOf(user, tenant, known);
    const claims = {
      iss: issuer,
      aud: known.clientId,
      tid: tenantId,
      oid: user.id,
      sub: createHash('sha256').update(`${user.id}/${known.clientId}`).digest('base64url'),
      name: user.displayName,
      preferred_username: user.userPrincipalName,
      ver: '2.0',
      ...(nonce === undefined ? {} : { nonce }),
      ...(roles.length === 0 ? {} : { roles }),
    };
    const lifetimeSeconds = ID_TOKEN_LIFETIME_SECONDS;
    if (damage === undefined) return signer.sign(claims, lifetimeSeconds);
    const nowSeconds = Math.floor(clock.now().getTime() / 1000);
    return signDamaged(signer, claims, { damage, nowSeconds, lifetimeSeconds });
  };

  return {
    /** From now on every id token is wrong in this; undefined for right ones again. */
    damageTokens: (kind: TokenDamage | undefined): void => {
      damage = kind;
    },

    authorize(url: URL): Reply {
      const query = Object.fromEntries(url.searchParams);
      const { redirect_uri: redirectUri = '', state = '', nonce, code_challenge: challenge } = query;
      // Before the address is known to be the application's, nobody is sent there.
      if (registration === undefined || query.client_id !== registration.clientId) {
        return htmlReply(400, renderSignInError(700016, 'The application was not found in the directory.'));
      }
      if (!registration.redirectUris.includes(redirectUri)) {
        return htmlReply(
          400,
          renderSignInError(50011, 'The redirect URI does not match the registered ones.'),
        );
      }
      const back = (answer: Readonly<Record<string, string>>): Reply => {
        const location = `${redirectUri}?${new URLSearchParams({ ...answer, ...(state === '' ? {} : { state }) })}`;
        return { status: 302, headers: { Location: location, 'Cache-Control': 'no-store' }, body: undefined };
      };
      const isAsked = query.response_type === 'code' && query.scope?.split(' ').includes('openid');
      // Stricter than Entra, which asks web applications for PKCE only when they begin it.
      if (!isAsked || challenge === undefined || query.code_challenge_method !== 'S256') {
        return back({ error: 'invalid_request' });
      }
      if (query.login_hint === undefined) {
        const people = tenant.listUsers().filter(({ accountEnabled }) => accountEnabled);
        const linkOf = ({ id }: TenantUser) => `?${new URLSearchParams({ ...query, login_hint: id })}`;
        const described = people.map((person) => ({
          person,
          href: linkOf(person),
          roles: rolesOf(person, tenant, registration),
        }));
        return htmlReply(200, renderAccountPicker(described));
      }
      const hint = query.login_hint.toLowerCase();
      const user = tenant
        .listUsers()
        .find(({ id, userPrincipalName }) => [id, userPrincipalName].includes(hint));
      if (user === undefined) {
        return htmlReply(400, renderSignInError(50034, 'The account does not exist in this directory.'));
      }
      if (!user.accountEnabled) return htmlReply(400, renderSignInError(50057, 'The account is disabled.'));
      const code = randomBytes(32).toString('base64url');
      const expiresAt = clock.now().getTime() + CODE_LIFE_MS;
      codes.set(code, { user, redirectUri, challenge, nonce, expiresAt });
      return back({ code });
    },

    /** The grant `authorization_code`. */
    async redeem(form: URLSearchParams): Promise<Reply> {
      if (registration === undefined || form.get('client_id') !== registration.clientId) {
        const message = 'The application was not found in the directory.';
        return entraError(400, 'unauthorized_client', 700016, message);
      }
      if (!isEqual(form.get('client_secret') ?? '', registration.clientSecret)) {
        return entraError(401, 'invalid_client', 7000215, 'Invalid client secret provided.');
      }
      const code = form.get('code') ?? '';
      const issued = codes.get(code);
      codes.delete(code);
      if (issued === undefined) {
        return entraError(400, 'invalid_grant', 54005, 'The code was already redeemed or never issued.');
      }
      if (clock.now().getTime() >= issued.expiresAt) {
        return entraError(400, 'invalid_grant', 70008, 'The code has expired.');
      }
      if (form.get('redirect_uri') !== issued.redirectUri) {
        return entraError(400, 'invalid_grant', 500112, 'The redirect URI is not the one of the request.');
      }
      const challenge = createHash('sha256')
        .update(form.get('code_verifier') ?? '')
        .digest('base64url');
      if (!isEqual(challenge, issued.challenge)) {
        return entraError(400, 'invalid_grant', 501481, 'The code_verifier does not match the challenge.');
      }
      const idToken = await signIdToken(issued, registration);
      const body = {
        token_type: 'Bearer',
        scope: 'openid profile',
        expires_in: ID_TOKEN_LIFETIME_SECONDS,
        id_token: idToken,
      };
      return { status: 200, headers: { 'Cache-Control': 'no-store' }, body };
    },

    signOut: (): Reply => htmlReply(200, renderSignedOut()),
  };
}
