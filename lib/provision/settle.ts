// Two ways to be sure at an API that answers before it is done: to look for a write whose answer was lost, and to ask again
// until what was asked for is there.

import type { Clock } from '../clock.ts';
import { ControlError, isControlError } from '../errors.ts';
import type { DigitalOceanClient } from '../platform/digitalocean/client.ts';

export type ApplyDependencies = {
  readonly cloud: DigitalOceanClient;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** What the droplet is given to start with; asked for only when one is made. */
  readonly userData: () => Promise<string>;
  /** Told before each step. */
  readonly report: (line: string) => void;
};

/** When a lost write is looked for: together 37 s. */
const LOOK_AFTER_MS = [2_000, 5_000, 10_000, 20_000];
const POLL_MS = 5_000;
/** DigitalOcean says under a minute; what takes ten is stuck. */
const LONGEST_WAIT_MS = 10 * 60_000;

/** Makes something; when the answer is lost, looks for it a few times before it gives up. */
export async function makeOrFind<T>(
  { clock, signal }: ApplyDependencies,
  make: () => Promise<T>,
  find: () => Promise<T | undefined>,
): Promise<T> {
  try {
    return await make();
  } catch (error) {
    if (!isControlError(error, 'CLOUD_OUTCOME_UNKNOWN')) throw error;
    for (const waitMs of LOOK_AFTER_MS) {
      await clock.sleep(waitMs, signal);
      const found = await find();
      if (found !== undefined) return found;
    }
    throw error;
  }
}

/** Asks until there is an answer. @throws ControlError DROPLET_FAILED with `what` after ten minutes */
export async function poll<T>(
  { clock, signal }: ApplyDependencies,
  what: string,
  ask: () => Promise<T | undefined>,
): Promise<T> {
  const endsAtMs = clock.now().getTime() + LONGEST_WAIT_MS;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (clock.now().getTime() >= endsAtMs) {
      throw new ControlError(
        'DROPLET_FAILED',
        `${what} Look at it in the control panel; when it is well there, or destroyed by hand, run again.`,
        { retryable: true },
      );
    }
    await clock.sleep(POLL_MS, signal);
  }
}
