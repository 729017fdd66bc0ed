// One reconcile run: lease, serve who was hinted, read, plan, guard, confirm, apply, record. The same code for the
// schedule, the webhook and the CLI. A run that is killed anywhere leaves records from which the next one goes on.

import { isControlError } from '../errors.ts';
import type { RunId } from '../ids.ts';
import type { Log } from '../log.ts';
import type { Database } from '../store/database.ts';
import { claimHints, type Hint } from '../store/hints.ts';
import type { Lease } from '../store/lease.ts';
import { insertRun, updateRunEnd } from '../store/runs.ts';
import { requireSchema } from '../store/schema.ts';
import type { Action } from './actions.ts';
import { applyPlan, type Outcome } from './apply.ts';
import type { ApplyContext, MintKey } from './apply-context.ts';
import { contradictedTeams } from './confirm.ts';
import type { ApplyGateway } from './gateway-port.ts';
import { targetsOf } from './hinted.ts';
import { createJournal } from './journal.ts';
import { type ReadDependencies, readPlan } from './read-plan.ts';
import { readNewDrift } from './record-drift.ts';
import { recordVerdict } from './record-verdict.ts';
import { type RunReport, reportOf, type SubscriptionReport } from './report.ts';
import { type HintedDependencies, readHintedRemovals } from './revoke-hinted.ts';
import { withLease } from './run-lease.ts';
import { codeOf, recordEnd, recordFailure } from './run-records.ts';

/** No new action is begun when less than this is left: the longest call to LiteLLM, and the closing records. */
const CLOSING_MS = 20_000;

export type ReconcileDependencies = ReadDependencies &
  HintedDependencies & {
    readonly database: Database;
    readonly gateway: ApplyGateway;
    readonly mintKey: MintKey;
    /** Sees to it that Microsoft notifies us; `reauthorize` names subscriptions a lifecycle notice was about. */
    readonly keepSubscriptions: (
      lease: Lease,
      reauthorize: readonly string[],
      run: RunRequest,
      signal: AbortSignal,
    ) => Promise<SubscriptionReport>;
    /** Tells Teams what it has not been told, as far as that goes. */
    readonly tellTeams: (signal: AbortSignal) => Promise<void>;
    readonly log: Log;
    readonly concurrency: number;
  };

export type RunRequest = {
  readonly runId: RunId;
  /** What started it: `schedule`, `webhook`, `manual`, `cli`. */
  readonly trigger: string;
  /** Who acts, for the audit: `control/sync`, `cli:<login>`. */
  readonly actor: string;
  /** When the platform ends this run, by our clock. */
  readonly deadlineAt: Date;
  readonly signal: AbortSignal;
};

export type RunResult = {
  readonly report: RunReport;
  /** Hints that it claimed and could not serve; they stay for a later run. */
  readonly unserved: readonly Hint[];
  /** Microsoft told of a change that Graph did not show yet. */
  readonly isLagging: boolean;
};

/** Carries out one run and reports it. Running it again right after changes nothing.
 *  @throws ControlError LEASE_HELD, LEASE_LOST, STORE_…, GATEWAY_… when the run could not be made at all. */
export async function reconcile(
  dependencies: ReconcileDependencies,
  request: RunRequest,
): Promise<RunResult> {
  const log = dependencies.log.with({ runId: request.runId });
  await findStore(dependencies.database);
  return withLease({ ...dependencies, log }, request.runId, request.signal, async (lease, signal) => {
    try {
      return await carryOut({ ...dependencies, log }, request, lease, signal);
    } catch (error) {
      await recordFailure(dependencies.database, request.runId, error, log);
      throw error;
    }
  });
}

async function carryOut(
  dependencies: ReconcileDependencies,
  request: RunRequest,
  lease: Lease,
  signal: AbortSignal,
): Promise<RunResult> {
  const { database, clock, log, gateway } = dependencies;
  const { runId, trigger, actor } = request;
  const startedAt = clock.now();
  const [hints] = await Promise.all([
    claimHints(database),
    database.transaction((transaction) => insertRun(transaction, lease, runId, trigger)),
  ]);
  const { groupIds, userIds, people, subscriptionIds } = targetsOf(hints);
  const context: ApplyContext = {
    gateway,
    journal: createJournal({ database, lease, runId, actor, clock }),
    mintKey: dependencies.mintKey,
    concurrency: dependencies.concurrency,
    signal,
    hasTime: () => request.deadlineAt.getTime() - clock.now().getTime() > CLOSING_MS,
  };

  const early = await readHintedRemovals(dependencies, people, signal);
  const earlyOutcomes = early ? await applyPlan(early.verdict.allowed, context) : [];

  const question = { kind: 'changes', hintedGroupIds: groupIds, hintedUserIds: userIds } as const;
  const reading = await readPlan(dependencies, question, signal);
  const { plan, verdict, directory, settled, isSettled } = reading;
  const newDrift = await readNewDrift(dependencies, reading.drift, signal);
  const newQuarantines = isSettled
    ? []
    : await recordVerdict(dependencies, lease, request, { ...reading, newDrift });
  const outcomes = new Map([...earlyOutcomes, ...(await applyPlan(verdict.allowed, context))]);
  logFailures(outcomes, log);
  const subscriptions = await dependencies.keepSubscriptions(lease, subscriptionIds, request, signal);

  const report = reportOf({
    runId,
    trigger,
    durationMs: clock.now().getTime() - startedAt.getTime(),
    plan,
    drift: reading.drift,
    verdict,
    outcomes,
    newQuarantines,
    reading: isSettled ? 'settled' : directory.kind,
    hintCount: hints.length,
    subscriptions,
  });
  if (signal.aborted) {
    await updateRunEnd(database, runId, { status: report.status, planDigest: plan.digest, summary: report });
    throw signal.reason;
  }
  const staleTeamIds = contradictedTeams(verdict);
  await recordEnd(database, lease, { report, directory, staleTeamIds, settled, hints });
  // What was done stays done, whatever becomes of the card; it is tried again by the next run.
  await dependencies.tellTeams(signal).catch((error: unknown) => {
    signal.throwIfAborted();
    log.warn('alerts_not_delivered', { code: codeOf(error) });
  });
  const { runId: _, ...told } = report;
  log.info('run_finished', told);
  return {
    report,
    unserved: directory.kind === 'failed' ? hints : [],
    isLagging: directory.isLagging || staleTeamIds.size > 0,
  };
}

/** A connection kept from an earlier invocation may be dead without knowing: the first question is asked twice. */
async function findStore(database: Database): Promise<void> {
  await requireSchema(database).catch((error: unknown) => {
    if (isControlError(error, 'STORE_UNAVAILABLE')) return requireSchema(database);
    throw error;
  });
}

function logFailures(outcomes: ReadonlyMap<Action, Outcome>, log: ReconcileDependencies['log']): void {
  for (const [action, outcome] of outcomes) {
    if (outcome.status === 'failed') {
      const { code, message, retryable, details } = outcome.error;
      log.error('action_failed', { kind: action.kind, code, message, retryable, ...details });
    }
  }
}
