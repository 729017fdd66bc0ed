// What a run writes before it applies anything, in one transaction: its plan, what the guard held and what a person's
// decision released, with the audit rows and the announcement that belong to them.

import type { Clock } from '../clock.ts';
import type { RunId } from '../ids.ts';
import type { Log } from '../log.ts';
import type { Policy } from '../policy/schema.ts';
import { insertAlerts } from '../store/alerts.ts';
import { upsertApplied } from '../store/applied-settings.ts';
import { recordAudit } from '../store/audit.ts';
import type { AuditEntry } from '../store/audit-chain.ts';
import type { Database } from '../store/database.ts';
import { coverRemovals, endDecisions } from '../store/decisions.ts';
import { updateSettled } from '../store/directory-state.ts';
import { type Lease, requireLease } from '../store/lease.ts';
import { claimAnnouncements, type QuarantineChanges, updateQuarantines } from '../store/quarantines.ts';
import { insertPlan } from '../store/runs.ts';
import { isRemoval } from './actions.ts';
import type { Verdict } from './guard.ts';
import { heldAlert } from './held-alert.ts';
import type { PlanReading } from './read-plan.ts';
import { type NewDrift, recordDrift } from './record-drift.ts';

type Parts = {
  readonly database: Database;
  readonly policy: Policy;
  readonly clock: Clock;
  readonly log: Log;
};
type Judged = Pick<PlanReading, 'plan' | 'verdict' | 'newlyApplied' | 'drift'> & {
  readonly newDrift: readonly NewDrift[];
};
type Run = { readonly runId: RunId; readonly actor: string };

/** Returns the quarantines that are new. */
export async function recordVerdict(
  { database, policy, clock, log }: Parts,
  lease: Lease,
  { runId, actor }: Run,
  { plan, verdict, newlyApplied, drift, newDrift }: Judged,
): Promise<readonly string[]> {
  return database.transaction(async (transaction) => {
    await requireLease(transaction, lease);
    await insertPlan(transaction, plan.digest, plan);
    if (plan.actions.length > 0) await updateSettled(transaction, null);
    const run = { runId, planDigest: plan.digest };
    const changes = await updateQuarantines(transaction, run, verdict.quarantined, verdict.approved);
    await coverRemovals(
      transaction,
      verdict.approved.map((quarantine) => quarantine.quarantineId),
      'approved',
    );
    const unread = plan.teams.filter((team) => team.read === 'incomplete').map((team) => team.teamId);
    const applied = await endDecisions(transaction, plan.actions.filter(isRemoval), unread);

    await upsertApplied(transaction, newlyApplied);
    const drifted = await recordDrift(transaction, drift, newDrift);
    const entries = [...entriesOf(verdict, changes, applied), ...drifted].map((entry) => ({
      ...entry,
      actor,
      runId,
    }));
    await recordAudit(transaction, entries, clock.now());
    const aliases = new Map<string, string>(plan.teams.map((team) => [team.teamId, team.alias]));
    const announcements = await claimAnnouncements(transaction, policy.quarantine.raise_again_hours);
    await insertAlerts(
      transaction,
      announcements.map((held) => heldAlert(held, aliases, clock.now())),
    );
    for (const { event, teamId, details } of entries)
      if (event === 'removals_quarantined') log.error(event, { runId, teamId, ...details });
      else log.info(event, { runId, teamId, ...details });
    return changes.opened;
  });
}

type Entry = Omit<AuditEntry, 'actor' | 'runId'>;

function entriesOf(verdict: Verdict, changes: QuarantineChanges, applied: readonly string[]): Entry[] {
  const opened = verdict.quarantined
    .filter(({ quarantineId }) => changes.opened.includes(quarantineId))
    .map(
      ({ quarantineId, scope, peopleCount, exceeded }): Entry => ({
        event: 'removals_quarantined',
        ...(scope === 'overall' ? {} : { teamId: scope }),
        details: { quarantineId, peopleCount, exceeded },
      }),
    );
  const released = verdict.approved.map(
    ({ quarantineId, scope, peopleCount }): Entry => ({
      event: 'removals_released',
      ...(scope === 'overall' ? {} : { teamId: scope }),
      cause: 'approved by a person',
      details: { quarantineId, peopleCount },
    }),
  );
  const lapsed = changes.lapsed.map(
    ({ quarantineId, wasApproved }): Entry => ({
      event: wasApproved ? 'approval_void' : 'quarantine_lapsed',
      cause: 'other removals are planned than were held',
      details: { quarantineId },
    }),
  );
  const done = applied.map(
    (quarantineId): Entry => ({ event: 'approval_applied', details: { quarantineId } }),
  );
  return [...lapsed, ...opened, ...released, ...done];
}
