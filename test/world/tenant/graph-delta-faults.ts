// What faults make of a delta: refusals in place of an answer, and oddities that strike one request as quirks strike
// all of them. https://learn.microsoft.com/graph/delta-query-overview

import type { Fault } from './faults.ts';
import type { DeltaQuirks } from './graph-delta.ts';
import { graphError, type Reply } from './reply.ts';

const QUIET: DeltaQuirks = { hasEmptyPages: false, isReplaying: false, lagCount: 0, staleCount: 0 };

/** `quirks`, with what the faults add to them. */
export function addFaults(quirks: DeltaQuirks | undefined, faults: readonly Fault[]): DeltaQuirks {
  const has = (kind: Fault['kind']) => faults.some((fault) => fault.kind === kind);
  const base = quirks ?? QUIET;
  const lag = faults.find((fault) => fault.kind === 'delta-lag');
  return {
    ...base,
    hasEmptyPages: base.hasEmptyPages || has('delta-empty-page'),
    isReplaying: base.isReplaying || has('delta-replay'),
    lagCount: lag?.changeCount ?? base.lagCount,
  };
}

/** The refusal that the faults ask for, if any does. `startAddress` is where a client starts anew. */
export function findRefusal(faults: readonly Fault[], startAddress: string): Reply | undefined {
  if (faults.some((fault) => fault.kind === 'delta-gone')) return resyncRequired(startAddress);
  return faults.some((fault) => fault.kind === 'delta-token-expired') ? syncStateNotFound() : undefined;
}

/** https://learn.microsoft.com/graph/delta-query-overview#token-duration */
export function syncStateNotFound(): Reply {
  const message = 'The sync state generation is not found; a full sync is required.';
  return graphError(400, 'syncStateNotFound', message);
}

/** https://learn.microsoft.com/graph/delta-query-overview#synchronization-reset */
function resyncRequired(startAddress: string): Reply {
  const message = 'Resync required: all state has to be read again.';
  return graphError(410, 'resyncRequired', message, { Location: startAddress });
}
