// The kinds of jobs that the agent knows, each with what it does. A job may be begun again after a crash, so each must
// bear to be done twice; it stops when its signal aborts, because then the job belongs to somebody else.

import type { Job, JobEnd } from './job-store.ts';
import type { PostOutcome } from './post-token.ts';
import { isTaken } from './reporter.ts';

export type JobWork = (job: Job, signal: AbortSignal) => Promise<JobEnd>;
export type JobKinds = ReadonlyMap<string, JobWork>;

export type JobParts = { readonly reportNow: (signal: AbortSignal) => Promise<PostOutcome> };

export function createJobKinds({ reportNow }: JobParts): JobKinds {
  return new Map<string, JobWork>([
    // Asked by `lcp status --fresh`: the health of this moment, and proof that the way there and back works.
    [
      'report-now',
      async (_job, signal) => {
        const outcome = await reportNow(signal);
        return { outcome: isTaken(outcome) ? 'done' : 'failed', result: { ...outcome } };
      },
    ],
  ]);
}

/** The end of a job of any kind; one that throws, or that this agent does not know, has failed.
 *  Only the error's code is kept: its text may hold what the job was given. */
export async function workOn(kinds: JobKinds, job: Job, signal: AbortSignal): Promise<JobEnd> {
  const work = kinds.get(job.kind);
  if (work === undefined) return { outcome: 'failed', result: { code: 'KIND_UNKNOWN' } };
  try {
    return await work(job, signal);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'UNEXPECTED';
    return { outcome: 'failed', result: { code } };
  }
}
