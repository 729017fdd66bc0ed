// What `lcp doctor` is made of: areas from the outside in, each a list of checks, each with what it holds to be true and
// why that matters. A check that depends on one that failed is not tried: one cause is one failure.

import { isControlError } from '../../errors.ts';

export type Finding =
  /** `note` is what was found, such as a number of days. */
  | { readonly status: 'well'; readonly note?: string }
  /** `next` is the next step; left out where the problem already says it. */
  | { readonly status: 'failed'; readonly problem: string; readonly next?: string }
  | { readonly status: 'not-checked'; readonly reason: string };

export type Check = {
  /** Unique, for `needs`. */
  readonly id: string;
  /** The fact as it should be. */
  readonly what: string;
  /** Who suffers how when it is not so. */
  readonly why: string;
  /** Checks before this one without which it cannot succeed. */
  readonly needs?: readonly string[];
  /** Reads only. What it throws is a failure. */
  readonly run: (signal: AbortSignal) => Promise<Finding> | Finding;
};

export type Area = {
  readonly title: string;
  /** Nothing of it can be looked at here, and that is no failure. */
  readonly notChecked?: string;
  readonly checks: readonly Check[];
};

export type Result = {
  readonly check: Pick<Check, 'id' | 'what' | 'why'>;
  readonly finding: Finding | { readonly status: 'not-tried'; readonly because: string };
};

export type AreaReport = Pick<Area, 'title' | 'notChecked'> & { readonly results: readonly Result[] };

export const well = (note?: string): Finding => ({ status: 'well', ...(note === undefined ? {} : { note }) });
export const failed = (problem: string, next?: string): Finding => ({
  status: 'failed',
  problem,
  ...(next === undefined ? {} : { next }),
});
export const notChecked = (reason: string): Finding => ({ status: 'not-checked', reason });

/** Runs all that can be tried at the same time; each ends after `limitMs` at the latest. In the order of the areas. */
export async function runAreas(areas: readonly Area[], limitMs: number): Promise<readonly AreaReport[]> {
  const running = new Map<string, Promise<Result | undefined>>();
  for (const { notChecked: reason, checks } of areas) {
    for (const check of checks) {
      const unknown = (check.needs ?? []).filter((need) => !running.has(need));
      if (running.has(check.id) || unknown.length > 0) {
        throw new Error(`The check ${check.id} is there twice, or needs one that does not come before it.`);
      }
      const isLeftOut = reason !== undefined;
      running.set(check.id, isLeftOut ? Promise.resolve(undefined) : runCheck(check, running, limitMs));
    }
  }
  return Promise.all(
    areas.map(async ({ title, notChecked: reason, checks }) => {
      const results = await Promise.all(checks.map(({ id }) => running.get(id)));
      return {
        title,
        results: results.filter((result) => result !== undefined),
        ...(reason === undefined ? {} : { notChecked: reason }),
      };
    }),
  );
}

async function runCheck(
  { id, what, why, needs = [], run }: Check,
  running: ReadonlyMap<string, Promise<Result | undefined>>,
  limitMs: number,
): Promise<Result> {
  const check = { id, what, why };
  for (const need of needs) {
    // One of an area that is not checked here says nothing against trying.
    const needed = await running.get(need);
    if (needed?.finding.status === 'failed' || needed?.finding.status === 'not-tried') {
      return { check, finding: { status: 'not-tried', because: needed.check.what } };
    }
  }
  const limit = AbortSignal.timeout(limitMs);
  try {
    return { check, finding: await untilAborted(run, limit) };
  } catch (error) {
    if (limit.aborted) {
      return { check, finding: failed(`There was no answer within ${Math.round(limitMs / 1000)} s.`) };
    }
    return { check, finding: failed(messageOf(error)) };
  }
}

/** What ignores its signal is left behind, not waited for. */
function untilAborted(run: Check['run'], signal: AbortSignal): Promise<Finding> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    Promise.resolve()
      .then(() => run(signal))
      .then(resolve, reject);
  });
}

function messageOf(error: unknown): string {
  if (isControlError(error)) return error.message;
  return error instanceof Error ? error.message : String(error);
}
