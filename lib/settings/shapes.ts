// The kinds of values that variables have, each with what was expected in words.

import * as z from 'zod';
import { isGuid } from '../ids.ts';
import { Secret } from '../secret.ts';

/** A variable: what it is, how it is checked, an example for .env.example, whether its value is secret. */
export type Variable = {
  readonly about: string;
  readonly example: string;
  readonly secret?: true;
  readonly schema: z.ZodType;
};

export const text = (expected: string) => z.string({ error: expected }).trim().min(1, { error: expected });
export const guid = (what: string) =>
  text(`Expected ${what}, a GUID.`).refine(isGuid, { error: `Expected ${what}, a GUID.` });
export const secret = (expected: string, shape = /./) =>
  text(expected)
    .regex(shape, { error: expected })
    .transform((value) => new Secret(value));
export const httpsUrl = (what: string) =>
  text(`Expected ${what}, an https URL.`)
    .refine((value) => isUrl(value, ['https:']), { error: `Expected ${what}, an https URL without a query.` })
    .transform((value) => value.replace(/\/+$/, ''));
export const httpUrl = (what: string) =>
  text(`Expected ${what}, an http or https URL.`)
    .refine((value) => isUrl(value, ['https:', 'http:']), {
      error: `Expected ${what}, an http or https URL without a query.`,
    })
    .transform((value) => value.replace(/\/+$/, ''));
/** http only where nothing leaves the machine: there browsers keep Secure cookies all the same. */
export const publicUrl = (what: string) =>
  httpUrl(what)
    .refine((value) => isUrl(value, ['https:']) || isLoopback(value), {
      error: `Expected ${what}, an https URL; http only for localhost.`,
    })
    .refine((value) => URL.parse(value)?.pathname === '/', { error: `Expected ${what} without a path.` })
    .transform((value) => new URL(value).origin);
export const postgresUrl = (what: string) =>
  text(`Expected ${what}, a postgres:// URL.`)
    .refine((value) => /^postgres(ql)?:\/\/[^/]+\/[^/?]+/.test(value), {
      error: `Expected ${what}: postgres://role:password@host:port/database.`,
    })
    .transform((value) => new Secret(value));
/** 32 bytes of an X25519 key in base64url: no quotes or line breaks, so project.yml can carry it as text. */
export const x25519 = (what: string) =>
  text(`Expected ${what}: 43 characters, made by \`lcp escrow keygen\`.`).regex(/^[A-Za-z0-9_-]{43}$/, {
    error: `Expected ${what}: 43 characters, made by \`lcp escrow keygen\`.`,
  });

/** The query holds its signature, unlike any other URL of ours; a loopback host is the local world's channel. */
export function isTeamsUrl(value: string): boolean {
  const url = URL.parse(value);
  return url !== null && (url.protocol === 'https:' || url.hostname === '127.0.0.1') && url.username === '';
}

function isUrl(value: string, protocols: readonly string[]): boolean {
  const url = URL.parse(value);
  return (
    url !== null &&
    protocols.includes(url.protocol) &&
    url.search === '' &&
    url.username === '' &&
    url.hash === ''
  );
}

function isLoopback(value: string): boolean {
  return ['localhost', '127.0.0.1', '[::1]'].includes(URL.parse(value)?.hostname ?? '');
}
