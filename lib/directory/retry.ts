// Repeats a read of Microsoft Graph while it helps and while this run has time. It never waits past the
// deadline: a Retry-After longer than what is left ends the read, and the next run goes on.

import type { Clock } from '../clock.ts';
import type { ControlError } from '../errors.ts';
import { failedAnswer, type GraphAnswer } from './answer.ts';

// Five tries with waits of 0.5, 1, 2 and 4 s outlast a failover of Graph's front end; a longer trouble is the
// next run's. No jitter: one run at a time reads a tenant, so there is no herd to spread.
const ATTEMPT_LIMIT = 5;
const FIRST_WAIT_MS = 500;
// A connection that is open but silent for this long is dead; Graph's slow pages come within seconds.
const ATTEMPT_TIMEOUT_MS = 30_000;

export type RetryOptions = {
  readonly clock: Clock;
  /** No wait and no attempt goes past this instant. */
  readonly deadlineAt: Date;
  readonly signal: AbortSignal;
  /** An answer already received for the same request, as an item of a batch; counts as the first attempt. */
  readonly previous?: GraphAnswer;
  /** Five without one. */
  readonly attemptLimit?: number;
};

/** The first answer that is final: ok, not found, not worth a repeat, or out of time.
 *  @throws the signal's reason when it aborts, and nothing else */
export async function retryWithinDeadline(
  attempt: (signal: AbortSignal) => Promise<GraphAnswer>,
  options: RetryOptions,
): Promise<GraphAnswer> {
  const { clock, deadlineAt, signal, attemptLimit = ATTEMPT_LIMIT } = options;
  let answer = options.previous ?? (await attemptInTime(attempt, options));
  for (let attemptCount = 1; attemptCount < attemptLimit; attemptCount += 1) {
    if (answer.status !== 'failed' || !answer.error.retryable) return answer;
    const waitMs = Math.max(answer.error.retryAfterMs ?? 0, FIRST_WAIT_MS * 2 ** (attemptCount - 1));
    if (clock.now().getTime() + waitMs >= deadlineAt.getTime()) return outOfTime(answer.error);
    await clock.sleep(waitMs, signal);
    answer = await attemptInTime(attempt, options);
  }
  return answer;
}

// The loser of the race is aborted and awaited, not forgotten: nothing of a read outlives it.
async function attemptInTime(
  attempt: (signal: AbortSignal) => Promise<GraphAnswer>,
  { clock, deadlineAt, signal }: RetryOptions,
): Promise<GraphAnswer> {
  signal.throwIfAborted();
  const leftMs = deadlineAt.getTime() - clock.now().getTime();
  if (leftMs <= 0) return deadlineReached();
  const timedOut = new AbortController();
  const answered = new AbortController();
  const timer = clock
    .sleep(Math.min(leftMs, ATTEMPT_TIMEOUT_MS), AbortSignal.any([signal, answered.signal]))
    .then(
      () => timedOut.abort(),
      () => undefined,
    );
  try {
    const answer = await attempt(AbortSignal.any([signal, timedOut.signal]));
    signal.throwIfAborted();
    if (!timedOut.signal.aborted) return answer;
    return leftMs <= ATTEMPT_TIMEOUT_MS ? deadlineReached() : tooSlow();
  } finally {
    answered.abort();
    await timer;
  }
}

function outOfTime(error: ControlError): GraphAnswer {
  if (error.retryAfterMs === undefined) return { status: 'failed', error };
  return failedAnswer(
    'GRAPH_THROTTLED',
    'Microsoft Graph asks to wait longer than this run has; the next run goes on.',
    { cause: error, retryable: true, retryAfterMs: error.retryAfterMs, details: error.details },
  );
}

function deadlineReached(): GraphAnswer {
  return failedAnswer('DEADLINE_REACHED', 'The time of this run was used up while reading Microsoft Graph.', {
    retryable: true,
  });
}

function tooSlow(): GraphAnswer {
  return failedAnswer('GRAPH_UNAVAILABLE', `Microsoft Graph was silent for ${ATTEMPT_TIMEOUT_MS / 1000} s.`, {
    retryable: true,
  });
}
