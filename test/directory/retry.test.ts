import { expect, test } from 'vitest';
import { failedAnswer, type GraphAnswer } from '../../lib/directory/answer.ts';
import { retryWithinDeadline } from '../../lib/directory/retry.ts';
import { ControlError } from '../../lib/errors.ts';
import { createVirtualClock } from './virtual-clock.ts';

const ok: GraphAnswer = { status: 'ok', body: 'body' };
const throttled = (retryAfterMs: number) =>
  failedAnswer('GRAPH_THROTTLED', 'Wait.', { retryable: true, retryAfterMs });
const broken = failedAnswer('GRAPH_UNAVAILABLE', 'Broken.', { retryable: true });

function setUp(answers: readonly GraphAnswer[], runMs = 60_000) {
  const clock = createVirtualClock();
  const waiting = [...answers];
  const attempts: number[] = [];
  const controller = new AbortController();
  const run = (previous?: GraphAnswer) =>
    retryWithinDeadline(
      (signal) => {
        attempts.push(clock.elapsedMs());
        const answer = waiting.shift();
        return answer === undefined ? silence(signal) : Promise.resolve(answer);
      },
      {
        clock,
        deadlineAt: new Date(clock.now().getTime() + runMs),
        signal: controller.signal,
        ...(previous === undefined ? {} : { previous }),
      },
    );
  return { clock, attempts, controller, run };
}

// A server that never answers: only the abort of the attempt ends it.
function silence(signal: AbortSignal): Promise<GraphAnswer> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(broken), { once: true });
  });
}

function codeOf(answer: GraphAnswer): string {
  return answer.status === 'failed' ? answer.error.code : answer.status;
}

test('a Retry-After within the remaining time is waited for in full', async () => {
  const { run, attempts } = setUp([throttled(7_000), ok]);

  const answer = await run();

  expect(answer).toEqual(ok);
  expect(attempts).toEqual([0, 7_000]);
});

test('a Retry-After beyond the remaining time ends the read at once as throttled', async () => {
  const { run, attempts, clock } = setUp([throttled(61_000), ok]);

  const answer = await run();

  expect(codeOf(answer)).toBe('GRAPH_THROTTLED');
  expect(answer.status === 'failed' && answer.error.retryAfterMs).toBe(61_000);
  expect(attempts).toHaveLength(1);
  expect(clock.elapsedMs()).toBe(0);
});

test('a 503 that asks to wait too long is throttled too, not unavailable', async () => {
  const asked = failedAnswer('GRAPH_UNAVAILABLE', 'Wait.', { retryable: true, retryAfterMs: 90_000 });

  const answer = await setUp([asked]).run();

  expect(codeOf(answer)).toBe('GRAPH_THROTTLED');
});

test('a broken connection is tried five times with growing waits', async () => {
  const { run, attempts } = setUp([broken, broken, broken, broken, broken, ok]);

  const answer = await run();

  expect(codeOf(answer)).toBe('GRAPH_UNAVAILABLE');
  expect(attempts).toEqual([0, 500, 1_500, 3_500, 7_500]);
});

test('what a repeat cannot mend is not repeated', async () => {
  const { run, attempts } = setUp([failedAnswer('GRAPH_DENIED', 'No.'), ok]);

  const answer = await run();

  expect(codeOf(answer)).toBe('GRAPH_DENIED');
  expect(attempts).toHaveLength(1);
});

test('the answer of a batch item counts as the first attempt and its wait is kept', async () => {
  const { run, attempts } = setUp([ok]);

  const answer = await run(throttled(3_000));

  expect(answer).toEqual(ok);
  expect(attempts).toEqual([3_000]);
});

test('an attempt without an answer ends at the deadline', async () => {
  const { run, clock } = setUp([], 4_000);

  const answer = await run();

  expect(codeOf(answer)).toBe('DEADLINE_REACHED');
  expect(clock.elapsedMs()).toBe(4_000);
});

test('a silent connection is given up after 30 s and tried again while there is time', async () => {
  const { run, attempts } = setUp([], 50_000);

  const answer = await run();

  expect(codeOf(answer)).toBe('DEADLINE_REACHED');
  expect(attempts).toEqual([0, 30_500]);
});

test('no attempt is made when no time is left', async () => {
  const { run, attempts } = setUp([ok], 0);

  const answer = await run();

  expect(codeOf(answer)).toBe('DEADLINE_REACHED');
  expect(attempts).toEqual([]);
});

test('the abort of the caller is thrown as its reason, also during a wait', async () => {
  const { run, controller } = setUp([throttled(30_000), ok]);
  const reason = new ControlError('DEADLINE_REACHED', 'Stop.');

  const running = run();
  controller.abort(reason);

  await expect(running).rejects.toBe(reason);
});
