// Signing in with Entra: the OpenID Connect code flow of one tenant, with PKCE. The endpoints are fixed, so no
// document from the network decides where a secret is sent.
// https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow

import { createRemoteJWKSet, customFetch } from 'jose';
import * as z from 'zod';
import type { Clock } from '../clock.ts';
import { ControlError } from '../errors.ts';
import type { Secret } from '../secret.ts';
import { verifyIdToken } from './id-token.ts';
import type { Identity } from './session.ts';
import { challengeOf, type SignInState } from './sign-in-state.ts';

export type SignInOptions = {
  readonly authorityHost: string;
  readonly tenantId: string;
  readonly clientId: string;
  readonly clientSecret: Secret;
  /** As registered in Entra. */
  readonly redirectUri: string;
  readonly clock: Clock;
  readonly fetch?: typeof fetch;
};

export type SignIn = {
  /** Where a person signs in; `loginHint` fills in who. */
  authorizeUrl(signIn: SignInState, loginHint?: string): string;
  /** Who came back with `code`. A repeat with the same code is refused by Microsoft.
   *  @throws ControlError SIGN_IN_REFUSED, SIGN_IN_UNAVAILABLE, SIGN_IN_MISCONFIGURED */
  redeem(code: string, signIn: SignInState): Promise<Identity>;
  /** Where a person also leaves Microsoft's own session. */
  readonly microsoftSignOutUrl: string;
};

const TOKEN_TIMEOUT_MS = 8_000;
const KEYS_TIMEOUT_MS = 5_000;
const SCOPE = 'openid profile';

const tokenAnswer = z.object({ id_token: z.string().min(1) });
const refusalAnswer = z.object({
  error: z.string().catch('unknown'),
  error_codes: z.array(z.number()).catch([]),
});

/** Keeps Microsoft's signing keys between sign-ins, and reads them again when a token names another. */
export function createSignIn(options: SignInOptions): SignIn {
  const { authorityHost, tenantId, clientId, redirectUri, clock, fetch: send = fetch } = options;
  const authority = `${authorityHost}/${tenantId}`;
  const keys = createRemoteJWKSet(new URL(`${authority}/discovery/v2.0/keys`), {
    timeoutDuration: KEYS_TIMEOUT_MS,
    [customFetch]: (url, init) => send(url, init as RequestInit),
  });
  return {
    authorizeUrl(signIn, loginHint) {
      const query = new URLSearchParams({
        client_id: clientId,
        response_type: 'code',
        response_mode: 'query',
        redirect_uri: redirectUri,
        scope: SCOPE,
        state: signIn.state,
        nonce: signIn.nonce,
        code_challenge: challengeOf(signIn.verifier),
        code_challenge_method: 'S256',
        ...(loginHint === undefined ? {} : { login_hint: loginHint }),
      });
      return `${authority}/oauth2/v2.0/authorize?${query}`;
    },
    async redeem(code, { verifier, nonce }) {
      const idToken = await redeemCode({ ...options, fetch: send }, authority, code, verifier);
      const now = clock.now();
      return verifyIdToken(idToken, keys, { authorityHost, tenantId, clientId, nonce, now });
    },
    microsoftSignOutUrl: `${authority}/oauth2/v2.0/logout`,
  };
}

async function redeemCode(
  { clientId, clientSecret, redirectUri, fetch: send }: SignInOptions & { readonly fetch: typeof fetch },
  authority: string,
  code: string,
  verifier: string,
): Promise<string> {
  let status: number;
  let answer: unknown;
  try {
    const response = await send(`${authority}/oauth2/v2.0/token`, {
      method: 'POST',
      body: new URLSearchParams({
        client_id: clientId,
        client_secret: clientSecret.reveal(),
        grant_type: 'authorization_code',
        code,
        redirect_uri: redirectUri,
        code_verifier: verifier,
        scope: SCOPE,
      }),
      redirect: 'error',
      signal: AbortSignal.timeout(TOKEN_TIMEOUT_MS),
    });
    status = response.status;
    answer = await response.json();
  } catch (cause) {
    throw unavailable({ cause });
  }
  const token = tokenAnswer.safeParse(answer).data;
  if (status === 200 && token !== undefined) return token.id_token;
  if (status < 400 || status === 429 || status >= 500) throw unavailable({ details: { status } });
  throw refusal(status, answer);
}

/** Microsoft's words stay out: they may name the person. */
function refusal(status: number, answer: unknown): ControlError {
  const { error = 'unknown', error_codes: numbers = [] } = refusalAnswer.safeParse(answer).data ?? {};
  const details = { status, error: error.slice(0, 40), numbers: numbers.slice(0, 5) };
  if (error === 'invalid_grant') {
    return new ControlError('SIGN_IN_REFUSED', 'Microsoft refused the code of this sign-in.', {
      details: { reason: 'code-refused', ...details },
    });
  }
  return new ControlError(
    'SIGN_IN_MISCONFIGURED',
    'Microsoft does not accept the portal; check PORTAL_CLIENT_ID, PORTAL_CLIENT_SECRET and its expiry, and the redirect URI.',
    { details },
  );
}

function unavailable(options: {
  readonly cause?: unknown;
  readonly details?: Readonly<Record<string, unknown>>;
}): ControlError {
  return new ControlError('SIGN_IN_UNAVAILABLE', 'Microsoft’s sign-in did not answer properly.', {
    ...options,
    retryable: true,
  });
}
