// The yardstick of the first sync: the same POST /key/generate calls and nothing else, at the same concurrency. No
// validation, no retry, no escrow, no records.

import { randomBytes, randomUUID } from 'node:crypto';
import pLimit from 'p-limit';
import { markedMetadata } from '../../lib/sync/marker.ts';
import type { LiteLLM } from '../world/litellm/start.ts';

export type KeyOwner = { readonly userId: string; readonly teamId: string };

/** The body that a sync sends for a key of `owner`; without an owner, a key of nobody. */
export function keyBody(owner: KeyOwner | undefined): Readonly<Record<string, unknown>> {
  const common = {
    key: `sk-${randomBytes(32).toString('base64url')}`,
    key_alias: `lcp/${owner?.userId ?? randomUUID()}/${owner?.teamId ?? randomUUID()}/g1/${randomBytes(4).toString('hex')}`,
    metadata: markedMetadata({ generation: 1 }),
  };
  return owner === undefined ? common : { ...common, user_id: owner.userId, team_id: owner.teamId };
}

/** Sends the bodies, `concurrency` at a time, and returns the milliseconds from the first to the last answer. */
export async function timeKeyCalls(
  litellm: LiteLLM,
  bodies: readonly Readonly<Record<string, unknown>>[],
  concurrency: number,
): Promise<number> {
  const headers = {
    authorization: `Bearer ${litellm.adminKey.reveal()}`,
    'content-type': 'application/json',
  };
  const startedAtMs = performance.now();
  await pLimit(concurrency).map(bodies, async (body) => {
    const response = await fetch(`${litellm.baseUrl}/key/generate`, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`/key/generate answered ${response.status}: ${text.slice(0, 200)}`);
  });
  return performance.now() - startedAtMs;
}
