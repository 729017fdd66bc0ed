// Branded identifiers. Each is made only by its parser, so a user cannot be passed for a group.

import { createHash } from 'node:crypto';
import { ControlError } from './errors.ts';

declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

/** The object id of an Entra group, lower-case; also the LiteLLM team_id, except for adopted teams (lib/gateway). */
export type EntraGroupId = Branded<'EntraGroupId'>;
/** The object id of an Entra user, lower-case; also the LiteLLM user_id and sso_user_id, except for adopted users. */
export type EntraUserId = Branded<'EntraUserId'>;
/** SHA-256 of a LiteLLM key in hex, as LiteLLM stores and accepts it in place of the key. */
export type KeyHash = Branded<'KeyHash'>;
/** The identifier of one reconcile run. */
export type RunId = Branded<'RunId'>;

const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const SHA256_HEX = /^[0-9a-f]{64}$/;

function parseGuid(value: unknown, what: string): string {
  const text = typeof value === 'string' ? value.toLowerCase() : '';
  if (!GUID.test(text)) {
    throw new ControlError(
      'ID_INVALID',
      `${what} must be a GUID such as 00000000-0000-4000-8000-000000000000.`,
      {
        details: { what },
      },
    );
  }
  return text;
}

/** @throws ControlError ID_INVALID */
export function parseEntraGroupId(value: unknown): EntraGroupId {
  return parseGuid(value, 'An Entra group id') as EntraGroupId;
}

/** @throws ControlError ID_INVALID */
export function parseEntraUserId(value: unknown): EntraUserId {
  return parseGuid(value, 'An Entra user id') as EntraUserId;
}

/** @throws ControlError ID_INVALID */
export function parseRunId(value: unknown): RunId {
  return parseGuid(value, 'A run id') as RunId;
}

/** @throws ControlError ID_INVALID */
export function parseKeyHash(value: unknown): KeyHash {
  if (typeof value !== 'string' || !SHA256_HEX.test(value)) {
    throw new ControlError('ID_INVALID', 'A key hash must be 64 lower-case hexadecimal digits.');
  }
  return value as KeyHash;
}

/** The hash under which LiteLLM stores a key (unsalted SHA-256; facts measured on LiteLLM 1.106.2). */
export function hashKey(plaintextKey: string): KeyHash {
  return createHash('sha256').update(plaintextKey).digest('hex') as KeyHash;
}

/** Whether `value` has the form of an Entra object id. */
export function isGuid(value: string): boolean {
  return GUID.test(value.toLowerCase());
}
