// How Microsoft treats an address that answers too late: new notifications wait, or are dropped for good.
// https://learn.microsoft.com/graph/change-notifications-delivery-webhooks#throttling

import type { Clock } from '../../../lib/clock.ts';

export type Pace = 'normal' | 'slow' | 'drop';

export type PaceRules = {
  /** Over which answers are judged. */
  readonly windowMs: number;
  /** Fewer answers than this say nothing; the page names no number, and one late answer of one is not 10 %. */
  readonly minimumAnswerCount: number;
};

const SLOW_MS = 3_000;
const SLOW_SHARE_PERCENT = 10;
const DROP_MS = 10_000;
const DROP_SHARE_PERCENT = 15;

/** The pace of each address, from its answers in the window that ends now. */
export function createPaces(clock: Clock, { windowMs, minimumAnswerCount }: PaceRules) {
  const answers = new Map<string, { readonly atMs: number; readonly durationMs: number }[]>();

  const recent = (url: string) => {
    const sinceMs = clock.now().getTime() - windowMs;
    const kept = (answers.get(url) ?? []).filter(({ atMs }) => atMs > sinceMs);
    answers.set(url, kept);
    return kept;
  };

  return {
    /** An answer, or the end of waiting for one. */
    record(url: string, durationMs: number): void {
      recent(url).push({ atMs: clock.now().getTime(), durationMs });
    },
    judge(url: string): Pace {
      const durations = recent(url).map(({ durationMs }) => durationMs);
      if (durations.length < minimumAnswerCount) return 'normal';
      const sharePercent = (limitMs: number) =>
        (100 * durations.filter((durationMs) => durationMs >= limitMs).length) / durations.length;
      if (sharePercent(DROP_MS) > DROP_SHARE_PERCENT) return 'drop';
      return sharePercent(SLOW_MS) > SLOW_SHARE_PERCENT ? 'slow' : 'normal';
    },
  };
}
