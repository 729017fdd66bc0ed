// Whether a failed call is tried again, and after how long. Pure.

export type RetryQuestion = {
  /** Attempts made so far, from 1. */
  readonly attemptCount: number;
  readonly isRepeatHarmless: boolean;
  /** What the server asked for. */
  readonly retryAfterMs: number | undefined;
  /** 0 up to 1. */
  readonly random: () => number;
};

const MAX_ATTEMPTS = 4;
const FIRST_WAIT_MS = 200;
const LONGEST_WAIT_MS = 5_000;
// A longer wait belongs to the next run: a function that sleeps is paid for and holds the lease.
const LONGEST_RETRY_AFTER_MS = 10_000;

/** The wait in milliseconds before the next attempt, or undefined to give up. */
export function planRetry(question: RetryQuestion): number | undefined {
  const { attemptCount, isRepeatHarmless, retryAfterMs, random } = question;
  if (!isRepeatHarmless || attemptCount >= MAX_ATTEMPTS) return undefined;
  if (retryAfterMs !== undefined) return retryAfterMs <= LONGEST_RETRY_AFTER_MS ? retryAfterMs : undefined;
  const longest = Math.min(FIRST_WAIT_MS * 2 ** (attemptCount - 1), LONGEST_WAIT_MS);
  // Half fixed, half spread: callers that failed together do not come back together.
  return Math.round(longest / 2 + (longest / 2) * random());
}
