// Certificates and keys in a variable: PEM, then base64 in one line, because project.yml carries no line breaks. What is
// wrong is said in words, and nothing of the value. Whether a certificate has expired is for `lcp doctor` to say: a
// function with an old one must start, to be told so by the server.

import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import type * as z from 'zod';
import type { ClientIdentity } from '../mutual-tls.ts';
import { Secret } from '../secret.ts';
import { text } from './shapes.ts';

const ONE_LINE = 'base64 of the PEM in one line (`base64 -w0 FILE`), or none';

type Parsed<T> = { readonly value: T } | { readonly problem: string };
type Block = { readonly label: string; readonly pem: string };

/** `none` is undefined; else the PEM of one or more authorities. */
export const certificateAuthority = (what: string) => pemVariable(what, parseAuthority);

/** `none` is undefined; else a certificate and the key that belongs to it. */
export const clientIdentity = (what: string) => pemVariable(what, parseIdentity);

function pemVariable<T>(what: string, parse: (blocks: readonly Block[]) => Parsed<T>) {
  const expected = `Expected ${what}: ${ONE_LINE}.`;
  return text(expected).transform((value, context): T | undefined => {
    if (value === 'none') return undefined;
    const pem = decode(value);
    const parsed = pem === undefined ? { problem: 'it is not base64' } : parse(listBlocks(pem));
    if ('value' in parsed) return parsed.value;
    const message = `${expected.slice(0, -1)}; ${parsed.problem}.`;
    context.issues.push({ code: 'custom', message, input: value } satisfies z.core.$ZodRawIssue);
    return undefined;
  });
}

function decode(value: string): string | undefined {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(value) || value.length % 4 !== 0) return undefined;
  return Buffer.from(value, 'base64').toString('latin1');
}

function listBlocks(pem: string): Block[] {
  const blocks = /-----BEGIN ([A-Z0-9 ]+)-----\r?\n[A-Za-z0-9+/=\s]+-----END \1-----/g;
  return [...pem.matchAll(blocks)].map(([block, label = '']) => ({ label, pem: `${block}\n` }));
}

function parseAuthority(blocks: readonly Block[]): Parsed<string> {
  if (blocks.some(isKey)) {
    return { problem: 'it holds a private key: that of the authority must never leave the droplet' };
  }
  const certificates = blocks.filter(isCertificate);
  if (certificates.length === 0) return { problem: 'it holds no certificate' };
  const read = certificates.map(readCertificate);
  if (read.includes(undefined)) return { problem: 'a certificate in it cannot be read' };
  if (!read.every((certificate) => certificate?.ca)) {
    return { problem: 'a certificate in it is not one of an authority' };
  }
  return { value: certificates.map(({ pem }) => pem).join('') };
}

function parseIdentity(blocks: readonly Block[]): Parsed<ClientIdentity> {
  const certificates = blocks.filter(isCertificate);
  const [first] = certificates;
  if (first === undefined) return { problem: 'it holds no certificate' };
  const [keyBlock, secondKey] = blocks.filter(isKey);
  if (keyBlock === undefined) return { problem: 'it holds no private key' };
  if (secondKey !== undefined) return { problem: 'it holds more than one private key' };
  if (keyBlock.label.startsWith('ENCRYPTED')) return { problem: 'its private key has a passphrase' };
  const certificate = readCertificate(first);
  if (certificate === undefined) return { problem: 'its certificate cannot be read' };
  const key = readKey(keyBlock);
  if (key === undefined) return { problem: 'its private key cannot be read' };
  if (!certificate.checkPrivateKey(key)) {
    return { problem: 'its private key does not belong to its first certificate' };
  }
  return {
    value: { certificate: certificates.map(({ pem }) => pem).join(''), key: new Secret(keyBlock.pem) },
  };
}

const isCertificate = ({ label }: Block) => label === 'CERTIFICATE';
const isKey = ({ label }: Block) => label.endsWith('PRIVATE KEY');

function readCertificate({ pem }: Block): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}

function readKey({ pem }: Block): KeyObject | undefined {
  try {
    return createPrivateKey(pem);
  } catch {
    return undefined;
  }
}
