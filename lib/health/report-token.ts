// Whether a posted text is a report that the droplet's agent signed for us, just now. The report is the payload of the
// token: what is signed and what is read are one thing, so no body can be put under another's signature.

import { errors, importJWK, type JWTPayload, jwtVerify } from 'jose';
import * as z from 'zod';
import {
  DROPLET_ID,
  type HealthReport,
  healthReportSchema,
  REPORT_TYPE,
  TOKEN_LIFE_SECONDS,
} from './report.ts';

export type TokenExpectation = {
  /** Public keys of the agent (x of an Ed25519 JWK), one or, while it is changed, two. */
  readonly publicKeys: readonly string[];
  /** The address of control/agent. */
  readonly audience: string;
  readonly now: Date;
};

export type VerifiedReport = {
  readonly dropletId: string;
  readonly jti: string;
  readonly expiresAt: Date;
  readonly report: HealthReport;
};

export type Verdict =
  | ({ readonly status: 'verified' } & VerifiedReport)
  /** Not signed by the agent, not for us, or not now. `check` is for our log, not for whoever asks. */
  | { readonly status: 'refused'; readonly check: string }
  /** Signed by the agent, but no report as this version knows it. */
  | { readonly status: 'malformed'; readonly check: string };

/** The droplet's clock and the platform's may differ by this much. */
const CLOCK_TOLERANCE_SECONDS = 30;

const claimsSchema = z.object({
  iss: z.string().regex(DROPLET_ID),
  sub: z.string(),
  jti: z.guid(),
  exp: z.number().int(),
  iat: z.number().int(),
});

/** Any text gives a verdict. Replays are left to the store, which alone remembers (lib/store/health.ts). */
export async function verifyReport(token: string, expected: TokenExpectation): Promise<Verdict> {
  let check = 'form';
  for (const publicKey of expected.publicKeys) {
    const verified = await verifyWith(publicKey, token, expected);
    if (typeof verified !== 'string') return readClaims(verified);
    check = verified;
  }
  return { status: 'refused', check };
}

async function verifyWith(
  publicKey: string,
  token: string,
  { audience, now }: TokenExpectation,
): Promise<JWTPayload | string> {
  try {
    const key = await importJWK({ kty: 'OKP', crv: 'Ed25519', x: publicKey }, 'EdDSA');
    const { payload } = await jwtVerify(token, key, {
      algorithms: ['EdDSA'],
      audience,
      typ: REPORT_TYPE,
      requiredClaims: ['iss', 'sub', 'jti', 'exp', 'iat', 'report'],
      // Also refuses what claims to be made in the future.
      maxTokenAge: TOKEN_LIFE_SECONDS,
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
      currentDate: now,
    });
    return payload;
  } catch (error) {
    return checkOf(error);
  }
}

function readClaims(payload: JWTPayload): Verdict {
  const claims = claimsSchema.safeParse(payload).data;
  if (claims === undefined || claims.iss !== claims.sub) return { status: 'refused', check: 'claims' };
  if (claims.exp - claims.iat > TOKEN_LIFE_SECONDS) return { status: 'refused', check: 'life' };
  const report = healthReportSchema.safeParse(payload.report);
  if (!report.success) {
    const [issue] = report.error.issues;
    return { status: 'malformed', check: issue?.path.join('.') ?? 'report' };
  }
  return {
    status: 'verified',
    dropletId: claims.iss,
    jti: claims.jti,
    expiresAt: new Date(claims.exp * 1000),
    report: report.data,
  };
}

function checkOf(error: unknown): string {
  if (error instanceof errors.JWTClaimValidationFailed || error instanceof errors.JWTExpired)
    return error.claim;
  return error instanceof errors.JOSEError ? error.code : 'form';
}
