// Entra's token endpoint for client credentials: checks the application, issues and later recognises tokens. People
// sign in beside it (user-sign-in.ts).

import { jwtVerify } from 'jose';
import type { Clock } from '../../../lib/clock.ts';
import { entraError, type Reply } from './reply.ts';
import { isEqual } from './secret-equality.ts';
import type { TokenSigner } from './token-signer.ts';

const TOKEN_LIFETIME_SECONDS = 3599;

export type Application = {
  readonly tenantId: string;
  readonly clientId: string;
  readonly clientSecret: string;
};

export type SignInOptions = {
  readonly baseUrl: string;
  readonly issuer: string;
  readonly signer: TokenSigner;
  readonly clock: Clock;
};

export type SignIn = ReturnType<typeof createSignIn>;

/** The sign-in service of one tenant for the application that runs without people. */
export function createSignIn(application: Application, { baseUrl, issuer, signer, clock }: SignInOptions) {
  const { tenantId, clientId, clientSecret } = application;
  // Entra names its resource by this address everywhere; ours is also reachable by its own.
  const audiences = ['https://graph.microsoft.com', baseUrl];

  return {
    /** What @azure/identity reads before it asks for a token. */
    metadata: (): Reply => ({
      status: 200,
      headers: {},
      body: {
        issuer,
        token_endpoint: `${baseUrl}/${tenantId}/oauth2/v2.0/token`,
        authorization_endpoint: `${baseUrl}/${tenantId}/oauth2/v2.0/authorize`,
        jwks_uri: `${baseUrl}/${tenantId}/discovery/v2.0/keys`,
        token_endpoint_auth_methods_supported: ['client_secret_post'],
        response_types_supported: ['code'],
        subject_types_supported: ['pairwise'],
        id_token_signing_alg_values_supported: ['RS256'],
      },
    }),

    keys: (): Reply => ({ status: 200, headers: {}, body: signer.jwks }),

    async issueToken(form: URLSearchParams): Promise<Reply> {
      if (form.get('grant_type') !== 'client_credentials') {
        return entraError(400, 'unsupported_grant_type', 70003, 'The grant type is not supported.');
      }
      if (form.get('client_id') !== clientId) {
        return entraError(
          400,
          'unauthorized_client',
          700016,
          'The application was not found in the directory.',
        );
      }
      if (!isEqual(form.get('client_secret') ?? '', clientSecret)) {
        return entraError(401, 'invalid_client', 7000215, 'Invalid client secret provided.');
      }
      const audience = audiences.find((resource) =>
        form.get('scope')?.split(' ').includes(`${resource}/.default`),
      );
      if (audience === undefined) {
        return entraError(
          400,
          'invalid_resource',
          500011,
          'The resource principal was not found in the tenant.',
        );
      }
      const claims = { iss: issuer, aud: audience, appid: clientId, tid: tenantId, idtyp: 'app' };
      const token = await signer.sign(claims, TOKEN_LIFETIME_SECONDS);
      const body = {
        token_type: 'Bearer',
        expires_in: TOKEN_LIFETIME_SECONDS,
        ext_expires_in: TOKEN_LIFETIME_SECONDS,
        access_token: token,
      };
      return { status: 200, headers: { 'Cache-Control': 'no-store' }, body };
    },

    /** Whether an Authorization header carries a token of ours that is valid now. */
    async isAuthorised(header: string | undefined): Promise<boolean> {
      const token = /^Bearer (\S+)$/i.exec(header ?? '')?.[1];
      if (token === undefined) return false;
      try {
        await jwtVerify(token, signer.publicKey, { issuer, audience: audiences, currentDate: clock.now() });
        return true;
      } catch {
        return false;
      }
    },
  };
}
