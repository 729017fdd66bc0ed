// Id tokens that are wrong in one thing, as an attacker or a broken service would send them.

import { generateKeyPair, type JWTPayload, UnsecuredJWT } from 'jose';
import type { TokenSigner } from './token-signer.ts';

export const TOKEN_DAMAGES = [
  'wrong-issuer',
  'wrong-tenant',
  'wrong-audience',
  'wrong-nonce',
  'missing-nonce',
  'missing-person',
  'unsigned',
  'other-key',
  'expired',
  'not-yet-valid',
] as const;
export type TokenDamage = (typeof TOKEN_DAMAGES)[number];

const OTHER_TENANT = '99999999-0000-4000-8000-000000000001';
const HOUR_SECONDS = 3600;

/** The claims with the damage that is in them; the others are done while signing. */
function damageClaims(claims: JWTPayload, damage: TokenDamage, nowSeconds: number): JWTPayload {
  const { nonce: _nonce, oid: _oid, ...rest } = claims;
  switch (damage) {
    case 'wrong-issuer':
      return { ...claims, iss: String(claims.iss).replace(String(claims.tid), OTHER_TENANT) };
    case 'wrong-tenant':
      return { ...claims, tid: OTHER_TENANT };
    case 'wrong-audience':
      return { ...claims, aud: '99999999-0000-4000-8000-000000000002' };
    case 'wrong-nonce':
      return { ...claims, nonce: 'the-nonce-of-another-sign-in' };
    case 'missing-nonce':
      return { ...rest, oid: claims.oid };
    case 'missing-person':
      return { ...rest, nonce: claims.nonce };
    case 'expired':
      return { ...claims, iat: nowSeconds - 2 * HOUR_SECONDS, exp: nowSeconds - HOUR_SECONDS };
    case 'not-yet-valid':
      return { ...claims, nbf: nowSeconds + HOUR_SECONDS };
    case 'unsigned':
    case 'other-key':
      return claims;
  }
}

/** An id token of `claims` with `damage`. */
export async function signDamaged(
  signer: TokenSigner,
  claims: JWTPayload,
  options: {
    readonly damage: TokenDamage;
    readonly nowSeconds: number;
    readonly lifetimeSeconds: number;
  },
): Promise<string> {
  const { damage, nowSeconds, lifetimeSeconds } = options;
  const damaged = damageClaims(claims, damage, nowSeconds);
  if (damage === 'unsigned') {
    return new UnsecuredJWT({ iat: nowSeconds, exp: nowSeconds + lifetimeSeconds, ...damaged }).encode();
  }
  if (damage !== 'other-key') return signer.sign(damaged, lifetimeSeconds);
  return signer.sign(damaged, lifetimeSeconds, (await generateKeyPair('RS256')).privateKey);
}
