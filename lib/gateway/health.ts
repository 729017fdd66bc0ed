// Whether LiteLLM and its database answer, which version it is, and which versions must not run.

import * as z from 'zod';
import { ControlError } from '../errors.ts';
import type { Transport } from './transport.ts';

export type GatewayHealth = {
  /** `healthy`, or LiteLLM's own word for another state. */
  readonly status: string;
  readonly databaseConnected: boolean;
  readonly version: string | null;
  /** Whether the proxy that answered took up a Redis at its start, over which proxies of one database tell each other of
   *  revoked keys, limits and spend; not whether that Redis still lives. Without one it may be true all the same while
   *  LiteLLM is certain that it is alone. Null where LiteLLM does not say. */
  readonly isStateShared: boolean | null;
};

/** Published with malicious code: 1.82.7 and 1.82.8 (LiteLLM issue 24518), 1.107.0 (discussion 48242). */
export const DENIED_VERSIONS = new Set(['1.82.7', '1.82.8', '1.107.0']);

const healthAnswer = z.object({
  status: z.string(),
  db: z.string().nullish(),
  litellm_version: z.string().nullish(),
  show_no_redis_warning: z.boolean().nullish(),
});

/**
 * GET /health/readiness/details: the version needs the admin key since /health/readiness stopped naming it
 * (measured on 1.106.2). Older proxies have no such path and name it in /health/readiness.
 */
export async function readHealth(transport: Transport, signal: AbortSignal): Promise<GatewayHealth> {
  const call = { method: 'GET', answer: healthAnswer, isRepeatHarmless: true } as const;
  let reply = await transport.call({ ...call, path: '/health/readiness/details' }, signal);
  if (reply.status === 'refused' && reply.httpStatus === 404) {
    reply = await transport.call({ ...call, path: '/health/readiness' }, signal);
  }
  if (reply.status === 'refused') throw reply.toError();
  const { status, db, litellm_version: version, show_no_redis_warning: isAlone } = reply.value;
  return {
    status,
    databaseConnected: db === 'connected',
    version: version ?? null,
    isStateShared: isAlone === null || isAlone === undefined ? null : !isAlone,
  };
}

/**
 * Passes a version that may run; an unknown one (null) passes, because older proxies do not say.
 * @throws ControlError GATEWAY_VERSION_DENIED
 */
export function checkGatewayVersion(version: string | null): void {
  if (version === null || !DENIED_VERSIONS.has(version.replace(/^v/, ''))) return;
  throw new ControlError(
    'GATEWAY_VERSION_DENIED',
    `LiteLLM ${version} was published with malicious code. Take it off the network, rotate every secret it could read, install another version.`,
    { details: { version } },
  );
}
