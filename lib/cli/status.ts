// `lcp status`: the last runs, what waits for a decision, what was changed by hand, whether Microsoft notifies us, how the
// droplet is, how far the audit is in Spaces, and how many keys are in which state.

import { describeReasons } from '../approvals/quarantine-text.ts';
import { describeAuditExport } from '../audit/export-state.ts';
import { parseSettings } from '../config.ts';
import { findAuditExportProgress } from '../store/audit-exports.ts';
import { listDrift } from '../store/drift.ts';
import { listKeys } from '../store/keys.ts';
import { listWaitingQuarantines } from '../store/quarantines.ts';
import { listRuns, type RunRow } from '../store/runs.ts';
import { findSubscriptionCheck, listSubscriptions } from '../store/subscriptions.ts';
import { digestOfClientState } from '../sync/keep-subscriptions.ts';
import { describeSubscriptions } from '../sync/subscription-text.ts';
import { readDropletHealth, refreshDropletHealth } from './droplet-health.ts';
import { type CliEnvironment, withControlDatabase } from './environment.ts';

const RUN_COUNT = 10;

/** 0 when the newest run succeeded, nothing waits, Microsoft notifies us, the droplet is well and the audit is exported,
 *  1 otherwise. */
export async function statusCommand(
  environment: CliEnvironment,
  options: { json: boolean; fresh?: boolean },
): Promise<number> {
  return withControlDatabase(environment, async (database) => {
    const notFresh = options.fresh ? await refreshDropletHealth(database, environment.clock) : undefined;
    const [runs, waiting, keys, rows, check, drift, droplet, progress] = await Promise.all([
      listRuns(database, RUN_COUNT),
      listWaitingQuarantines(database),
      listKeys(database),
      listSubscriptions(database),
      findSubscriptionCheck(database),
      listDrift(database),
      readDropletHealth(database, environment.clock.now()),
      findAuditExportProgress(database),
    ]);
    const auditExport = describeAuditExport(progress);
    const subscriptions = describeSubscriptions({
      rows,
      check,
      now: environment.clock.now(),
      newClientStateDigest: newClientStateDigest(environment),
    });
    const keyCounts: Record<string, number> = {};
    for (const { status } of keys) keyCounts[status] = (keyCounts[status] ?? 0) + 1;
    const notRevealed = keys.filter((key) => key.status === 'live' && !key.isRevealed).length;
    const isWell =
      runs[0]?.status === 'succeeded' &&
      waiting.length === 0 &&
      subscriptions.isWell &&
      droplet.isWell &&
      notFresh === undefined &&
      !auditExport.isLate;

    if (options.json)
      environment.print(
        `${JSON.stringify({ isWell, runs, waiting, drift, subscriptions: { rows, check }, droplets: droplet.rows, notFresh, auditExport: progress, keyCounts, notRevealed }, null, 2)}\n`,
      );
    else {
      const held = waiting.map((row) => {
        const why = describeReasons(row.reasons);
        return `  ${row.quarantineId.slice(0, 12)}  ${row.scope}  ${row.peopleCount} removals (${why}) since ${row.waitingSince.toISOString()}\n`;
      });
      const states = Object.entries(keyCounts)
        .sort()
        .map(([status, n]) => `${n} ${status}`);
      environment.print(
        [
          `Runs (newest first)\n${runs.map(renderRun).join('') || '  none yet; `lcp apply` makes one\n'}`,
          `Waiting for a decision\n${held.join('') || '  nothing\n'}`,
          `Changed by hand\n${drift.length === 0 ? '  nothing that the newest plan saw\n' : `  ${drift.length}, since ${drift[0]?.firstSeenAt.toISOString()}; \`lcp drift\` shows them\n`}`,
          `Notifications from Microsoft\n${subscriptions.lines.map((line) => `  ${line}\n`).join('')}`,
          `Droplet\n${[...(notFresh === undefined ? [] : [`! no fresh report: ${notFresh}`]), ...droplet.lines].map((line) => `  ${line}\n`).join('')}`,
          `Audit\n  ${auditExport.line}\n`,
          `Keys\n  ${states.join(', ') || 'none yet'}${notRevealed > 0 ? `; ${notRevealed} not picked up` : ''}\n`,
        ].join('\n'),
      );
    }
    return isWell ? 0 : 1;
  });
}

/** Where the variable is there and has two values. */
function newClientStateDigest({ variables }: CliEnvironment): string | undefined {
  if (!variables.GRAPH_CLIENT_STATE) return undefined;
  const [newest, old] = parseSettings(['GRAPH_CLIENT_STATE'], variables).GRAPH_CLIENT_STATE;
  return newest && old ? digestOfClientState(newest) : undefined;
}

function renderRun(run: RunRow): string {
  const done = Object.entries((run.summary?.done ?? {}) as Record<string, number>).map(
    ([kind, n]) => `${n} ${kind}`,
  );
  const outcome = run.errorCode
    ? `${run.errorCode}: ${run.errorMessage}`
    : done.join(', ') || 'nothing to do';
  return `  ${run.startedAt.toISOString()}  ${run.status.padEnd(9)}  ${run.trigger.padEnd(8)}  ${outcome}\n`;
}
