// One reconcile run: lease, read, plan, guard, apply, record. The same code for the schedule, the webhook and
// the CLI. A run that is killed anywhere leaves records from which the next one goes on.

import type { Clock } from '../clock.ts';
import { ControlError, isControlError } from '../errors.ts';
import type { RunId } from '../ids.ts';
import type { Log } from '../log.ts';
import { recordAudit } from '../store/audit.ts';
import type { Database } from '../store/database.ts';
import { acquireLease, type Lease, releaseLease, renewLease, requireLease } from '../store/lease.ts';
import { updateQuarantines } from '../store/quarantines.ts';
import { insertPlan, insertRun, updateRunEnd } from '../store/runs.ts';
import { requireSchema } from '../store/schema.ts';
import type { Action } from './actions.ts';
import { applyPlan, type Outcome } from './apply.ts';
import type { MintKey } from './apply-context.ts';
import type { ApplyGateway } from './gateway-port.ts';
import type { Verdict } from './guard.ts';
import { createJournal } from './journal.ts';
import type { Plan } from './plan.ts';
import { type ReadDependencies, readPlan } from './read-plan.ts';
import { type RunReport, reportOf } from './report.ts';

/** A run that is killed keeps others out for at most this long. */
const LEASE_TTL_MS = 60_000;
const LEASE_NAME = 'sync';
/** No new action is begun when less than this is left: the longest call to LiteLLM, and the closing records. */
const CLOSING_MS = 20_000;

export type ReconcileDependencies = ReadDependencies & {
  readonly database: Database;
  readonly gateway: ApplyGateway;
  readonly mintKey: MintKey;
  readonly clock: Clock;
  readonly log: Log;
  readonly concurrency: number;
};

export type RunRequest = {
  readonly runId: RunId;
  /** What started it: `schedule`, `manual`, `cli`. */
  readonly trigger: string;
  /** Who acts, for the audit: `control/sync`, `cli:<login>`. */
  readonly actor: string;
  /** When the platform ends this run, by our clock. */
  readonly deadlineAt: Date;
  readonly signal: AbortSignal;
};

/** Carries out one run and reports it. Running it again right after changes nothing.
 *  @throws ControlError LEASE_HELD, LEASE_LOST, STORE_…, GATEWAY_… when the run could not be made at all. */
export async function reconcile(
  dependencies: ReconcileDependencies,
  request: RunRequest,
): Promise<RunReport> {
  const { database, clock } = dependencies;
  const { runId, trigger } = request;
  const log = dependencies.log.with({ runId });
  const startedAt = clock.now();
  await requireSchema(database);
  const lease = await acquireLease(database, LEASE_NAME, runId, LEASE_TTL_MS);
  const ending = new AbortController();
  const signal = AbortSignal.any([request.signal, ending.signal]);
  const renewing = keepLease(dependencies, lease, ending, signal);
  try {
    await database.transaction((transaction) => insertRun(transaction, lease, runId, trigger));
    const { plan, verdict } = await readPlan(dependencies, signal);
    const held = await recordVerdict(dependencies, lease, request, plan, verdict);
    const outcomes = await applyPlan(verdict.allowed, {
      gateway: dependencies.gateway,
      journal: createJournal({ database, lease, runId, actor: request.actor, clock }),
      mintKey: dependencies.mintKey,
      concurrency: dependencies.concurrency,
      signal,
      hasTime: () => request.deadlineAt.getTime() - clock.now().getTime() > CLOSING_MS,
    });
    logFailures(outcomes, log);
    const durationMs = clock.now().getTime() - startedAt.getTime();
    const report = reportOf({ runId, trigger, durationMs, plan, verdict, outcomes, newQuarantines: held });
    await updateRunEnd(database, runId, { status: report.status, planDigest: plan.digest, summary: report });
    if (signal.aborted) throw signal.reason;
    const { runId: _, ...told } = report;
    log.info('run_finished', told);
    return report;
  } catch (error) {
    await recordFailure(database, runId, error, log);
    throw error;
  } finally {
    ending.abort(new ControlError('DEADLINE_REACHED', 'The run has ended.'));
    await renewing;
    // The lease runs out by itself when the database is away; the first error must not be hidden.
    await releaseLease(database, lease).catch((error: unknown) =>
      log.warn('lease_release_failed', { code: codeOf(error) }),
    );
  }
}

/** Renews the lease until the run ends; a lost lease ends the run. */
async function keepLease(
  { database, clock }: ReconcileDependencies,
  lease: Lease,
  ending: AbortController,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await clock.sleep(LEASE_TTL_MS / 3, signal);
      await renewLease(database, lease, LEASE_TTL_MS);
    } catch (error) {
      if (!signal.aborted) ending.abort(error);
      return;
    }
  }
}

/** Stores the plan and what the guard held, before anything is applied. Returns the quarantines that are new. */
async function recordVerdict(
  { database, clock, log }: ReconcileDependencies,
  lease: Lease,
  { runId, actor }: RunRequest,
  plan: Plan,
  verdict: Verdict,
): Promise<readonly string[]> {
  return database.transaction(async (transaction) => {
    await requireLease(transaction, lease);
    await insertPlan(transaction, plan.digest, plan);
    const added = await updateQuarantines(transaction, runId, plan.digest, verdict.quarantined);
    const entries = verdict.quarantined
      .filter((quarantine) => added.includes(quarantine.quarantineId))
      .map(({ quarantineId, scope, peopleCount, exceeded }) => ({
        actor,
        runId,
        event: 'removals_quarantined',
        ...(scope === 'overall' ? {} : { teamId: scope }),
        details: { quarantineId, peopleCount, exceeded },
      }));
    await recordAudit(transaction, entries, clock.now());
    for (const entry of entries)
      log.error('removals_quarantined', { runId, teamId: entry.teamId, ...entry.details });
    return added;
  });
}

function logFailures(outcomes: ReadonlyMap<Action, Outcome>, log: Log): void {
  for (const [action, outcome] of outcomes) {
    if (outcome.status === 'failed') {
      const { code, message, retryable, details } = outcome.error;
      log.error('action_failed', { kind: action.kind, code, message, retryable, ...details });
    }
  }
}

async function recordFailure(database: Database, runId: RunId, error: unknown, log: Log): Promise<void> {
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

function codeOf(error: unknown): string {
  return isControlError(error) ? error.code : 'UNEXPECTED';
}
