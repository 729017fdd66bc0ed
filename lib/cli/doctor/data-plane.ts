// The machines that serve models, held to what policy.yml says of them (data_plane): what their agents report, and
// whether several LiteLLMs know the same.

import type { GatewayHealth } from '../../gateway/health.ts';
import { type DataPlane, expectOfDataPlane } from '../../policy/data-plane.ts';
import type { Database } from '../../store/database.ts';
import { listHealth } from '../../store/health.ts';
import { readDropletHealth } from '../droplet-health.ts';
import { type Check, type Finding, failed, notChecked, well } from './check.ts';

/** Five reports are missing: as lib/health/health-text.ts has it. */
const SILENT_SECONDS = 5 * 60;

export type DataPlaneParts = {
  /** Undefined where policy.yml cannot be read: a check of its own says so. */
  readonly dataPlane: DataPlane | undefined;
  readonly now: () => Date;
  readonly database: () => Pick<Database, 'query'>;
  readonly readHealth: (signal: AbortSignal) => Promise<GatewayHealth>;
};

export function dataPlaneChecks({ dataPlane, now, database, readHealth }: DataPlaneParts): readonly Check[] {
  const expected = dataPlane && expectOfDataPlane(dataPlane);
  const checks: Check[] = [
    {
      id: 'hosts-well',
      what: 'what the droplet’s agent reports is well',
      why: 'a full disk, a container that restarts or a certificate near its end stops models for everybody.',
      needs: ['store-level'],
      run: async () => {
        const { rows, lines, isWell } = await readDropletHealth(database(), now());
        if (rows.length === 0 && expected?.reportingHosts !== 0)
          return notChecked('no agent has reported yet; `lcp deploy` installs it');
        return isWell ? well() : failed(lines.join('\n'), 'docs/droplet.md says what to do about each.');
      },
    },
  ];
  if (expected?.reportingHosts !== undefined) {
    const { reportingHosts } = expected;
    checks.push({
      id: 'hosts-report',
      what: `${reportingHosts} hosts report their health`,
      why: 'a droplet that went silent serves nobody, and half of the requests meet it.',
      needs: ['store-level'],
      run: () => countHosts(database(), reportingHosts),
    });
  }
  if (expected?.isStateShared) {
    checks.push({
      id: 'litellm-shared-state',
      what: 'the LiteLLMs tell each other of a revoked key',
      why: 'without it a leaver’s key works on at the others, and each counts limits and spend for itself.',
      needs: ['litellm-key'],
      run: async (signal) => judgeSharing(await readHealth(signal)),
    });
  }
  return checks;
}

async function countHosts(database: Pick<Database, 'query'>, expectedCount: number): Promise<Finding> {
  const rows = await listHealth(database);
  const silent = rows.filter(({ ageSeconds }) => ageSeconds > SILENT_SECONDS);
  const heardCount = rows.length - silent.length;
  // One that was replaced stays in the list and is silent for good: what counts is who speaks.
  if (heardCount === expectedCount) return well();
  const names = silent.map(({ dropletId }) => dropletId).join(', ');
  const silence = names === '' ? '' : ` Silent for more than five minutes: ${names}.`;
  return failed(
    `${heardCount} report, policy.yml expects ${expectedCount} (data_plane).${silence}`,
    'look at `systemctl status litellm-agent` there, or correct reporting_hosts.',
  );
}

/** Measured on LiteLLM 1.106.2: with a shared Redis a blocked key is refused by the others after 0.13 s at most, without
 *  one after user_api_key_cache_ttl (test/real/two-proxies.test.ts). LiteLLM starts without a word when it cannot
 *  reach the Redis of its environment, so only asking it tells. */
function judgeSharing({ isStateShared }: GatewayHealth): Finding {
  if (isStateShared === true) return well();
  if (isStateShared === null)
    return failed(
      'This LiteLLM does not say whether it shares a Redis with the others.',
      'install 1.106.2 or newer.',
    );
  return failed(
    'They share no Redis, so the others let a revoked key in until they forget it (user_api_key_cache_ttl, 5 s).',
    'give every LiteLLM REDIS_HOST, REDIS_PORT, REDIS_PASSWORD and REDIS_SSL of the same Valkey and start it again: it gives up silently when it cannot reach it at its start. See docs/scale.md.',
  );
}
