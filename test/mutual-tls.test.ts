import { inspect } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { parseSettings } from '../lib/config.ts';
import { findRefusedCertificate, joinMutualTls } from '../lib/mutual-tls.ts';
import { Secret } from '../lib/secret.ts';
import {
  createPrivateAuthority,
  EXPIRED,
  type IssuedCertificate,
  type PrivateAuthority,
  toOneLine,
} from './world/private-authority.ts';

let authority: PrivateAuthority;
let client: IssuedCertificate;
let other: IssuedCertificate;

beforeAll(async () => {
  authority = await createPrivateAuthority();
  [client, other] = [await authority.issueClient('control-sync'), await authority.issueClient('other')];
});

const parseCa = (value: string) => parseSettings(['DATA_PLANE_CA'], { DATA_PLANE_CA: value }).DATA_PLANE_CA;
const parseIdentity = (value: string) =>
  parseSettings(['SYNC_CLIENT_IDENTITY'], { SYNC_CLIENT_IDENTITY: value }).SYNC_CLIENT_IDENTITY;

describe('an identity', () => {
  test('is a certificate and its key in either order, and the key is never printed', () => {
    const values = [toOneLine(client.certPem, client.keyPem), toOneLine(client.keyPem, client.certPem)];

    for (const value of values) {
      const identity = parseIdentity(value);
      expect(identity?.certificate).toContain('BEGIN CERTIFICATE');
      expect(identity?.key.reveal()).toContain('BEGIN PRIVATE KEY');
      expect(`${inspect(identity, { depth: 9 })}${JSON.stringify(identity)}`).not.toContain('PRIVATE KEY');
    }
  });

  test('may bring the certificates between it and the authority, its own first', () => {
    const chain = parseIdentity(toOneLine(client.certPem, authority.caPem, client.keyPem))?.certificate;

    expect(chain?.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
    expect(chain?.startsWith(client.certPem.trim())).toBe(true);
  });

  test('that has expired starts a function all the same: the server says so, and `lcp doctor`', async () => {
    const { certPem, keyPem } = await authority.issueClient('control-sync', EXPIRED);

    expect(parseIdentity(toOneLine(certPem, keyPem))).toBeDefined();
  });

  test('is nothing where it is none', () => {
    expect(parseIdentity('none')).toBeUndefined();
  });

  test.each([
    ['is not base64', () => client.certPem + client.keyPem],
    ['is not base64', () => `${toOneLine(client.certPem, client.keyPem)}=`],
    ['holds no certificate', () => toOneLine(client.keyPem)],
    ['holds no certificate', () => toOneLine('hello')],
    ['holds no private key', () => toOneLine(client.certPem)],
    ['more than one private key', () => toOneLine(client.certPem, client.keyPem, other.keyPem)],
    ['does not belong to its first certificate', () => toOneLine(client.certPem, other.keyPem)],
    [
      'has a passphrase',
      () => toOneLine(client.certPem, client.keyPem.replaceAll('PRIVATE', 'ENCRYPTED PRIVATE')),
    ],
    ['certificate cannot be read', () => toOneLine(cutPem(client.certPem), client.keyPem)],
    ['private key cannot be read', () => toOneLine(client.certPem, cutPem(client.keyPem))],
  ])('that is wrong is refused with the reason and nothing of its value: %s', (reason, value) => {
    const error = catchError(() => parseIdentity(value()));

    expect(error).toMatchObject({ code: 'CONFIG_INVALID' });
    expect(error.message).toContain(reason);
    expect(error.message).toContain('[redacted]');
    expect(error.message).not.toContain(value().slice(0, 40));
  });
});

describe('the authority', () => {
  test('may be two while it is changed', async () => {
    const next = await createPrivateAuthority('The next one');

    expect(parseCa(toOneLine(authority.caPem, next.caPem))?.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
    expect(parseCa('none')).toBeUndefined();
  });

  test.each([
    ['is not base64', () => 'authority.crt'],
    ['holds no certificate', () => toOneLine('hello')],
    ['not one of an authority', () => toOneLine(client.certPem)],
    ['must never leave the droplet', () => toOneLine(authority.caPem, client.keyPem)],
    ['cannot be read', () => toOneLine(cutPem(authority.caPem))],
  ])('that is wrong is refused with the reason: %s', (reason, value) => {
    expect(catchError(() => parseCa(value())).message).toContain(reason);
  });

  test('and an identity belong together: one without the other is refused, by both names', () => {
    const identity = { certificate: client.certPem, key: new Secret(client.keyPem) };

    expect(joinMutualTls(undefined, undefined)).toBeUndefined();
    expect(joinMutualTls(authority.caPem, identity)).toEqual({ ca: authority.caPem, ...identity });
    for (const [ca, own] of [
      [authority.caPem, undefined],
      [undefined, identity],
    ] as const) {
      expect(catchError(() => joinMutualTls(ca, own))).toMatchObject({ code: 'CONFIG_INVALID' });
    }
  });
});

/** As Node names them; the alerts differ by the OpenSSL inside (3.0 and 3.5). */
test.each([
  ['ours', 'ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_EXPIRED'],
  ['ours', 'ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED'],
  ['ours', 'ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE'],
  ['ours', 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA'],
  ['ours', 'ERR_SSL_TLSV1_ALERT_DECRYPT_ERROR'],
  ['ours', 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED'],
  ['theirs', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
  ['theirs', 'SELF_SIGNED_CERT_IN_CHAIN'],
  ['theirs', 'CERT_HAS_EXPIRED'],
  ['theirs', 'ERR_TLS_CERT_ALTNAME_INVALID'],
  [undefined, 'ECONNRESET'],
  [undefined, 'EPIPE'],
  [undefined, 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL'],
  [undefined, 'ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR'],
])('whose certificate was refused, %s, is told from the code %s', (whose, code) => {
  expect(findRefusedCertificate(Object.assign(new Error('tls'), { code }))).toBe(whose);
});

/** The lines are still PEM; what they hold is no longer what it says. */
function cutPem(pem: string): string {
  const lines = pem.trim().split('\n');
  return [...lines.slice(0, 2), ...lines.slice(-1)].join('\n');
}

function catchError(work: () => unknown): Error & { code?: string } {
  try {
    work();
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error('expected an error');
}
