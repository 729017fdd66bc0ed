// Microsoft's notifications: whether the webhook answers its handshake, and what became of the subscriptions.

import { randomUUID } from 'node:crypto';
import { parseSettings, WEBHOOK_SETTINGS } from '../../config.ts';
import type { Database } from '../../store/database.ts';
import { findSubscriptionCheck, listSubscriptions } from '../../store/subscriptions.ts';
import { describeSubscriptions } from '../../sync/subscription-text.ts';
import { webAddressOf } from '../../web-address.ts';
import type { CliEnvironment } from '../environment.ts';
import { type Check, type Finding, failed, well } from './check.ts';

const HANDSHAKE_TIMEOUT_MS = 10_000; // as long as Microsoft waits

export function notificationChecks(
  { variables, clock }: Pick<CliEnvironment, 'variables' | 'clock'>,
  database: () => Database,
): readonly Check[] {
  return [
    {
      id: 'webhook-handshake',
      what: 'control/webhook answers Microsoft’s handshake',
      why: 'Microsoft subscribes only who answers; without it leavers are found by the schedule, minutes instead of seconds later.',
      needs: ['settings-webhook'],
      run: () => {
        const settings = parseSettings(WEBHOOK_SETTINGS, variables);
        return checkHandshake(webAddressOf(settings, 'control/webhook'));
      },
    },
    {
      id: 'subscriptions',
      what: 'Microsoft notifies us of joins and leaves',
      why: 'without it leavers are found by the schedule, minutes instead of seconds later.',
      needs: ['store-level'],
      run: async () => {
        const [rows, check] = await Promise.all([
          listSubscriptions(database()),
          findSubscriptionCheck(database()),
        ]);
        const { lines, isWell } = describeSubscriptions({ rows, check, now: clock.now() });
        return isWell ? well() : failed(lines.join('\n'));
      },
    },
  ];
}

async function checkHandshake(url: string): Promise<Finding> {
  const token = `doctor ${randomUUID()}`;
  const answer = await fetch(`${url}?${new URLSearchParams({ validationToken: token })}`, {
    method: 'POST',
    signal: AbortSignal.timeout(HANDSHAKE_TIMEOUT_MS),
  }).then(
    async (response) => ({ said: `It answered ${response.status}`, text: await response.text() }),
    () => ({ said: 'There was no answer', text: '' }),
  );
  if (answer.text === token) return well();
  return failed(`${answer.said}.`, 'deploy control/webhook, and check DO_API_HOST and DO_NAMESPACE.');
}
