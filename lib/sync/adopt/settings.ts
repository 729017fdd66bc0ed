// The settings of a team in the words of policy.yml, null for none. Pure.

import type { GatewayTeam } from '../../gateway/state.ts';

export function policySettingsOf({ memberLimits, ...team }: GatewayTeam) {
  return {
    models: [...new Set(team.models)].sort(),
    max_budget: team.maxBudgetUsd,
    budget_duration: team.budgetDuration,
    tpm_limit: team.tpmLimit,
    rpm_limit: team.rpmLimit,
    member_max_budget: memberLimits.maxBudgetUsd,
    member_budget_duration: memberLimits.budgetDuration,
    member_tpm_limit: memberLimits.tpmLimit,
    member_rpm_limit: memberLimits.rpmLimit,
  };
}
