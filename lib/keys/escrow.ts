// Encrypts a key the moment it is made and opens it once for its owner: JWE (RFC 7516), ECDH-ES on X25519 with
// A256GCM, by jose. control/sync has only the public half, so it cannot read what it stored.

import { CompactEncrypt, calculateJwkThumbprint, compactDecrypt, exportJWK, generateKeyPair } from 'jose';
import { ControlError } from '../errors.ts';
import { Secret } from '../secret.ts';

const ALGORITHM = 'ECDH-ES';
const ENCRYPTION = 'A256GCM';

/** A new pair, each half 32 bytes in base64url. */
export async function createEscrowKeyPair(): Promise<{ publicKey: string; privateKey: Secret }> {
  const pair = await generateKeyPair(ALGORITHM, { crv: 'X25519', extractable: true });
  const jwk = await exportJWK(pair.privateKey);
  return { publicKey: jwk.x ?? '', privateKey: new Secret(jwk.d ?? '') };
}

/** The plaintext key as a compact JWE that only the private half opens. */
export async function sealKey(plaintextKey: Secret, publicKey: string): Promise<string> {
  const jwk = { kty: 'OKP', crv: 'X25519', x: publicKey };
  return new CompactEncrypt(new TextEncoder().encode(plaintextKey.reveal()))
    .setProtectedHeader({ alg: ALGORITHM, enc: ENCRYPTION, kid: await calculateJwkThumbprint(jwk) })
    .encrypt(jwk);
}

/** The plaintext key of a JWE made by sealKey.
 *  @throws ControlError ESCROW_INVALID when this private key does not open it. */
export async function openKey(
  jwe: string,
  keyPair: { publicKey: string; privateKey: Secret },
): Promise<Secret> {
  const jwk = { kty: 'OKP', crv: 'X25519', x: keyPair.publicKey, d: keyPair.privateKey.reveal() };
  try {
    const { plaintext } = await compactDecrypt(jwe, jwk, {
      keyManagementAlgorithms: [ALGORITHM],
      contentEncryptionAlgorithms: [ENCRYPTION],
    });
    return new Secret(new TextDecoder().decode(plaintext));
  } catch (cause) {
    throw new ControlError(
      'ESCROW_INVALID',
      'This escrow key does not open the stored key; check KEY_ESCROW_PRIVATE_KEY and KEY_ESCROW_PUBLIC_KEY.',
      { cause },
    );
  }
}
