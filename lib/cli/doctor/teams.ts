// Whether Teams would take a card. Only `--send` posts one; without it the address is looked at and its host is asked
// for nothing but a connection: the whole URL is a key, and a request to it would run the flow.

import type { AdaptiveCard } from '../../alerts/held-card.ts';
import { createTeamsChannel } from '../../alerts/teams.ts';
import type { Clock } from '../../clock.ts';
import type { Secret } from '../../secret.ts';
import { type Check, type Finding, failed, notChecked, well } from './check.ts';
import { tryHandshake, tryPort } from './network.ts';

const PORT_LIMIT_MS = 5_000;
/** Office 365 connectors, whose addresses end so, were switched off in 2026:
 *  https://devblogs.microsoft.com/microsoft365dev/retirement-of-office-365-connectors-within-microsoft-teams/ */
const RETIRED = /(^|\.)(webhook\.office\.com|outlook\.office(365)?\.com)$/;

export function teamsChecks(
  readUrl: () => Secret | undefined,
  clock: Clock,
  { isSending }: { readonly isSending: boolean },
): readonly Check[] {
  return [
    {
      id: 'teams',
      what: isSending ? 'Teams takes a test card' : 'The host of TEAMS_WEBHOOK_URL answers',
      why: 'held removals and alerts are announced there; unseen, they wait until somebody runs `lcp status`.',
      needs: ['settings-lcp'],
      run: async (signal) => {
        const url = readUrl();
        if (url === undefined) return notChecked('TEAMS_WEBHOOK_URL is none: nobody is told');
        const { hostname, port, protocol } = new URL(url.reveal());
        if (RETIRED.test(hostname)) {
          return failed(
            `${hostname} belongs to the Office 365 connectors, which Microsoft has switched off.`,
            'in the channel choose Workflows, “when a webhook request is received”, and put the URL that it shows into TEAMS_WEBHOOK_URL.',
          );
        }
        if (isSending) return send(url, clock, signal);
        return tryHost(hostname, port, protocol === 'https:', signal);
      },
    },
  ];
}

async function send(url: Secret, clock: Clock, signal: AbortSignal): Promise<Finding> {
  const sentAt = clock.now().toISOString().slice(0, 16).replace('T', ' ');
  const outcome = await createTeamsChannel(url)(renderTestCard(sentAt), signal);
  if (outcome.status === 'taken') {
    return well(`sent ${sentAt} UTC; that it was taken proves nothing: look into the channel`);
  }
  return failed(
    `The flow did not take it (${outcome.reason}).`,
    'open the flow in Power Automate: is it on, does its owner still work here, and is TEAMS_WEBHOOK_URL the URL that it shows?',
  );
}

function renderTestCard(sentAt: string): AdaptiveCard {
  const text = (value: string, more = {}) => ({ type: 'TextBlock', wrap: true, text: value, ...more });
  return {
    type: 'AdaptiveCard',
    $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
    version: '1.5',
    body: [
      text('Test card: nothing has happened', { size: 'Medium', weight: 'Bolder' }),
      text(`Sent by lcp doctor at ${sentAt} UTC. Held removals and alerts of LiteLLM will arrive here.`),
    ],
  };
}

async function tryHost(host: string, port: string, isTls: boolean, signal: AbortSignal): Promise<Finding> {
  const at = Number(port || (isTls ? 443 : 80));
  const next =
    'compare TEAMS_WEBHOOK_URL with what the flow shows in Power Automate; `lcp doctor --send` posts a test card.';
  if (!isTls) {
    const state = await tryPort({ address: host, port: at }, PORT_LIMIT_MS);
    return state === 'open' ? well() : failed(`${host} does not answer on port ${at}.`, next);
  }
  const seen = await tryHandshake({ host, port: at, servername: host, signal });
  if (seen.status === 'refused') return failed(`${host} does not answer (${seen.code}).`, next);
  if (seen.distrust !== null) return failed(`${host} is not who it says (${seen.distrust}).`, next);
  return well('it takes no card to know that; `lcp doctor --send` posts one');
}
