// A certificate authority that lives as long as the world, and a server certificate for this machine. Real
// TLS is needed because @azure/identity and the Graph client send nothing to plain http.

import { generate } from 'selfsigned';

export type WorldCertificate = {
  /** What a client must trust: NODE_EXTRA_CA_CERTS takes a file of it. */
  readonly caPem: string;
  readonly certPem: string;
  readonly keyPem: string;
};

const COMMON = { keyType: 'ec', curve: 'P-256', algorithm: 'sha256' } as const;

/** A fresh authority with one certificate for localhost, 127.0.0.1 and ::1, valid for a year. */
export async function createWorldCertificate(): Promise<WorldCertificate> {
  const ca = await generate([{ name: 'commonName', value: 'Local world certificate authority' }], {
    ...COMMON,
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  const server = await generate([{ name: 'commonName', value: 'localhost' }], {
    ...COMMON,
    ca: { key: ca.private, cert: ca.cert },
    extensions: [
      { name: 'basicConstraints', cA: false },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
          { type: 7, ip: '::1' },
        ],
      },
    ],
  });
  return { caPem: ca.cert, certPem: server.cert, keyPem: server.private };
}
