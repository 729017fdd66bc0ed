// Makes a key. Here its plaintext is born; it dies when LiteLLM has answered. In between it exists only in this
// process's memory, as a Secret, and in the JWE that the store keeps until its owner has seen it.

import { type EntraGroupId, type EntraUserId, hashKey, type KeyHash } from '../ids.ts';
import { Secret } from '../secret.ts';
import { sealKey } from './escrow.ts';

export type KeyOwner = {
  readonly userId: EntraUserId;
  readonly teamId: EntraGroupId;
  readonly generation: number;
};
export type MintedKey = {
  readonly plaintext: Secret;
  readonly keyHash: KeyHash;
  readonly alias: string;
  readonly jwe: string;
};

export type MintOptions = {
  readonly escrowPublicKey: string;
  /** Must be cryptographic: LiteLLM overwrites another person's key on a collision (facts, measured on 1.106.2). */
  readonly randomBytes: (size: number) => Uint8Array;
};

const KEY_BYTES = 32;

/** A fresh `sk-` key of 32 random bytes for `owner`, with its LiteLLM hash, alias and ciphertext. */
export async function mintKey(
  owner: KeyOwner,
  { escrowPublicKey, randomBytes }: MintOptions,
): Promise<MintedKey> {
  const plaintext = new Secret(`sk-${Buffer.from(randomBytes(KEY_BYTES)).toString('base64url')}`);
  const keyHash = hashKey(plaintext.reveal());
  return {
    plaintext,
    keyHash,
    alias: aliasOf(owner, keyHash),
    jwe: await sealKey(plaintext, escrowPublicKey),
  };
}

/** LiteLLM wants every alias once, over all keys ever; the hash prefix keeps a retried mint apart. */
function aliasOf({ userId, teamId, generation }: KeyOwner, keyHash: KeyHash): string {
  return `lcp/${userId}/${teamId}/g${generation}/${keyHash.slice(0, 8)}`;
}
