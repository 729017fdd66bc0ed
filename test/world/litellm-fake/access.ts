// Who calls: the admin, the holder of a key, or nobody. Refusals carry LiteLLM's own words.

import { createHash } from 'node:crypto';
import { createProblem } from './problem.ts';
import type { FakeKey, FakeState } from './state.ts';

/** Passes the admin's key only. */
export function requireAdmin(
  authorization: string | undefined,
  masterKey: string,
  state: FakeState,
  path: string,
) {
  const token = readBearer(authorization);
  if (token === masterKey) return;
  requireLiveKey(token, state);
  throw refuse(
    `Only proxy admin can be used to generate, delete, update info for new keys/users/teams. Route=${path}. Your role=unknown. Your user_id=*******`,
  );
}

/** The row of a key that may call models; undefined for the admin, who may call all. */
export function requireCaller(
  authorization: string | undefined,
  masterKey: string,
  state: FakeState,
): FakeKey | undefined {
  const token = readBearer(authorization);
  return token === masterKey ? undefined : requireLiveKey(token, state);
}

function readBearer(authorization: string | undefined): string {
  const token = authorization?.replace(/^Bearer /, '') ?? '';
  if (token === '') throw refuse('No api key passed in.');
  if (!token.startsWith('sk-')) {
    throw createProblem(401, {
      message: "LiteLLM Virtual Key expected. Received=****, expected to start with 'sk-'.",
      type: 'auth_error',
      param: 'None',
    });
  }
  return token;
}

function requireLiveKey(token: string, state: FakeState): FakeKey {
  const hash = createHash('sha256').update(token).digest('hex');
  const key = state.keys.get(hash);
  if (key === undefined) {
    throw createProblem(401, {
      message: `Authentication Error, Invalid proxy server token passed. Received API Key = sk-..., Key Hash (Token) =${hash}. Unable to find token in cache or \`LiteLLM_VerificationTokenTable\``,
      type: 'token_not_found_in_db',
      param: 'key',
    });
  }
  if (key.blocked === true) throw refuse("Key is blocked. Update via `/key/unblock` if you're an admin.");
  return key;
}

function refuse(message: string) {
  return createProblem(401, {
    message: `Authentication Error, ${message}`,
    type: 'auth_error',
    param: 'None',
  });
}
