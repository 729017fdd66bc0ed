// What the portal remembers between sending a person to Microsoft and seeing them come back: in a sealed cookie of
// ten minutes, so that only the browser that began a sign-in can finish it.

import { createHash } from 'node:crypto';
import type { Context } from 'hono';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import * as z from 'zod';
import type { Secret } from '../secret.ts';
import { seal, unseal } from './seal.ts';
import { COOKIE } from './session.ts';

/** As long as a code of Microsoft's lives. */
export const SIGN_IN_LIFE_MS = 10 * 60_000;

export type SignInState = {
  readonly state: string;
  readonly nonce: string;
  /** PKCE: only who knows it can redeem the code. https://www.rfc-editor.org/rfc/rfc7636 */
  readonly verifier: string;
  readonly returnTo: string;
  readonly beganAt: Date;
};

const random = z.string().min(43);
const storedState = z.strictObject({
  state: random,
  nonce: random,
  verifier: random,
  returnTo: z.string(),
  beganAt: z
    .int()
    .nonnegative()
    .transform((value) => new Date(value)),
});

/** A new sign-in. `randomText` gives 32 random bytes in base64url, others each time. */
export function beginSignIn(returnTo: string, now: Date, randomText: () => string): SignInState {
  return { state: randomText(), nonce: randomText(), verifier: randomText(), returnTo, beganAt: now };
}

/** The challenge (S256) that announces `verifier`. */
export function challengeOf(verifier: string): string {
  return createHash('sha256').update(verifier).digest('base64url');
}

/** The sign-in that this browser has under way; undefined when there is none, or it began too long ago. */
export async function readSignIn(context: Context, key: Secret, now: Date): Promise<SignInState | undefined> {
  const signIn = await unseal(key, 'sign-in', getCookie(context, 'sign-in', 'host'), storedState);
  if (signIn === undefined || now.getTime() - signIn.beganAt.getTime() >= SIGN_IN_LIFE_MS) return undefined;
  return signIn;
}

export function hasSignIn(context: Context): boolean {
  return getCookie(context, 'sign-in', 'host') !== undefined;
}

export async function writeSignIn(context: Context, key: Secret, signIn: SignInState): Promise<void> {
  const text = await seal(key, 'sign-in', { ...signIn, beganAt: signIn.beganAt.getTime() });
  setCookie(context, 'sign-in', text, { ...COOKIE, maxAge: SIGN_IN_LIFE_MS / 1000 });
}

export function endSignIn(context: Context): void {
  deleteCookie(context, 'sign-in', COOKIE);
}
