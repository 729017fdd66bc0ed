// Certificates as the droplet's own authority makes them (EC P-256), for the tests of what checks them.

import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export type Authority = {
  /** The file of its certificate. */
  readonly certificateFile: string;
  /** A certificate and its key, each as PEM. `san` such as DNS:db.example.com makes it a server's. */
  issue(name: string, san?: string): { readonly certificate: string; readonly key: string };
};

/** Makes an authority whose files lie in `folder` under `name`. Needs openssl, which every droplet has. */
export function makeAuthority(folder: string, name: string): Authority {
  const file = (ending: string) => join(folder, `${name}.${ending}`);
  const openssl = (...args: string[]) =>
    execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const newKey = (path: string) =>
    openssl('ecparam', '-genkey', '-name', 'prime256v1', '-noout', '-out', path);
  newKey(file('key'));
  openssl(
    'req',
    '-x509',
    '-new',
    '-key',
    file('key'),
    '-subj',
    `/CN=${name}`,
    '-days',
    '30',
    '-out',
    file('crt'),
  );
  return {
    certificateFile: file('crt'),
    issue: (subject, san) => {
      const path = (ending: string) => join(folder, `${name}-${subject}.${ending}`);
      newKey(path('key'));
      openssl('req', '-new', '-key', path('key'), '-subj', `/CN=${subject}`, '-out', path('csr'));
      writeFileSync(
        path('ext'),
        san === undefined ? 'extendedKeyUsage=clientAuth\n' : `subjectAltName=${san}\n`,
      );
      const by = ['-CA', file('crt'), '-CAkey', file('key'), '-CAcreateserial', '-days', '30'];
      openssl('x509', '-req', '-in', path('csr'), ...by, '-extfile', path('ext'), '-out', path('crt'));
      return { certificate: readFileSync(path('crt'), 'utf8'), key: readFileSync(path('key'), 'utf8') };
    },
  };
}
