// The opaque part of delta links: whoever changes a character gets syncStateNotFound, as from Microsoft.

import { createHash } from 'node:crypto';

export type DeltaToken = {
  readonly collection: string;
  readonly select: string;
  /** Changes after this sequence are reported; null in a first round, which reports everything. */
  readonly from: number | null;
  readonly to: number;
  /** Items before this one were on earlier pages. */
  readonly offset: number;
  readonly issuedAtMs: number;
};

export function encodeToken(token: DeltaToken): string {
  const text = Buffer.from(JSON.stringify(token)).toString('base64url');
  return `${text}.${checksum(text)}`;
}

/** undefined when it is damaged. */
export function decodeToken(text: string): DeltaToken | undefined {
  const [body = '', sum] = text.split('.');
  return sum === checksum(body)
    ? (JSON.parse(Buffer.from(body, 'base64url').toString()) as DeltaToken)
    : undefined;
}

function checksum(text: string): string {
  return createHash('sha256').update(`tenant:${text}`).digest('base64url').slice(0, 16);
}
