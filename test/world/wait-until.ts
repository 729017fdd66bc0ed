// Waits for something outside to become true, by asking again, with a limit.

import { type Clock, systemClock } from '../../lib/clock.ts';

export type WaitOptions = {
  readonly what: string;
  readonly limitMs: number;
  readonly everyMs?: number;
  readonly clock?: Clock;
  /** Called when the limit is reached, for the words that help: a log's tail, a command. */
  readonly explain?: () => string;
};

/** Resolves with the first value of `ask` that is neither undefined nor false. `ask` may throw to give up at once. */
export async function waitUntil<T>(
  ask: () => Promise<T | undefined | false>,
  options: WaitOptions,
): Promise<T> {
  const clock = options.clock ?? systemClock;
  const startedAt = clock.now().getTime();
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (clock.now().getTime() - startedAt >= options.limitMs) {
      throw new Error(
        `${options.what}: not within ${options.limitMs / 1000} s. ${options.explain?.() ?? ''}`,
      );
    }
    await clock.sleep(options.everyMs ?? 100);
  }
}
