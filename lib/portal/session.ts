// Who is signed in, kept in one sealed cookie and nowhere else. It cannot be called back before it ends: a role that
// is taken away counts until then (docs/security.md), so its life is a working day and an hour without use ends it.

import type { Context } from 'hono';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import * as z from 'zod';
import { type EntraUserId, parseEntraUserId } from '../ids.ts';
import type { Secret } from '../secret.ts';
import type { Role } from './role.ts';
import { seal, unseal } from './seal.ts';

const MINUTE_MS = 60_000;
export const SESSION_LIFE_MS = 8 * 60 * MINUTE_MS;
export const SESSION_IDLE_MS = 60 * MINUTE_MS;
/** Not with each page: two pages at once would each set the cookie. */
const REFRESH_AFTER_MS = 5 * MINUTE_MS;
/** With all else it must stay below the 4096 bytes of a cookie. */
const NAME_MAX_LENGTH = 200;

/** `__Host-` keeps it to this very host and to https; Lax sends it along when Microsoft or a link leads here, and
 *  with no form of another site. */
export const COOKIE = { prefix: 'host', path: '/', secure: true, httpOnly: true, sameSite: 'Lax' } as const;

/** A person as Entra vouched for them. `oid` and `tid` together are the identity; a name is only shown. */
export type Identity = {
  readonly oid: EntraUserId;
  readonly tid: string;
  readonly name: string;
  readonly role: Role;
};

export type Session = Identity & {
  readonly signedInAt: Date;
  readonly seenAt: Date;
  /** Makes the tokens in this session's forms. */
  readonly csrfSecret: string;
  /** Of the sign-in that made it, which makes no second one. */
  readonly signInState: string;
};

const instant = z
  .int()
  .nonnegative()
  .transform((value) => new Date(value));
const storedSession = z.strictObject({
  oid: z.guid().transform((value) => parseEntraUserId(value)),
  tid: z.guid(),
  name: z.string().max(NAME_MAX_LENGTH),
  role: z.enum(['admin', 'devops', 'member']),
  signedInAt: instant,
  seenAt: instant,
  csrfSecret: z.string().min(43),
  signInState: z.string().min(43),
});

/** A new session; nothing of an earlier one goes over into it. */
export function beginSession(
  identity: Identity,
  options: { readonly signInState: string; readonly csrfSecret: string; readonly now: Date },
): Session {
  const { signInState, csrfSecret, now } = options;
  const name = identity.name.slice(0, NAME_MAX_LENGTH);
  return { ...identity, name, signedInAt: now, seenAt: now, csrfSecret, signInState };
}

/** Why `session` does not count now; undefined when it does. Pure. */
export function refusalOf(session: Session, tenantId: string, now: Date): SessionRefusal | undefined {
  const ageMs = now.getTime() - session.signedInAt.getTime();
  const idleMs = now.getTime() - session.seenAt.getTime();
  if (session.tid !== tenantId) return 'other-tenant';
  // Said so that what is no instant is refused too.
  if (!(ageMs < SESSION_LIFE_MS)) return 'too-old';
  return idleMs < SESSION_IDLE_MS ? undefined : 'left-alone';
}

/** `session` as seen now, when that is worth a new cookie. Pure. */
export function refreshSession(session: Session, now: Date): Session | undefined {
  return now.getTime() - session.seenAt.getTime() < REFRESH_AFTER_MS
    ? undefined
    : { ...session, seenAt: now };
}

/** `unreadable`: tampered with, or sealed by another key or for another purpose. */
export type SessionRefusal = 'unreadable' | 'other-tenant' | 'too-old' | 'left-alone';

export type SessionRead =
  | { readonly status: 'none' }
  | { readonly status: 'alive'; readonly session: Session }
  | { readonly status: 'refused'; readonly reason: SessionRefusal };

/** The session that the request brings. */
export async function readSession(
  context: Context,
  { key, tenantId, now }: { readonly key: Secret; readonly tenantId: string; readonly now: Date },
): Promise<SessionRead> {
  const text = getCookie(context, 'session', 'host');
  if (text === undefined) return { status: 'none' };
  const session = await unseal(key, 'session', text, storedSession);
  if (session === undefined) return { status: 'refused', reason: 'unreadable' };
  const reason = refusalOf(session, tenantId, now);
  return reason === undefined ? { status: 'alive', session } : { status: 'refused', reason };
}

/** Gives the browser `session`. Without an age of its own the cookie also ends with the browser. */
export async function writeSession(context: Context, key: Secret, session: Session): Promise<void> {
  setCookie(context, 'session', await sealSession(key, session), COOKIE);
}

export function sealSession(key: Secret, session: Session): Promise<string> {
  const { signedInAt, seenAt, ...rest } = session;
  const value = { ...rest, signedInAt: signedInAt.getTime(), seenAt: seenAt.getTime() };
  return seal(key, 'session', value);
}

export function endSession(context: Context): void {
  deleteCookie(context, 'session', COOKIE);
}
