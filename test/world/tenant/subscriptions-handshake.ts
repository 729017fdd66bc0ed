// The question whether an address wants its notifications, asked before a subscription is made.
// https://learn.microsoft.com/graph/change-notifications-delivery-webhooks#notificationurl-validation

import { randomUUID } from 'node:crypto';
import type { Post } from './delivery-post.ts';

const TIMEOUT_MS = 10_000;

/** Whether `url` answers within ten seconds with 200, text/plain and the decoded token. The token holds every
 *  character that a wrong decoding changes, and markup that must not be escaped. */
export async function isValidated(url: string, post: Post, signal: AbortSignal): Promise<boolean> {
  const token = `Validation: reachability + 100% a=b/c&d <b>${randomUUID()}</b> é`;
  const outcome = await post({
    url: `${url}${url.includes('?') ? '&' : '?'}validationToken=${encodeURIComponent(token)}`,
    contentType: 'text/plain; charset=utf-8',
    body: '',
    timeoutMs: TIMEOUT_MS,
    signal,
  });
  if (outcome.kind === 'unanswered' || outcome.status !== 200) return false;
  return /^text\/plain\b/i.test(outcome.contentType) && outcome.body === token;
}
