// Plans once for a large company and says what it took. Peak memory belongs to a process, so this wants one of its own.

import { readFileSync, writeFileSync } from 'node:fs';
import { NO_DECISIONS } from '../../lib/sync/decisions.ts';
import { decideDesired } from '../../lib/sync/desired.ts';
import { decideAllowed } from '../../lib/sync/guard.ts';
import { planChanges } from '../../lib/sync/plan.ts';
import { buildPlanCompany } from './plan-company.ts';

export type PlanMeasure = {
  readonly planMs: number;
  readonly guardMs: number;
  /** The most the process ever held, the making of its input included. */
  readonly peakBytes: number;
  /** The most it held while it planned; as peakBytes where the system cannot tell. */
  readonly planPeakBytes: number;
  /** Held by the input alone, garbage collected. */
  readonly inputBytes: number;
  /** On the heap after planning, garbage collected: input, plan and verdict. */
  readonly heapBytes: number;
  readonly actionCount: number;
  readonly removalCount: number;
  readonly allowedCount: number;
  readonly digest: string;
};

/** Wants --expose-gc, or what is held after a collection cannot be told. */
export function measurePlan(members: number, groups: number): PlanMeasure {
  const { policy, reads, current } = buildPlanCompany(members, groups);
  const desired = decideDesired(policy, reads);
  globalThis.gc?.();
  const inputBytes = process.memoryUsage.rss();
  const peakBytesBefore = readPeakBytes();
  resetPeak();

  const startedAtMs = performance.now();
  const plan = planChanges(desired, current);
  const plannedAtMs = performance.now();
  const verdict = decideAllowed(plan, policy, { recent: [], decisions: NO_DECISIONS });
  const judgedAtMs = performance.now();

  const planPeakBytes = readPeakBytes();
  globalThis.gc?.();
  return {
    planMs: plannedAtMs - startedAtMs,
    guardMs: judgedAtMs - plannedAtMs,
    peakBytes: Math.max(peakBytesBefore, planPeakBytes),
    planPeakBytes,
    inputBytes,
    heapBytes: process.memoryUsage().heapUsed,
    actionCount: plan.actions.length,
    removalCount: plan.actions.filter((action) => action.kind === 'remove_member').length,
    allowedCount: verdict.allowed.length,
    digest: plan.digest,
  };
}

/** On Linux the high-water mark that resetPeak can lower; elsewhere the one of the whole life. */
function readPeakBytes(): number {
  try {
    const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
    if (kilobytes !== undefined) return Number(kilobytes) * 1024;
  } catch {
    // Not Linux.
  }
  return process.resourceUsage().maxRSS * 1024;
}

function resetPeak(): void {
  try {
    writeFileSync('/proc/self/clear_refs', '5'); // proc(5): resets the high-water mark
  } catch {
    // Not Linux, or not allowed: the mark of the whole life stands.
  }
}
