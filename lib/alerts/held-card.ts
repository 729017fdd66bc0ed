// The Teams card for removals that wait for a person: what, how many, why, since when, and one link. Pure.
// Adaptive Cards 1.5: https://adaptivecards.io/explorer; Teams supports up to 1.5 in Workflows.

import { describeReasons } from '../approvals/quarantine-text.ts';
import type { HeldFacts } from '../store/alerts.ts';

export type AdaptiveCard = { readonly type: 'AdaptiveCard'; readonly [member: string]: unknown };

/** `url` opens the page that decides; without a portal there is none, and the card names the command. */
export function renderHeldCard(facts: HeldFacts, url: string | undefined): AdaptiveCard {
  const { team, peopleCount, reasons, causes, waitingSince, isReminder, quarantineId } = facts;
  const where = team === null ? 'all teams together' : `team ${plain(team)}`;
  const people = peopleCount === 1 ? '1 removal' : `${peopleCount} removals`;
  const fact = (title: string, value: string) => ({ title, value });
  return {
    type: 'AdaptiveCard',
    $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
    version: '1.5',
    body: [
      {
        type: 'TextBlock',
        size: 'Medium',
        weight: 'Bolder',
        color: 'Warning',
        wrap: true,
        text: isReminder ? `Still waiting for you: ${people} held` : `${people} held until somebody decides`,
      },
      {
        type: 'TextBlock',
        wrap: true,
        text: `More people than policy.yml lets go at once would lose access to ${where}. Nobody has lost anything. If the group was changed by mistake, repair it in Entra or reject; if these people really left, approve.`,
      },
      {
        type: 'FactSet',
        facts: [
          fact('Where', where),
          fact('Why held', describeReasons(reasons)),
          fact('Cause', causes.map(({ cause, count }) => `${plain(cause)} (${count})`).join(', ')),
          fact('Waiting since', `${waitingSince.slice(0, 16).replace('T', ' ')} UTC`),
          fact('Id', quarantineId.slice(0, 12)),
        ],
      },
      ...(url === undefined
        ? [
            {
              type: 'TextBlock',
              wrap: true,
              text: `Decide with: lcp quarantine show ${quarantineId.slice(0, 12)}`,
            },
          ]
        : []),
    ],
    ...(url === undefined
      ? {}
      : { actions: [{ type: 'Action.OpenUrl', title: 'See who, and decide', url }] }),
  };
}

/** Teams reads Markdown in a text; a name of a team is no markup, no link, and has an end. */
function plain(text: string): string {
  const kept = text.replace(/[\p{Cc}\p{Cf}]/gu, ' ').replace(/[[\]()*_~`#<>|\\!]/g, '');
  return kept.length <= 80 ? kept : `${kept.slice(0, 79)}…`;
}
