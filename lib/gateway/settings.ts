// What LiteLLM tells an administrator about its own settings, for `lcp doctor`. Read in the source of 1.106.2 and tried
// on it: /config/list shows general settings that its pages can change, /health/readiness/details the log level and the
// cache. Nothing shows LITELLM_SALT_KEY or user_api_key_cache_ttl; /config/yaml is a mock that answers "hello world".

import * as z from 'zod';
import type { Transport } from './transport.ts';

export type GatewaySettings = {
  /** Whether what people ask and are told is kept in the database; null where this version does not say. */
  readonly keepsPrompts: boolean | null;
  /** Such as `90d`; null without an end, or where this version does not say. */
  readonly requestLogRetention: string | null;
  /** In which headers, keys and prompts are written. */
  readonly isDebugLog: boolean;
  /** `redis`; null for a cache in the memory of the one process. */
  readonly cacheType: string | null;
};

const list = z.array(z.object({ field_name: z.string(), field_value: z.unknown() }));
const details = z.object({
  is_detailed_debug: z.boolean().nullish(),
  cache: z.union([z.string(), z.object({ type: z.string() }).transform(({ type }) => type)]).nullish(),
});

/** @throws ControlError GATEWAY_UNAVAILABLE, GATEWAY_DENIED, GATEWAY_REFUSED, GATEWAY_ANSWER_INVALID */
export async function readGatewaySettings(
  transport: Transport,
  signal: AbortSignal,
): Promise<GatewaySettings> {
  const call = { method: 'GET', isRepeatHarmless: true } as const;
  const [general, ready] = await Promise.all([
    transport.call(
      { ...call, path: '/config/list', query: { config_type: 'general_settings' }, answer: list },
      signal,
    ),
    transport.call({ ...call, path: '/health/readiness/details', answer: details }, signal),
  ]);
  if (general.status === 'refused') throw general.toError();
  if (ready.status === 'refused') throw ready.toError();
  const fieldOf = (name: string) => general.value.find((field) => field.field_name === name)?.field_value;
  const isListed = general.value.some((field) => field.field_name === 'store_prompts_in_spend_logs');
  const retention = fieldOf('maximum_spend_logs_retention_period');
  return {
    keepsPrompts: isListed ? fieldOf('store_prompts_in_spend_logs') === true : null,
    requestLogRetention: typeof retention === 'string' ? retention : null,
    isDebugLog: ready.value.is_detailed_debug === true,
    cacheType: ready.value.cache ?? null,
  };
}
