// The tenant's signing key, as published, and tokens signed with it: RS256.

import { type CryptoKey, exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import type { Clock } from '../../../lib/clock.ts';

const KEY_ID = 'world-1';

export type TokenSigner = Awaited<ReturnType<typeof createTokenSigner>>;

export async function createTokenSigner(clock: Clock) {
  const { publicKey, privateKey } = await generateKeyPair('RS256');
  const jwk = { ...(await exportJWK(publicKey)), kid: KEY_ID, use: 'sig' };
  return {
    publicKey,
    jwks: { keys: [jwk] },
    /** A token issued now; `claims` may say otherwise. */
    sign(claims: JWTPayload, lifetimeSeconds: number, key: CryptoKey = privateKey): Promise<string> {
      const issuedAt = Math.floor(clock.now().getTime() / 1000);
      return new SignJWT({ iat: issuedAt, nbf: issuedAt, exp: issuedAt + lifetimeSeconds, ...claims })
        .setProtectedHeader({ alg: 'RS256', kid: KEY_ID, typ: 'JWT' })
        .sign(key);
    },
  };
}
