// The part of `lcp doctor` that holds the machines to what policy.yml says of them (data_plane). With one droplet, which
// is what a policy without the word means, nothing is asked here.

import type { GatewayHealth } from '../gateway/health.ts';
import { type DataPlane, expectOfDataPlane } from '../policy/data-plane.ts';
import type { Queryable } from '../store/database.ts';
import { listHealth } from '../store/health.ts';

type TryIt = <T>(what: string, work: () => T | Promise<T>) => Promise<T | undefined>;

/** Five reports are missing: as lib/health/health-text.ts has it. */
const SILENT_SECONDS = 5 * 60;

/** Measured on LiteLLM 1.106.2: with a shared Redis a blocked key is refused by the others after 0.13 s at most, without
 *  one after user_api_key_cache_ttl (test/real/two-proxies.test.ts). LiteLLM starts without a word when it cannot
 *  reach the Redis of its environment, so only asking it tells. */
export async function checkSharedState(
  dataPlane: DataPlane,
  { isStateShared }: GatewayHealth,
  tryIt: TryIt,
): Promise<void> {
  if (!expectOfDataPlane(dataPlane).isStateShared) return;
  await tryIt('the LiteLLMs tell each other of a revoked key', () => {
    if (isStateShared === true) return;
    if (isStateShared === null)
      throw new Error(
        'This LiteLLM does not say whether it shares a Redis with the others; install 1.106.2 or newer.',
      );
    throw new Error(
      'They share no Redis, so the others let a revoked key in until they forget it (user_api_key_cache_ttl, 5 s), and each ' +
        'counts limits and spend for itself. Give every LiteLLM REDIS_HOST, REDIS_PORT, REDIS_PASSWORD and REDIS_SSL of ' +
        'the same Valkey and start it again: it gives up silently when it cannot reach it at its start. See docs/scale.md.',
    );
  });
}

/** One line, or none where policy.yml expects no number. */
export async function checkReportingHosts(
  dataPlane: DataPlane,
  database: Queryable,
  tryIt: TryIt,
): Promise<void> {
  const { reportingHosts } = expectOfDataPlane(dataPlane);
  if (reportingHosts === undefined) return;
  await tryIt(`${reportingHosts} hosts report their health`, async () => {
    const rows = await listHealth(database);
    const silent = rows.filter(({ ageSeconds }) => ageSeconds > SILENT_SECONDS);
    const heard = rows.length - silent.length;
    // One that was replaced stays in the list and is silent for good: what counts is who speaks.
    if (heard === reportingHosts) return;
    const names = silent.map(({ dropletId }) => dropletId).join(', ');
    throw new Error(
      [
        `${heard} report, policy.yml expects ${reportingHosts} (data_plane).`,
        silent.length === 0 ? '' : `Silent for more than five minutes: ${names}.`,
        'Look at `systemctl status litellm-agent` there, or correct reporting_hosts.',
      ]
        .filter((text) => text !== '')
        .join(' '),
    );
  });
}
