// How a connection to PostgreSQL is secured. On the droplet it shares port 443 with the public site, and nginx tells
// them apart by the first TLS message: so TLS from the first byte (PostgreSQL 17 and newer), with the name of the host
// in it and `postgresql` as its protocol, which pg adds.

import { type MutualTls, tlsClientOptions } from '../mutual-tls.ts';
import type { Secret } from '../secret.ts';

export type Connection = {
  readonly connectionString: string;
  readonly ssl?: ReturnType<typeof tlsClientOptions>;
  readonly sslnegotiation?: 'direct';
};

/**
 * What pg connects with. With `tls` the server's certificate and name are verified against our authority whatever the
 * URL says; a managed PostgreSQL that does not speak TLS from the first byte asks for `?sslnegotiation=postgres`, and
 * its authority stands in DATA_PLANE_CA beside ours. Without `tls`, what the URL says.
 */
export function connectionTo(url: Secret, tls: MutualTls | undefined): Connection {
  if (tls === undefined) return { connectionString: url.reveal() };
  return {
    connectionString: withoutTlsParameters(url.reveal()),
    ssl: tlsClientOptions(tls),
    sslnegotiation: 'direct',
  };
}

/** pg lets `sslmode` and its like in the URL replace our options as a whole, also by weaker ones. */
function withoutTlsParameters(url: string): string {
  const parsed = URL.parse(url);
  if (parsed === null) return url;
  for (const name of ['ssl', 'sslmode', 'sslrootcert', 'sslcert', 'sslkey', 'uselibpqcompat']) {
    parsed.searchParams.delete(name);
  }
  return parsed.href;
}
