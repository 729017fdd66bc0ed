// Reads the host, signs what it found and sends it, each minute, and once more when a job asks. One report at a time is
// under way, and none is kept.

import type { Clock } from '../../lib/clock.ts';
import type { HealthReport } from '../../lib/health/report.ts';
import type { AgentLog } from './log.ts';
import { decideNextReport } from './next-report.ts';
import type { PostOutcome } from './post-token.ts';

export type ReporterOptions = {
  readonly intervalMs: number;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: AgentLog;
  /** Reads the host as it is now. */
  readonly makeReport: (clockAheadSeconds: number | null) => HealthReport;
  readonly send: (report: HealthReport, signal: AbortSignal) => Promise<PostOutcome>;
};

export type Reporter = {
  /** Until `signal` aborts. */
  run(signal: AbortSignal): Promise<void>;
  /** Sends a report now, or waits for the one that is under way. */
  reportNow(signal: AbortSignal): Promise<PostOutcome>;
};

export function createReporter(options: ReporterOptions): Reporter {
  const { intervalMs, clock, random, log, makeReport, send } = options;
  let clockAheadSeconds: number | null = null;
  let failureCount = 0;
  let underWay: Promise<PostOutcome> | undefined;

  const report = async (signal: AbortSignal): Promise<PostOutcome> => {
    const outcome = await send(makeReport(clockAheadSeconds), signal);
    if (outcome.status === 'answered' && outcome.answeredAt !== undefined)
      clockAheadSeconds = Math.round((clock.now().getTime() - outcome.answeredAt.getTime()) / 1000);
    failureCount = isTaken(outcome) ? 0 : failureCount + 1;
    // Once when it begins to fail and once when it is well again: silence for a week is two lines, not ten thousand.
    if (failureCount === 1) log('report_not_taken', describe(outcome));
    return outcome;
  };
  const reportNow = (signal: AbortSignal) => {
    underWay ??= report(signal).finally(() => {
      underWay = undefined;
    });
    return underWay;
  };

  return {
    reportNow,
    async run(signal) {
      let wasTaken = false;
      while (!signal.aborted) {
        const outcome = await reportNow(signal);
        if (isTaken(outcome) && !wasTaken) log('report_taken', { clockAheadSeconds });
        wasTaken = isTaken(outcome);
        const retryAfterSeconds = outcome.status === 'answered' ? outcome.retryAfterSeconds : undefined;
        const delayMs = decideNextReport({ intervalMs, failureCount, retryAfterSeconds, random: random() });
        await clock.sleep(delayMs, signal).catch(() => undefined);
      }
    },
  };
}

export function isTaken(outcome: PostOutcome): boolean {
  return outcome.status === 'answered' && outcome.statusCode === 202;
}

function describe(outcome: PostOutcome) {
  return outcome.status === 'answered' ? { statusCode: outcome.statusCode } : { code: outcome.code };
}
