// The proposal as the file that an Admin reviews. Pure.

import { stringify } from 'yaml';
import type { AdoptionSteps } from './check.ts';
import type { Proposal } from './propose.ts';

const HEAD = `# What \`lcp adopt\` would take over of this LiteLLM. Review it, then:
#   1. put the entries under \`policy\` at the end of this file into policy.yml
#   2. lcp adopt apply <this file> --dry-run, then without --dry-run
#   3. lcp plan must not change what was taken over; then deploy
# Remove an entry to leave it as it is. Write a pair of ids that no name or mail address tells: it is checked all the same.
# Nothing is switched off, and no key gets a new value. docs/adopt.md says what follows.
# This file holds mail addresses: keep it private, and delete it afterwards.
`;

const SECTIONS = {
  teams: 'Teams by the name of an Entra group. From then on joiners become members and leavers lose access.',
  users: 'People by mail address or sign-in. Mail address and name then follow Entra.',
  keys: 'Each person’s own key in a team: it is blocked when they leave, and works again when they come back.',
  left_alone: 'Not taken over, and why; stays exactly as it is. For you to read.',
  policy: 'For policy.yml: exactly the settings that the teams have.',
} as const;

export function renderProposal(proposal: Proposal): string {
  const { version, teams, users, keys, left_alone, policyGroups } = proposal;
  const sections = { teams, users, keys, left_alone, policy: { groups: policyGroups } };
  const parts = (Object.keys(SECTIONS) as (keyof typeof SECTIONS)[]).map(
    (name) => `# ${SECTIONS[name]}\n${stringify({ [name]: sections[name] }, { lineWidth: 0 })}`,
  );
  return [HEAD + stringify({ version }), ...parts].join('\n');
}

/** Counts of a proposal or of what was done. */
export function renderCounts(counts: Pick<AdoptionSteps, 'teams' | 'users' | 'keys'> | Proposal): string {
  return `${counts.teams.length} teams, ${counts.users.length} people, ${counts.keys.length} keys`;
}

/** What applying would do, a line each. */
export function renderSteps({ users, keys, teams, doneCount }: AdoptionSteps): string {
  const lines = [
    ...users.map(({ entraId, row, follow }) => {
      const changes =
        follow === undefined ? 'row stays as it is' : ['marked', ...Object.keys(follow)].join(', ');
      return `person ${entraId} is user ${row.userId}: ${changes}`;
    }),
    ...keys.map(
      ({ key_hash, user, team }) => `key ${key_hash.slice(0, 8)} becomes the key of ${user} in ${team}`,
    ),
    ...teams.map(
      ({ groupId, row, members }) =>
        `group ${groupId} is team ${row.alias ?? ''} (${row.teamId}): marked, ${members.length} members are ours`,
    ),
    ...(doneCount > 0 ? [`${doneCount} entries were taken over before`] : []),
  ];
  return lines.map((line) => `  ${line}\n`).join('');
}
