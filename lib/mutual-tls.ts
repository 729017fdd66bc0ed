// What opens the control host and the database host: the private authority of the droplet, which the server must come
// from, and the certificate and key by which it knows the caller. The public authorities have no say here.

import { ControlError } from './errors.ts';
import type { Secret } from './secret.ts';

export type ClientIdentity = {
  /** PEM: the certificate, and what stands between it and the authority, if anything. */
  readonly certificate: string;
  /** PEM. */
  readonly key: Secret;
};

export type MutualTls = ClientIdentity & {
  /** PEM, one or more certificates: while the authority is changed, the old and the new one. */
  readonly ca: string;
};

/** Both or neither: `none` for both is a data plane on this machine or in a test.
 *  @throws ControlError CONFIG_INVALID when one is set without the other */
export function joinMutualTls(
  ca: string | undefined,
  identity: ClientIdentity | undefined,
): MutualTls | undefined {
  if (ca === undefined && identity === undefined) return undefined;
  if (ca !== undefined && identity !== undefined) return { ca, ...identity };
  throw new ControlError(
    'CONFIG_INVALID',
    ca === undefined
      ? 'A client identity is set and DATA_PLANE_CA is none: nothing would tell the droplet from a stranger; set both, or none for both.'
      : 'DATA_PLANE_CA is set and the client identity beside it is none: the droplet would refuse the call; set both, or none for both.',
  );
}

/** For node:tls. TLS 1.3 alone: we own both ends, and it hides the client’s certificate from the network. */
export function tlsClientOptions({ ca, certificate, key }: MutualTls) {
  return {
    ca,
    cert: certificate,
    key: key.reveal(),
    minVersion: 'TLSv1.3',
    // Said outright: the environment (NODE_TLS_REJECT_UNAUTHORIZED) could otherwise turn it off.
    rejectUnauthorized: true,
  } as const;
}

/** OpenSSL’s words for a certificate that its reader does not accept, as Node gives them in `error.code`. */
const THEIRS =
  /^(UNABLE_TO_(GET|VERIFY|DECRYPT|DECODE)_|SELF_SIGNED_CERT|DEPTH_ZERO_|CERT_|INVALID_CA|PATH_LENGTH_|ERR_TLS_CERT_ALTNAME_INVALID)/;
/** The alerts of RFC 8446 section 6.2 that are about a certificate: the server sent one, so ours was refused. */
const OURS =
  /^ERR_SSL_.*ALERT_((BAD|UNSUPPORTED)_CERTIFICATE|CERTIFICATE_|UNKNOWN_CA|ACCESS_DENIED|DECRYPT_ERROR)/;

/** Whose certificate ended a connection: the server refused ours, or we refused the server’s. Undefined for any other
 *  failure of the network. */
export function findRefusedCertificate(error: unknown): 'ours' | 'theirs' | undefined {
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
  if (OURS.test(code)) return 'ours';
  return THEIRS.test(code) ? 'theirs' : undefined;
}
