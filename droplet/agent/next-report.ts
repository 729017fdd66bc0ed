// When the next report is due. Nothing is kept for it: a report is made when it is sent, so a control plane that was away
// for a week gets one report when it is back, the newest. Pure.

export type LastReport = {
  readonly intervalMs: number;
  /** Reports in a row that were not taken, 0 after one that was. */
  readonly failureCount: number;
  /** As the last answer asked; undefined when it asked for nothing. */
  readonly retryAfterSeconds?: number | undefined;
  /** From 0 to 1, so that many droplets do not come back at once. */
  readonly random: number;
};

/** A quarter of the interval at first; then twice as long each time, up to five intervals. */
const MOST_INTERVALS = 5;
/** No answer may silence the droplet for longer. */
const MOST_RETRY_AFTER_INTERVALS = 10;

/** Milliseconds until the next report. */
export function decideNextReport({
  intervalMs,
  failureCount,
  retryAfterSeconds = 0,
  random,
}: LastReport): number {
  if (failureCount === 0) return intervalMs * (0.95 + 0.1 * random);
  const doublings = Math.min(failureCount - 1, 16);
  const backoffMs = Math.min(MOST_INTERVALS * intervalMs, (intervalMs / 4) * 2 ** doublings);
  const askedMs = Math.min(MOST_RETRY_AFTER_INTERVALS * intervalMs, retryAfterSeconds * 1000);
  return Math.max(backoffMs, askedMs) * (0.75 + 0.5 * random);
}
