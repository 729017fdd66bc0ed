// A private authority as droplet/install makes one, and the certificates that it signs: for servers by their names, for
// clients by who they are. Made in memory, for one test file.

import { generate } from 'selfsigned';

export type IssuedCertificate = { readonly certPem: string; readonly keyPem: string };

export type PrivateAuthority = {
  readonly caPem: string;
  /** Also for 127.0.0.1, unless `ip` is false. */
  issueServer(
    names: readonly string[],
    options?: Validity & { readonly ip?: boolean },
  ): Promise<IssuedCertificate>;
  /** `commonName` such as control-sync. */
  issueClient(commonName: string, validity?: Validity): Promise<IssuedCertificate>;
};

export type Validity = { readonly notBeforeDate?: Date; readonly notAfterDate?: Date };

/** Over since long ago, whatever the test's clock says: TLS looks at the machine's. */
export const EXPIRED = {
  notBeforeDate: new Date('2020-01-01T00:00:00Z'),
  notAfterDate: new Date('2020-02-01T00:00:00Z'),
} as const satisfies Validity;

const COMMON = { keyType: 'ec', curve: 'P-256', algorithm: 'sha256' } as const;
const LOOPBACK = { type: 7, ip: '127.0.0.1' } as const;

export async function createPrivateAuthority(commonName = 'Data plane authority'): Promise<PrivateAuthority> {
  const ca = await generate([{ name: 'commonName', value: commonName }], {
    ...COMMON,
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  const issue = async (
    name: string,
    validity: Validity,
    extensions: NonNullable<Parameters<typeof generate>[1]>['extensions'] = [],
  ) => {
    const made = await generate([{ name: 'commonName', value: name }], {
      ...COMMON,
      ...validity,
      ca: { key: ca.private, cert: ca.cert },
      extensions: [
        { name: 'basicConstraints', cA: false },
        { name: 'keyUsage', digitalSignature: true, critical: true },
        ...extensions,
      ],
    });
    return { certPem: made.cert, keyPem: made.private };
  };
  return {
    caPem: ca.cert,
    issueServer: (names, { ip = true, ...validity } = {}) =>
      issue(names[0] ?? 'localhost', validity, [
        { name: 'extKeyUsage', serverAuth: true },
        {
          name: 'subjectAltName',
          altNames: [...names.map((value) => ({ type: 2, value }) as const), ...(ip ? [LOOPBACK] : [])],
        },
      ]),
    issueClient: (name, validity = {}) => issue(name, validity, [{ name: 'extKeyUsage', clientAuth: true }]),
  };
}

/** As a variable carries it. */
export function toOneLine(...pems: readonly string[]): string {
  return Buffer.from(pems.join('')).toString('base64');
}
