// `lcp apply`: one run now, from here, under the same lease as the scheduled one.

import { randomUUID } from 'node:crypto';
import { parseRunId } from '../ids.ts';
import type { RunReport } from '../sync/report.ts';
import { reconcile } from '../sync/run.ts';
import { type CliEnvironment, withComposition } from './environment.ts';

/** Prints what was done; 0 when all of it is, 1 when something failed, was left or could not be read. */
export async function applyCommand(
  environment: CliEnvironment,
  options: { policy: string; json: boolean },
): Promise<number> {
  return withComposition(environment, options.policy, async (parts, { deadlineAt, signal }) => {
    const runId = parseRunId(randomUUID());
    const { report } = await reconcile(parts, {
      runId,
      trigger: 'cli',
      actor: environment.actor,
      deadlineAt,
      signal,
    });
    environment.print(options.json ? `${JSON.stringify(report, null, 2)}\n` : renderReport(report));
    return report.status === 'succeeded' ? 0 : 1;
  });
}

/** A run in a few lines. */
export function renderReport(report: RunReport): string {
  const counts = (label: string, tally: Partial<Record<string, number>>) => {
    const parts = Object.entries(tally).map(([kind, n]) => `${n} ${kind}`);
    return parts.length > 0 ? [`  ${label}: ${parts.join(', ')}`] : [];
  };
  const lines = [
    `run ${report.runId}: ${report.status} in ${(report.durationMs / 1000).toFixed(1)} s`,
    ...counts('done', report.done),
    ...counts('failed', report.failed),
    ...counts('left for the next run', report.left),
    ...counts('refused', report.refused),
    ...report.quarantined.map(
      ({ quarantineId, scope, peopleCount }) =>
        `  HELD: ${peopleCount} removals, ${scope}, ${quarantineId.slice(0, 12)}; see \`lcp status\``,
    ),
    ...report.incompleteGroups.map(
      (groupId) => `  group ${groupId} was not read completely; nobody was removed from it`,
    ),
  ];
  return `${lines.join('\n')}\n`;
}
