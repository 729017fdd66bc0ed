// Comparing what must not be guessed.

import { createHash, timingSafeEqual } from 'node:crypto';

/** Constant-time comparison of texts of any length. */
export function isEqual(given: string, expected: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}
