// Posts a card to the flow of a Teams channel. 202 says that the flow took it, not that anybody saw it.
// https://learn.microsoft.com/connectors/teams/#microsoft-teams-webhook

import type { Secret } from '../secret.ts';
import type { AdaptiveCard } from './held-card.ts';

const TIMEOUT_MS = 10_000;

export type PostOutcome =
  | { readonly status: 'taken' }
  /** `reason` names no part of the address: whoever has that can post. */
  | { readonly status: 'failed'; readonly reason: string };

export type PostCard = (card: AdaptiveCard, signal: AbortSignal) => Promise<PostOutcome>;

export function createTeamsChannel(url: Secret): PostCard {
  return async (card, signal) => {
    const content = {
      contentType: 'application/vnd.microsoft.card.adaptive',
      contentUrl: null,
      content: card,
    };
    try {
      const answer = await fetch(url.reveal(), {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ type: 'message', attachments: [content] }),
        redirect: 'error',
        signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
      });
      await answer.body?.cancel();
      return answer.ok ? { status: 'taken' } : { status: 'failed', reason: `HTTP ${answer.status}` };
    } catch (error) {
      signal.throwIfAborted();
      return { status: 'failed', reason: error instanceof Error ? error.name : 'unknown' };
    }
  };
}
