// The configuration of the local LiteLLM, as the droplet has it, with models that answer without a provider.

import { stringify } from 'yaml';

/** The models of the walking skeleton; each answers with its own name. */
export const WORLD_MODELS = [
  'gpt-4',
  'gpt-4-turbo',
  'gpt-3.5-turbo',
  'claude-3-opus',
  'claude-3-sonnet',
  'claude-3-haiku',
  'mistral-local',
] as const;

/** What a mock model answers; tests of the fake and of the real one read it. */
export function renderMockAnswer(model: string): string {
  return `This is ${model}.`;
}

export type ConfigOptions = {
  readonly models: readonly string[];
  /** How long a worker believes what it last read of a key. Measured: a revocation reaches another worker in 5 s
   *  instead of the 60 s of LiteLLM's default. */
  readonly keyCacheTtlSeconds?: number;
  /** A Redis on the loopback address over which the workers tell each other what changed. Model answers are not
   *  kept in it. */
  readonly redisPort?: number | undefined;
};

/** LiteLLM's config.yaml. The master key comes from LITELLM_MASTER_KEY, so the file holds no secret. */
export function renderConfig({ models, keyCacheTtlSeconds = 5, redisPort }: ConfigOptions): string {
  const redis = {
    cache: true,
    cache_params: { type: 'redis', host: '127.0.0.1', port: redisPort, mode: 'default_off' },
  };
  return stringify({
    model_list: models.map((model) => ({
      model_name: model,
      litellm_params: { model: `openai/${model}`, api_key: 'none', mock_response: renderMockAnswer(model) },
    })),
    litellm_settings: { telemetry: false, ...(redisPort === undefined ? {} : redis) },
    general_settings: {
      master_key: 'os.environ/LITELLM_MASTER_KEY',
      user_api_key_cache_ttl: keyCacheTtlSeconds,
      // Spend is visible after a second instead of ten.
      proxy_batch_write_at: 1,
    },
  });
}
