// Tells Teams what it has not been told. At least once: who is killed between the post and the note of it posts again.

import type { Log } from '../log.ts';
import { claimAlerts, type HeldFacts, markAlertDelivered, markAlertFailed } from '../store/alerts.ts';
import type { Database } from '../store/database.ts';
import { renderHeldCard } from './held-card.ts';
import type { PostCard } from './teams.ts';

const ALERTS_A_RUN = 10;
const RETRY_AFTER_MS = 4 * 60 * 1000;

export type DeliverParts = {
  readonly database: Database;
  readonly log: Log;
  /** Undefined where nobody is to be told: alerts then wait until a channel is set. */
  readonly post: PostCard | undefined;
  /** The address of the page that decides, signed for as long as the card is new. */
  readonly linkTo: (facts: HeldFacts) => Promise<string | undefined>;
};

/** Failures are logged and tried again by a later run. @throws the signal's reason, STORE_… */
export async function deliverAlerts(
  { database, log, post, linkTo }: DeliverParts,
  signal: AbortSignal,
): Promise<void> {
  if (post === undefined) return;
  for (const { alertId, kind, facts, attempts } of await claimAlerts(
    database,
    ALERTS_A_RUN,
    RETRY_AFTER_MS,
  )) {
    const outcome = await post(renderHeldCard(facts, await linkTo(facts)), signal);
    if (outcome.status === 'taken') await markAlertDelivered(database, alertId);
    else {
      await markAlertFailed(database, alertId, outcome.reason);
      log.warn('alert_not_delivered', { alertId, kind, attempts, reason: outcome.reason });
    }
  }
}
