// The policy of the benches: every named group is a team of plain members, and no limit of the guard is reached, so
// that what is measured is the whole work.

import { type Policy, parsePolicy } from '../../lib/policy/schema.ts';

const UNREACHED = {
  always_allow: 0,
  run: { max_count: 1_000_000, max_percent: 100 },
  day: { max_count: 1_000_000, max_percent: 100 },
};

/** A team for each group id, with two models and a monthly budget. */
export function benchPolicy(groupIds: readonly string[]): Policy {
  return parsePolicy(policyValue(groupIds));
}

/** The same before it is checked: it can be sent to another process. */
export function policyValue(groupIds: readonly string[]) {
  return {
    version: 1,
    groups: groupIds.map((groupId) => ({
      entra_group: groupId,
      team: `Team ${Number.parseInt(groupId.slice(-12), 16)}`,
      models: ['gpt-4', 'mistral-local'],
      max_budget: 100,
      budget_duration: '30d',
    })),
    guard: { per_group: UNREACHED, overall: UNREACHED },
    offboarding: { grace_days: 30 },
  };
}
