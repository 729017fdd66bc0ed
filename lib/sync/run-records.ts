// What a run writes about itself at its end, in one transaction: its report, what Entra looked like, and the hints it
// served.

import { isControlError } from '../errors.ts';
import type { RunId } from '../ids.ts';
import type { Log } from '../log.ts';
import type { Database, Queryable } from '../store/database.ts';
import { saveSnapshot } from '../store/directory-snapshot.ts';
import { type Settled, updateLinks, updateSettled } from '../store/directory-state.ts';
import { completeHints, type Hint } from '../store/hints.ts';
import { type Lease, requireLease } from '../store/lease.ts';
import { updateRunEnd } from '../store/runs.ts';
import type { DirectoryReading } from './read-directory.ts';
import type { RunReport } from './report.ts';

export type RunEnding = {
  readonly report: RunReport;
  readonly directory: DirectoryReading;
  /** Teams whose lists Graph contradicted. */
  readonly staleTeamIds: ReadonlySet<string>;
  readonly settled: Settled | null;
  readonly hints: readonly Hint[];
};

/** After apply: only now is what Microsoft reported done with, so only now are links moved on and hints removed.
 *  A run that ends before this leaves both, and the next one is told the same again. */
export async function recordEnd(database: Database, lease: Lease, ending: RunEnding): Promise<void> {
  const { report } = ending;
  await database.transaction(async (transaction) => {
    await requireLease(transaction, lease);
    await recordReading(transaction, ending);
    const { status, planDigest } = report;
    await updateRunEnd(transaction, report.runId, { status, planDigest, summary: report });
  });
}

async function recordReading(transaction: Queryable, ending: RunEnding): Promise<void> {
  const { directory, hints, settled, staleTeamIds, report } = ending;
  // Nothing was read: the notifications were not served.
  if (directory.kind === 'failed') return;
  await completeHints(transaction, hints);
  if (directory.update === null) return;
  await saveSnapshot(transaction, directory.update);
  if (staleTeamIds.size > 0) await markStale(transaction, [...staleTeamIds]);
  await updateLinks(transaction, directory.update.links, directory.update.fullRead);
  if (report.reading !== 'settled' && settled !== null) await updateSettled(transaction, settled);
}

/** The groups themselves and all below: which of them misled us is not known. */
async function markStale(transaction: Queryable, groupIds: readonly string[]): Promise<void> {
  await transaction.query(
    `with recursive below(id) as (
       select unnest($1::uuid[])
       union select unnest(g.nested_group_ids) from directory_groups g join below on g.group_id = below.id)
     update directory_groups set is_stale = true where group_id in (select id from below)`,
    [groupIds],
  );
}

/** The run could not be made; a failure to say so does not hide why. */
export async function recordFailure(
  database: Database,
  runId: RunId,
  error: unknown,
  log: Log,
): Promise<void> {
  const errorCode = codeOf(error);
  const errorMessage = error instanceof Error ? error.message : String(error);
  log.error('run_failed', { code: errorCode, message: errorMessage });
  try {
    await updateRunEnd(database, runId, {
      status: 'failed',
      planDigest: null,
      summary: {},
      errorCode,
      errorMessage,
    });
  } catch (recordError) {
    log.warn('run_record_failed', { code: codeOf(recordError) });
  }
}

export function codeOf(error: unknown): string {
  return isControlError(error) ? error.code : 'UNEXPECTED';
}
