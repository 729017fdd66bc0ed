// The opaque part of delta links: whoever changes a character gets syncStateNotFound, as from Microsoft.

import { createHmac } from 'node:crypto';

export type Round = {
  readonly collection: 'groups' | 'users';
  /** As sent with the first request; empty when it was not. */
  readonly select: string;
  /** Changes after this sequence are reported; null in a first round, which reports everything. */
  readonly from: number | null;
  /** The newest change that is reported. */
  readonly to: number;
  /** Where the last round began that had something to report; null if that was a first round. */
  readonly previousFrom: number | null;
  /** Whether that round's items come again before those of this one. */
  readonly isReplaying: boolean;
};

export type DeltaToken = {
  /** In a nextLink, the page to give; in a deltaLink, the round that ended. */
  readonly kind: 'page' | 'round';
  readonly round: Round;
  /** From 0. */
  readonly page: number;
  readonly issuedAtMs: number;
};

// No secret: it tells damage, not forgery, and tests on several tenants may share links.
const CHECKSUM_KEY = 'simulated tenant';

export function encodeToken(token: DeltaToken): string {
  const text = Buffer.from(JSON.stringify(token)).toString('base64url');
  return `${text}.${checksum(text)}`;
}

/** undefined when it is damaged. */
export function decodeToken(text: string): DeltaToken | undefined {
  const [body = '', sum, ...rest] = text.split('.');
  if (rest.length > 0 || sum !== checksum(body)) return undefined;
  return JSON.parse(Buffer.from(body, 'base64url').toString()) as DeltaToken;
}

function checksum(text: string): string {
  return createHmac('sha256', CHECKSUM_KEY).update(text).digest('base64url').slice(0, 16);
}
