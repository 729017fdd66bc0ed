// Signs a report: the report is the token's payload, so that nobody can put another one under the signature.

import { createPrivateKey, type KeyObject, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { SignJWT } from 'jose';
import type { HealthReport } from '../../lib/health/report.ts';

/** As lib/health/report.ts has them; that file carries zod, which the agent does without. */
const REPORT_TYPE = 'droplet-report+jwt';
const TOKEN_LIFE_SECONDS = 120;

export type Identity = { readonly key: KeyObject };

/** @throws Error when the file is no Ed25519 key in PEM */
export function readIdentity(file: string): Identity {
  const key = createPrivateKey(readFileSync(file, 'utf8'));
  if (key.asymmetricKeyType !== 'ed25519') throw new Error(`${file} holds no Ed25519 key.`);
  return { key };
}

export type TokenFor = { readonly audience: string; readonly dropletId: string; readonly now: Date };

/** A token that lives two minutes and is taken once. */
export function signReport(
  { key }: Identity,
  report: HealthReport,
  { audience, dropletId, now }: TokenFor,
): Promise<string> {
  const issuedAt = Math.floor(now.getTime() / 1000);
  return new SignJWT({ report })
    .setProtectedHeader({ alg: 'EdDSA', typ: REPORT_TYPE })
    .setIssuer(dropletId)
    .setSubject(dropletId)
    .setAudience(audience)
    .setJti(randomUUID())
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + TOKEN_LIFE_SECONDS)
    .sign(key);
}
