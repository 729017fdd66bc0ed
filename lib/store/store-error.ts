// What a failure of PostgreSQL or of the way to it means to us: refused for good, away for now, or a defect of ours.

import pg from 'pg';
import { ControlError } from '../errors.ts';
import { findRefusedCertificate } from '../mutual-tls.ts';

/** SQLSTATE 28000 is also a login without a certificate where pg_hba.conf asks for one (measured on 18). */
const CERTIFICATE_STEPS = {
  ours: 'The database refused our client certificate: it has expired or is of another authority; `lcp doctor` says which, and a new one comes from the droplet.',
  theirs:
    'The server on the way to the database showed a certificate that DATA_PLANE_CA does not vouch for, or of another name: correct the host in the URL or DATA_PLANE_CA; if both are right, somebody is between.',
} as const;

/** SQLSTATE 28… and 3D000, and a certificate that one side does not accept: refused. 08… (connection), 53…
 *  (resources), 57P… (shutdown) and errors that are not PostgreSQL's: it is away. Everything else is a defect of ours
 *  and passes as it is. */
export function storeError(error: unknown): unknown {
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
  if (error instanceof pg.DatabaseError) {
    if (/^28[0-9A-Z]{3}$|^3D000$/.test(code)) {
      const message =
        'The database refused the role, its password, the database name or the lack of a client certificate; correct the URL, and DATA_PLANE_CA and the identity beside it.';
      return new ControlError('STORE_DENIED', message, { cause: error, details: { sqlState: code } });
    }
    if (!/^(08|53|57P)/.test(code)) return error;
  }
  const refused = findRefusedCertificate(error);
  if (refused !== undefined) {
    return new ControlError('STORE_DENIED', CERTIFICATE_STEPS[refused], {
      cause: error,
      details: { certificate: refused, tlsCode: code },
    });
  }
  const message = `The control database did not answer (${code || 'no connection'}); the next run tries again.`;
  return new ControlError('STORE_UNAVAILABLE', message, { cause: error, retryable: true });
}
