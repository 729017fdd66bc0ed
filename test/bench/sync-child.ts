// A warm function's process: it makes a run for each message from its parent and answers with the report, what it
// took, and what the process holds. Trusts the tenant by NODE_EXTRA_CA_CERTS, which Node reads at process start only.

import { randomUUID } from 'node:crypto';
import { systemClock } from '../../lib/clock.ts';
import { composeSync, directorySettings, SYNC_SETTINGS } from '../../lib/composition.ts';
import { parseSettings } from '../../lib/config.ts';
import { createTokenSource, type TokenSource } from '../../lib/directory/token.ts';
import { parseRunId } from '../../lib/ids.ts';
import { createLog } from '../../lib/log.ts';
import { parsePolicy } from '../../lib/policy/schema.ts';
import type { RunReport } from '../../lib/sync/report.ts';
import { reconcile } from '../../lib/sync/run.ts';

export type SyncOrder = {
  readonly settings: Readonly<Record<string, string>>;
  /** As in policy.yml. */
  readonly policy: unknown;
};

export type SyncAnswer =
  | {
      readonly status: 'done';
      readonly report: RunReport;
      /** From the first setting read to the last connection ended. */
      readonly wallMs: number;
      /** Calls to LiteLLM that the run makes at once. */
      readonly concurrency: number;
      /** The most this process ever held. */
      readonly peakBytes: number;
      readonly logLines: readonly string[];
    }
  | { readonly status: 'failed'; readonly reason: string };

const RUN_LIMIT_MS = 270_000; // project.yml

const tokensByAuthority = new Map<string, TokenSource>();

process.on('message', (order: SyncOrder) => {
  void runOnce(order).then(
    (answer) => process.send?.(answer),
    (error: unknown) =>
      process.send?.({
        status: 'failed',
        reason: error instanceof Error ? `${error.stack}` : String(error),
      } satisfies SyncAnswer),
  );
});

async function runOnce({ settings: environment, policy }: SyncOrder): Promise<SyncAnswer> {
  const logLines: string[] = [];
  const startedAtMs = performance.now();
  const settings = parseSettings(SYNC_SETTINGS, environment);
  // As in the function: the token outlives the run.
  const authority = settings.AZURE_AUTHORITY_HOST;
  const tokens = tokensByAuthority.get(authority) ?? createTokenSource(directorySettings(settings));
  tokensByAuthority.set(authority, tokens);
  const deadlineAt = new Date(systemClock.now().getTime() + RUN_LIMIT_MS);
  const composition = composeSync({
    settings,
    tls: undefined,
    policy: parsePolicy(policy),
    clock: systemClock,
    log: createLog({}, { write: (line) => logLines.push(line) }),
    deadlineAt,
    codeVersion: 'bench',
    tokens,
  });
  try {
    const { report } = await reconcile(composition, {
      runId: parseRunId(randomUUID()),
      trigger: 'bench',
      actor: 'bench',
      deadlineAt,
      signal: new AbortController().signal,
    });
    await composition.close();
    return {
      status: 'done',
      report,
      wallMs: performance.now() - startedAtMs,
      concurrency: composition.concurrency,
      peakBytes: process.resourceUsage().maxRSS * 1024,
      logLines,
    };
  } catch (error) {
    await composition.close();
    throw error;
  }
}
