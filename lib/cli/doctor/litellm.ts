// LiteLLM as the control plane uses it: its version, what our key may read, and its settings as far as it tells.

import type { Composition } from '../../composition.ts';
import { isControlError } from '../../errors.ts';
import { checkGatewayVersion, type GatewayHealth } from '../../gateway/health.ts';
import type { GatewaySettings } from '../../gateway/settings.ts';
import { type Check, type Finding, failed, notChecked, well } from './check.ts';

export function litellmChecks(
  parts: () => Composition,
  readSettings: (signal: AbortSignal) => Promise<GatewaySettings>,
  { readsDatabase }: { readonly readsDatabase: boolean },
): readonly Check[] {
  const source = readsDatabase ? 'its database' : 'the admin API (LITELLM_DATABASE_URL is none)';
  return [
    {
      id: 'litellm-answers',
      what: 'LiteLLM answers, with its database',
      why: 'without it the control plane sees nobody and changes nothing.',
      needs: ['settings-lcp', 'control-answers'],
      run: async (signal) => {
        const health = await readHealth(parts(), signal);
        if (health === 'refuses-key') return well('it refuses the key, see below');
        return health.databaseConnected
          ? well()
          : failed('LiteLLM runs without its database.', 'look at its log and at PostgreSQL on the droplet.');
      },
    },
    {
      id: 'litellm-key',
      what: 'LITELLM_ADMIN_KEY may read teams, users and keys',
      why: 'who is not seen is neither added nor removed.',
      needs: ['litellm-answers'],
      run: async (signal) => {
        const { gateway } = parts();
        await Promise.all([gateway.listTeams(signal), gateway.listUsers(signal), gateway.listKeys(signal)]);
        return well();
      },
    },
    {
      id: 'litellm-version',
      what: 'LiteLLM’s version may run',
      why: 'versions with malicious code were published under the real name and signed; they read every secret they reach.',
      needs: ['litellm-key'],
      run: async (signal) => {
        const { version } = await parts().gateway.readHealth(signal);
        checkGatewayVersion(version);
        return version === null ? notChecked('this LiteLLM does not say which it is') : well(version);
      },
    },
    {
      id: 'litellm-state',
      what: `LiteLLM’s state is read from ${source}`,
      why: 'each run compares what is there with what should be.',
      needs: ['litellm-key'],
      run: async (signal) => {
        await parts().unmapped.readGatewayState(signal);
        return well();
      },
    },
    {
      id: 'litellm-settings',
      what: 'LiteLLM keeps no prompts and writes no debug log',
      why: 'what people ask is theirs: kept prompts are in every backup, and a debug log holds keys beside them.',
      needs: ['litellm-key'],
      run: async (signal) => judgeSettings(await readSettings(signal)),
    },
    {
      id: 'litellm-salt-key',
      what: 'LITELLM_SALT_KEY is set',
      why: 'without it the master key encrypts the stored credentials, and a change of that key loses them all.',
      needs: [],
      run: () =>
        notChecked(
          'LiteLLM shows it to nobody; droplet/install/steps/30-secrets makes it, and refuses another than the data was written with',
        ),
    },
    {
      id: 'litellm-cache-ttl',
      what: 'A blocked key is refused by every worker within seconds',
      why: 'a leaver’s key works on for as long as LiteLLM remembers it: 60 s by default, 5 s as we set it.',
      needs: ['litellm-settings'],
      run: async (signal) => {
        const { cacheType } = await readSettings(signal);
        return cacheType === 'redis'
          ? well('at once, by the cache that all share')
          : notChecked(
              'LiteLLM tells nobody its user_api_key_cache_ttl; droplet/litellm/config.yaml sets it to 5',
            );
      },
    },
  ];
}

/** With the state it also tells the version, and both only to an administrator. */
async function readHealth(
  { gateway }: Composition,
  signal: AbortSignal,
): Promise<GatewayHealth | 'refuses-key'> {
  try {
    return await gateway.readHealth(signal);
  } catch (error) {
    const isKey = isControlError(error, 'GATEWAY_DENIED') && error.details.certificate === undefined;
    if (isKey) return 'refuses-key';
    throw error;
  }
}

function judgeSettings({ keepsPrompts, requestLogRetention, isDebugLog }: GatewaySettings): Finding {
  const problems = [
    ...(keepsPrompts ? ['It keeps prompts and answers (store_prompts_in_spend_logs).'] : []),
    ...(isDebugLog ? ['It writes a debug log (--detailed_debug, LITELLM_LOG).'] : []),
  ];
  if (problems.length > 0) {
    return failed(
      problems.join('\n'),
      'take it out of droplet/litellm/config.yaml or the environment on the droplet, restart LiteLLM, and delete what was kept.',
    );
  }
  if (keepsPrompts === null) return notChecked('this version does not say whether it keeps prompts');
  return well(
    requestLogRetention === null
      ? 'single requests are kept for ever'
      : `single requests are kept for ${requestLogRetention}`,
  );
}
