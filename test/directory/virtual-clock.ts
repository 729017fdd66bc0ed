// A clock for tests of waits: when nothing else is left to do, it jumps to the next instant somebody sleeps
// until. No test waits for real, and what was slept can be read.

import { setImmediate } from 'node:timers';
import type { Clock } from '../../lib/clock.ts';

export type VirtualClock = Clock & {
  /** How long the clock has run since its start. */
  elapsedMs(): number;
};

const STARTED_AT = Date.UTC(2026, 0, 1);

/** A clock that starts at 2026-01-01 UTC. */
export function createVirtualClock(): VirtualClock {
  let nowMs = STARTED_AT;
  const sleepers = new Set<{ readonly untilMs: number; readonly wake: () => void }>();

  const wakeNext = () => {
    const next = [...sleepers].sort((a, b) => a.untilMs - b.untilMs)[0];
    if (next === undefined) return;
    nowMs = Math.max(nowMs, next.untilMs);
    next.wake();
  };

  return {
    now: () => new Date(nowMs),
    elapsedMs: () => nowMs - STARTED_AT,
    sleep: (durationMs, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) {
          reject(signal.reason);
          return;
        }
        const end = () => {
          sleepers.delete(sleeper);
          signal?.removeEventListener('abort', abort);
        };
        const abort = () => {
          end();
          reject(signal?.reason);
        };
        const sleeper = {
          untilMs: nowMs + durationMs,
          wake: () => {
            end();
            resolve();
          },
        };
        sleepers.add(sleeper);
        signal?.addEventListener('abort', abort, { once: true });
        // Promises settle first; only a process with nothing else to do lets time pass.
        setImmediate(() => setImmediate(wakeNext));
      }),
  };
}
