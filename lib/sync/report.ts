// What a run tells: counts, digests and reasons, never lists of people. Pure.

import type { RunId } from '../ids.ts';
import type { Action, ActionKind } from './actions.ts';
import type { Outcome } from './apply.ts';
import type { DriftItem } from './drift.ts';
import type { RefusalReason, Verdict } from './guard.ts';
import type { Plan } from './plan.ts';
import type { Notice } from './plan-context.ts';
import type { ExceededLimit } from './removal-limits.ts';

/** Whether Microsoft notifies us; `not-due` when it was well and this run had no reason to look. */
export type SubscriptionReport = {
  readonly state: 'active' | 'degraded' | 'not-due';
  readonly problem?: { readonly code: string; readonly message: string };
};

export type RunReport = {
  readonly runId: RunId;
  readonly trigger: string;
  /** succeeded: all that was allowed is done. partial: something failed, was left, or was not read. */
  readonly status: 'succeeded' | 'partial';
  readonly durationMs: number;
  readonly planDigest: string;
  /** How Entra was read: everything, what changed, nothing had changed, not at all, or (settled) nothing had
   *  changed anywhere since a plan that was empty. */
  readonly reading: 'full' | 'changed' | 'unchanged' | 'failed' | 'settled';
  /** Notifications that this run looked into. */
  readonly hintCount: number;
  readonly done: Partial<Record<ActionKind, number>>;
  readonly failed: Partial<Record<ActionKind, number>>;
  readonly left: Partial<Record<ActionKind, number>>;
  readonly refused: Partial<Record<RefusalReason, number>>;
  readonly quarantined: readonly {
    readonly quarantineId: string;
    readonly scope: string;
    readonly peopleCount: number;
    readonly exceeded: readonly ExceededLimit[];
    readonly isNew: boolean;
  }[];
  readonly incompleteGroups: readonly string[];
  /** Changes by hand: put right by this run, and left; `lcp drift` shows them. */
  readonly drift: { readonly fixed: number; readonly reported: number };
  /** How many of each; `lcp plan` shows them. */
  readonly notices: Partial<Record<Notice['code'], number>>;
  readonly subscriptions: SubscriptionReport;
};

export function reportOf(run: {
  runId: RunId;
  trigger: string;
  durationMs: number;
  plan: Plan;
  drift: readonly DriftItem[];
  verdict: Verdict;
  outcomes: ReadonlyMap<Action, Outcome>;
  newQuarantines: readonly string[];
  reading: RunReport['reading'];
  hintCount: number;
  subscriptions: SubscriptionReport;
}): RunReport {
  const count = (status: Outcome['status']) =>
    tally(
      [...run.outcomes].filter(([, outcome]) => outcome.status === status).map(([action]) => action.kind),
    );
  const failed = count('failed');
  const left = count('left');
  const refused = tally(run.verdict.refused.map((refusal) => refusal.reason));
  const incompleteGroups = run.plan.teams
    .filter((team) => team.read === 'incomplete')
    .map((team) => team.teamId);
  const isWhole =
    Object.keys(failed).length === 0 &&
    Object.keys(left).length === 0 &&
    incompleteGroups.length === 0 &&
    refused.not_confirmed === undefined;
  return {
    runId: run.runId,
    trigger: run.trigger,
    status: isWhole ? 'succeeded' : 'partial',
    durationMs: run.durationMs,
    planDigest: run.plan.digest,
    reading: run.reading,
    hintCount: run.hintCount,
    done: count('done'),
    failed,
    left,
    refused,
    quarantined: run.verdict.quarantined.map(({ quarantineId, scope, peopleCount, exceeded }) => ({
      quarantineId,
      scope,
      peopleCount,
      exceeded,
      isNew: run.newQuarantines.includes(quarantineId),
    })),
    incompleteGroups,
    drift: { fixed: 0, reported: 0, ...tally(run.drift.map((item) => item.handling)) },
    notices: tally(run.plan.notices.map((notice) => notice.code)),
    subscriptions: run.subscriptions,
  };
}

function tally<Key extends string>(keys: readonly Key[]): Partial<Record<Key, number>> {
  const counts: Partial<Record<Key, number>> = {};
  for (const key of keys) counts[key] = (counts[key] ?? 0) + 1;
  return counts;
}
