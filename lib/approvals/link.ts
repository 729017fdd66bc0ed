// The signed part of a link by which a person decides: which held removals, in which episode, until when. It opens a
// page and decides nothing; who may decide is asked there. Signed, so that nobody can make or change one; single-use,
// because a decision ends the episode; expiring.

import { errors, jwtVerify, SignJWT } from 'jose';
import type { Secret } from '../secret.ts';

/** What it is about; `audience` keeps a token of one purpose from being good for another. */
const AUDIENCE = 'litellm-control-plane/held-removals';
const ALGORITHM = 'HS256';

export type ApprovalLink = { readonly quarantineId: string; readonly episode: string };

export type LinkReading =
  | { readonly status: 'valid'; readonly link: ApprovalLink }
  | { readonly status: 'expired'; readonly link: ApprovalLink }
  | { readonly status: 'invalid' };

/** `key` is 64 hexadecimal digits. */
export async function signApprovalLink(
  key: Secret,
  { quarantineId, episode }: ApprovalLink,
  expiresAt: Date,
): Promise<string> {
  return new SignJWT({ episode })
    .setProtectedHeader({ alg: ALGORITHM })
    .setSubject(quarantineId)
    .setAudience(AUDIENCE)
    .setExpirationTime(expiresAt)
    .sign(Buffer.from(key.reveal(), 'hex'));
}

/** What `token` names, when we signed it. Never throws for what a stranger sends. */
export async function readApprovalLink(key: Secret, token: string, now: Date): Promise<LinkReading> {
  try {
    const { payload } = await jwtVerify(token, Buffer.from(key.reveal(), 'hex'), {
      algorithms: [ALGORITHM],
      audience: AUDIENCE,
      currentDate: now,
      requiredClaims: ['exp', 'sub', 'episode'],
    });
    return { status: 'valid', link: linkOf(payload) };
  } catch (error) {
    // Only a token whose signature is good can be called expired.
    if (error instanceof errors.JWTExpired) return { status: 'expired', link: linkOf(error.payload) };
    return { status: 'invalid' };
  }
}

function linkOf(payload: { sub?: string; [claim: string]: unknown }): ApprovalLink {
  return { quarantineId: payload.sub ?? '', episode: String(payload.episode) };
}
