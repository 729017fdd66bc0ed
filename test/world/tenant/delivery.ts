// How posts reach the subscriber: tried at once, then again with growing pauses until a 2xx or the end of four hours;
// each on its own, so that a later one may well arrive first.
// https://learn.microsoft.com/graph/change-notifications-delivery-webhooks#http-codes-and-retry-logic

import type { Clock } from '../../../lib/clock.ts';
import { createDeliveryFaults, type Struck } from './delivery-faults.ts';
import type { Notification } from './delivery-notification.ts';
import { createPaces, type PaceRules } from './delivery-pace.ts';
import type { Post } from './delivery-post.ts';

export type DeliveryRules = PaceRules & {
  /** How long the first try waits for an answer, and how long the others do. */
  readonly firstTimeoutMs: number;
  readonly retryTimeoutMs: number;
  /** Before the second try; each pause is twice the last. */
  readonly retryBaseMs: number;
  readonly retryForMs: number;
  /** How long new posts to a slow address wait. */
  readonly slowDelayMs: number;
};

export type DeliveryAttempt = {
  readonly url: string;
  /** From 1. */
  readonly attempt: number;
  /** null when no answer came. */
  readonly status: number | null;
  readonly durationMs: number;
  /** What was posted, without its clientState. */
  readonly value: readonly Notification[];
};

export type Deliveries = ReturnType<typeof createDeliveries>;

type Parcel = { readonly url: string; readonly value: readonly Notification[] };

/** The vendor's numbers. The page gives no pause before the first retry; a second is this tenant's choice. */
export const DELIVERY_RULES: DeliveryRules = {
  firstTimeoutMs: 3_000,
  retryTimeoutMs: 10_000,
  retryBaseMs: 1_000,
  retryForMs: 4 * 3_600_000,
  slowDelayMs: 600_000,
  windowMs: 600_000,
  minimumAnswerCount: 10,
};

/** A way to the subscriber with nothing on it yet. */
export function createDeliveries(clock: Clock, post: Post, rules: DeliveryRules = DELIVERY_RULES) {
  const ending = new AbortController();
  const paces = createPaces(clock, rules);
  const attempts: DeliveryAttempt[] = [];
  const pending = new Set<Promise<void>>();
  const held: { readonly parcel: Parcel; readonly struck: Struck }[] = [];
  const nowMs = () => clock.now().getTime();

  function releaseHeld(): void {
    for (const { parcel, struck } of held.splice(0)) start(parcel, struck);
  }

  const faults = createDeliveryFaults(releaseHeld);

  function send(parcel: Parcel): void {
    const struck = faults.strike();
    if (struck.isLost || ending.signal.aborted) return;
    if (struck.isHeld) held.push({ parcel, struck });
    else start(parcel, struck);
  }

  function start(parcel: Parcel, { copyCount, delayMs }: Struck): void {
    // Judged when it is new: what waits already is neither delayed again nor dropped.
    const pace = paces.judge(parcel.url);
    if (pace === 'drop') return;
    const waitMs = delayMs + (pace === 'slow' ? rules.slowDelayMs : 0);
    for (let copy = 0; copy < copyCount; copy += 1) track(deliver(parcel, waitMs));
  }

  async function deliver(parcel: Parcel, waitMs: number): Promise<void> {
    if (waitMs > 0) await clock.sleep(waitMs, ending.signal);
    const startedAtMs = nowMs();
    let pauseMs = rules.retryBaseMs;
    for (let attempt = 1; !(await isTaken(parcel, attempt)); attempt += 1, pauseMs *= 2) {
      if (nowMs() + pauseMs - startedAtMs > rules.retryForMs) return;
      await clock.sleep(pauseMs, ending.signal);
    }
  }

  async function isTaken({ url, value }: Parcel, attempt: number): Promise<boolean> {
    ending.signal.throwIfAborted();
    const timeoutMs = attempt === 1 ? rules.firstTimeoutMs : rules.retryTimeoutMs;
    const startedAtMs = nowMs();
    const outcome = await post({
      url,
      contentType: 'application/json; charset=utf-8',
      body: JSON.stringify({ value }),
      timeoutMs,
      signal: ending.signal,
    });
    ending.signal.throwIfAborted();
    const durationMs = nowMs() - startedAtMs;
    const status = outcome.kind === 'answered' ? outcome.status : null;
    // A refused connection is no answer, and none that is late.
    if (status !== null || durationMs >= timeoutMs) paces.record(url, durationMs);
    attempts.push({ url, attempt, status, durationMs, value: value.map(withoutSecret) });
    releaseHeld();
    return status !== null && status >= 200 && status < 300;
  }

  /** Work that `settled` waits for and the end of the tenant cuts off. */
  function track(work: Promise<void>): void {
    const ended = work
      .catch((error: unknown) => {
        if (!ending.signal.aborted) throw error;
      })
      .finally(() => pending.delete(ended));
    pending.add(ended);
  }

  return {
    faults,
    send,
    track,
    /** Every try so far, in the order they ended. */
    list: (): readonly DeliveryAttempt[] => [...attempts],
    /** Resolves when nothing is on its way or waits for its next try. What a fault holds back does not count. */
    async settled(): Promise<void> {
      while (pending.size > 0) await Promise.all(pending);
    },
    /** Aborted at the end of the tenant. */
    signal: ending.signal,
    /** Gives up everything on its way and resolves when nothing runs any more. */
    async close(): Promise<void> {
      ending.abort(new Error('The tenant was closed.'));
      held.length = 0;
      await Promise.all(pending);
    },
  };
}

function withoutSecret({ clientState: _, ...rest }: Notification): Notification {
  return rest;
}
