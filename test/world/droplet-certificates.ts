// The certificates of a droplet: our own authority with its servers' and clients' certificates, and one for the public
// site from an authority that stands for Let's Encrypt and DigitalOcean.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generate } from 'selfsigned';

export type Pair = { readonly cert: string; readonly key: string };

export type DropletCertificates = {
  /** Holds what nginx and PostgreSQL read: ca.pem, control.crt, control.key, db.crt, db.key, public.pem,
   *  functions-ca.pem. */
  readonly dir: string;
  readonly ca: string;
  /** What browsers trust. */
  readonly publicCa: string;
  /** For 127.0.0.1, from the authority that browsers trust. */
  readonly functions: Pair;
  issueClient(commonName: string, dates?: Dates): Promise<Pair>;
};

type Dates = { readonly notBeforeDate: Date; readonly notAfterDate: Date };
type Authority = Pair;

const COMMON = { keyType: 'ec', curve: 'P-256', algorithm: 'sha256' } as const;

/** `dir` is an existing folder. */
export async function createDropletCertificates(
  dir: string,
  publicHost: string,
): Promise<DropletCertificates> {
  const [own, known] = [await createAuthority('Droplet'), await createAuthority('Known to browsers')];
  const control = await issue(own, `control.${publicHost}`, 'serverAuth');
  const database = await issue(own, `db.${publicHost}`, 'serverAuth');
  const site = await issue(known, publicHost, 'serverAuth');
  const functions = await issue(known, '127.0.0.1', 'serverAuth');
  const files = {
    'ca.pem': own.cert,
    'functions-ca.pem': known.cert,
    'control.crt': control.cert,
    'control.key': control.key,
    'db.crt': database.cert,
    'db.key': database.key,
    'public.pem': site.cert + site.key,
  };
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(dir, name), text, { mode: /key|public/.test(name) ? 0o600 : 0o644 });
  }
  return {
    dir,
    ca: own.cert,
    publicCa: known.cert,
    functions,
    issueClient: (commonName, dates) => issue(own, commonName, 'clientAuth', dates),
  };
}

/** A client's certificate by somebody else's authority. */
export async function issueForeignClient(commonName: string): Promise<Pair> {
  return issue(await createAuthority('Droplet'), commonName, 'clientAuth');
}

/** A server's certificate by an authority that nobody knows. */
export async function issueServer(commonName: string, dates?: Dates): Promise<Pair> {
  return issue(await createAuthority('Nobody'), commonName, 'serverAuth', dates);
}

async function createAuthority(commonName: string): Promise<Authority> {
  const { cert, private: key } = await generate([{ name: 'commonName', value: commonName }], {
    ...COMMON,
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  return { cert: `${cert.trim()}\n`, key: `${key.trim()}\n` };
}

async function issue(
  ca: Authority,
  commonName: string,
  use: 'serverAuth' | 'clientAuth',
  dates?: Dates,
): Promise<Pair> {
  const isAddress = /^[\d.]+$/.test(commonName);
  const { cert, private: key } = await generate([{ name: 'commonName', value: commonName }], {
    ...COMMON,
    ...dates,
    ca,
    extensions: [
      { name: 'basicConstraints', cA: false },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', [use]: true },
      {
        name: 'subjectAltName',
        altNames: [isAddress ? { type: 7, ip: commonName } : { type: 2, value: commonName }],
      },
    ],
  });
  return { cert: `${cert.trim()}\n`, key: `${key.trim()}\n` };
}
