// The proposal as an Admin reads it.

import { test } from 'vitest';
import { hashKey, parseEntraGroupId, parseEntraUserId } from '../../../lib/ids.ts';
import { checkPolicyGroup } from '../../../lib/policy/schema.ts';
import { parseAdoptionText } from '../../../lib/sync/adopt/file.ts';
import { renderProposal } from '../../../lib/sync/adopt/render.ts';
import { expectGolden } from '../../golden.ts';

const GROUP = parseEntraGroupId('00000000-0000-4000-8000-0000000000a1');
const ADA = parseEntraUserId('00000000-0000-4000-8000-0000000000b1');

test('a proposal reads as a file with reasons, and is what apply accepts', () => {
  const settings = { models: ['gpt-4'], max_budget: 100, budget_duration: '30d' };
  const checked = checkPolicyGroup({ entra_group: GROUP, team: 'Research', ...settings });
  if (!('group' in checked)) throw new Error('a policy entry');
  const text = renderProposal({
    version: 1,
    teams: [
      {
        entra_group: GROUP,
        team_id: '5b0c7a2e-hand-made',
        alias: 'Research',
        ...settings,
        tpm_limit: null,
        rpm_limit: null,
        member_max_budget: null,
        member_budget_duration: null,
        member_tpm_limit: null,
        member_rpm_limit: null,
      },
    ],
    users: [{ entra_user: ADA, user_id: 'ada', email: 'ada@example.com' }],
    keys: [{ key_hash: hashKey('sk-of-the-golden-file'), user: ADA, team: GROUP }],
    left_alone: [{ what: 'team Open (team-2)', why: 'no group in Entra has its name.' }],
    policyGroups: [checked.group],
  });

  expectGolden('adoption.yml', text);
  parseAdoptionText('adoption.yml', text);
});
