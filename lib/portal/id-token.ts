// Whether an id token says, to us and for this sign-in, who somebody is.
// https://learn.microsoft.com/entra/identity-platform/id-tokens and claims-validation

import { errors, type JWTVerifyGetKey, jwtVerify } from 'jose';
import * as z from 'zod';
import { ControlError } from '../errors.ts';
import { isGuid, parseEntraUserId } from '../ids.ts';
import { roleOf } from './role.ts';
import type { Identity } from './session.ts';

export type TokenExpectation = {
  /** Such as https://login.microsoftonline.com. */
  readonly authorityHost: string;
  readonly tenantId: string;
  readonly clientId: string;
  readonly nonce: string;
  readonly now: Date;
};

/** Microsoft's clock and ours may differ by this much. */
const CLOCK_TOLERANCE_SECONDS = 60;

const guid = z.string().refine(isGuid);
const claimsSchema = z.object({
  tid: guid,
  oid: guid,
  nonce: z.string(),
  name: z.string().optional(),
  preferred_username: z.string().optional(),
  roles: z.array(z.string()).default([]),
});

/** The person whom `idToken` names.
 *  @throws ControlError SIGN_IN_REFUSED with the check that failed, SIGN_IN_UNAVAILABLE when the keys cannot be had */
export async function verifyIdToken(
  idToken: string,
  keys: JWTVerifyGetKey,
  expected: TokenExpectation,
): Promise<Identity> {
  const { authorityHost, tenantId, clientId, nonce, now } = expected;
  const { payload } = await jwtVerify(idToken, keys, {
    issuer: `${authorityHost}/${tenantId}/v2.0`,
    audience: clientId,
    algorithms: ['RS256'],
    requiredClaims: ['exp', 'iat', 'nonce', 'oid', 'tid'],
    clockTolerance: CLOCK_TOLERANCE_SECONDS,
    currentDate: now,
  }).catch((error: unknown) => {
    throw isAboutToken(error) ? refused(checkOf(error), error) : unavailable(error);
  });
  const claims = claimsSchema.safeParse(payload).data;
  if (claims === undefined) throw refused('claims');
  if (claims.tid.toLowerCase() !== tenantId) throw refused('tid');
  if (claims.nonce !== nonce) throw refused('nonce');
  const oid = parseEntraUserId(claims.oid);
  const name = claims.name ?? claims.preferred_username ?? 'Somebody without a name';
  return { oid, tid: tenantId, name, role: roleOf(claims.roles) };
}

function isAboutToken(error: unknown): error is errors.JOSEError {
  // Generic is jose's code for an answer that is not 200; the token was not looked at.
  const isAboutKeys =
    error instanceof errors.JWKSTimeout ||
    error instanceof errors.JWKSInvalid ||
    (error instanceof errors.JOSEError && error.code === 'ERR_JOSE_GENERIC');
  return error instanceof errors.JOSEError && !isAboutKeys;
}

function checkOf(error: errors.JOSEError): string {
  const isClaim = error instanceof errors.JWTClaimValidationFailed || error instanceof errors.JWTExpired;
  return isClaim ? error.claim : error.code;
}

function refused(check: string, cause?: unknown): ControlError {
  return new ControlError('SIGN_IN_REFUSED', `Microsoft’s id token did not pass the check of ${check}.`, {
    cause,
    details: { reason: 'token-invalid', check },
  });
}

function unavailable(cause: unknown): ControlError {
  return new ControlError('SIGN_IN_UNAVAILABLE', 'Microsoft’s signing keys could not be read.', {
    cause,
    retryable: true,
  });
}
