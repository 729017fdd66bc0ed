// Whether PostgreSQL lets anybody in who shows no certificate. For `lcp doctor`.

import { randomBytes } from 'node:crypto';
import pg from 'pg';
import type { Secret } from '../secret.ts';
import { storeError } from './store-error.ts';

const CONNECT_TIMEOUT_MS = 10_000;

export type BareLogin =
  /** It asked for the certificate before anything else: SQLSTATE 28000, or it ended the handshake. */
  | { readonly status: 'refused' }
  /** It went on to the password, or further: who guesses that is in. */
  | { readonly status: 'asked-for-password'; readonly sqlState: string };

/** Comes as the role of `url`, with a made-up password and no certificate, to a server that `ca` vouches for.
 *  @throws ControlError STORE_UNAVAILABLE, or STORE_DENIED when the server is a stranger */
export async function tryWithoutCertificate(url: Secret, ca: string): Promise<BareLogin> {
  const bare = new URL(url.reveal());
  bare.password = randomBytes(16).toString('hex');
  bare.search = '';
  const client = new pg.Client({
    connectionString: bare.href,
    ssl: { ca, minVersion: 'TLSv1.3', rejectUnauthorized: true },
    sslnegotiation: 'direct',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
  } catch (error) {
    const code = (error as { code?: unknown }).code;
    if (error instanceof pg.DatabaseError) {
      return code === '28000'
        ? { status: 'refused' }
        : { status: 'asked-for-password', sqlState: String(code) };
    }
    if (/ALERT/.test(String(code))) return { status: 'refused' };
    throw storeError(error);
  }
  await client.end();
  return { status: 'asked-for-password', sqlState: '00000' };
}
