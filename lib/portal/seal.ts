// Cookies that only the portal can read and write: JWE, direct encryption with AES-256-GCM. What a text is for is
// part of what is authenticated, so that one kind of cookie cannot be passed for another.

import { CompactEncrypt, compactDecrypt } from 'jose';
import type * as z from 'zod';
import type { Secret } from '../secret.ts';

export type SealPurpose = 'session' | 'sign-in';

/** `value`, plain JSON, as text without meaning to anybody else. `key` is 32 bytes in base64url. */
export function seal(key: Secret, purpose: SealPurpose, value: unknown): Promise<string> {
  return new CompactEncrypt(Buffer.from(JSON.stringify(value)))
    .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', typ: purpose })
    .encrypt(bytesOf(key));
}

/** What was sealed with this key for this purpose; undefined for anything else, whatever it is. */
export async function unseal<T>(
  key: Secret,
  purpose: SealPurpose,
  text: string | undefined,
  schema: z.ZodType<T>,
): Promise<T | undefined> {
  if (text === undefined) return undefined;
  try {
    const { plaintext, protectedHeader } = await compactDecrypt(text, bytesOf(key), {
      keyManagementAlgorithms: ['dir'],
      contentEncryptionAlgorithms: ['A256GCM'],
    });
    if (protectedHeader.typ !== purpose) return undefined;
    return schema.safeParse(JSON.parse(Buffer.from(plaintext).toString())).data;
  } catch {
    return undefined;
  }
}

function bytesOf(key: Secret): Uint8Array {
  return Buffer.from(key.reveal(), 'base64url');
}
