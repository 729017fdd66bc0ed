// What can go wrong with Microsoft Graph by a click, as rules for the tenant.

import type { FaultRule } from '../tenant/faults.ts';

/** Longer than any run has: the client then leaves the group for the next run instead of waiting. */
const LONG_RETRY_SECONDS = 3600;
const SLOW_MS = 2_000;

export const FAULT_MENU = {
  unavailable: {
    text: 'Graph answers 503',
    fault: { kind: 'status', status: 503, retryAfterSeconds: LONG_RETRY_SECONDS },
  },
  throttled: {
    text: 'Graph throttles (429)',
    fault: { kind: 'status', status: 429, retryAfterSeconds: LONG_RETRY_SECONDS },
  },
  slow: { text: 'Graph is slow', fault: { kind: 'slow', delayMs: SLOW_MS } },
  hidden: { text: 'Graph hides who the members are', fault: { kind: 'null-members' } },
} as const satisfies Record<string, { readonly text: string; readonly fault: FaultRule['fault'] }>;

export type FaultName = keyof typeof FAULT_MENU;

export const FAULT_NAMES = Object.keys(FAULT_MENU) as [FaultName, ...FaultName[]];

/** The rule for one fault, for one group or for all of them. */
export function faultRuleFor(name: FaultName, groupId: string | undefined): FaultRule {
  const { fault } = FAULT_MENU[name];
  if (groupId !== undefined) return { match: { groupId }, fault };
  // Each run asks for the groups that changed; a delay for every group read after that would add up.
  return { match: { path: fault.kind === 'slow' ? '/groups/delta' : '/groups/' }, fault };
}
