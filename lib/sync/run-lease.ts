// Holds the lease for as long as a run is at work, and ends the run when the lease is lost.

import type { Clock } from '../clock.ts';
import { ControlError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Database } from '../store/database.ts';
import { acquireLease, type Lease, releaseLease, renewLease } from '../store/lease.ts';
import { codeOf } from './run-records.ts';

/** A run that is killed keeps others out for at most this long. */
const LEASE_TTL_MS = 30_000;
const LEASE_NAME = 'sync';

type Parts = { readonly database: Database; readonly clock: Clock; readonly log: Log };

/** Runs `work` under the lease; its signal aborts when `signal` does or the lease is lost.
 *  @throws ControlError LEASE_HELD (retryable) while another run is at work */
export async function withLease<T>(
  { database, clock, log }: Parts,
  holder: string,
  signal: AbortSignal,
  work: (lease: Lease, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const lease = await acquireLease(database, LEASE_NAME, holder, LEASE_TTL_MS);
  const ending = new AbortController();
  const working = AbortSignal.any([signal, ending.signal]);
  const renewing = keepLease({ database, clock }, lease, ending, working);
  try {
    return await work(lease, working);
  } finally {
    ending.abort(new ControlError('DEADLINE_REACHED', 'The run has ended.'));
    await renewing;
    // The lease runs out by itself when the database is away; the first error must not be hidden.
    await releaseLease(database, lease).catch((error: unknown) =>
      log.warn('lease_release_failed', { code: codeOf(error) }),
    );
  }
}

/** Renews the lease until the run ends; a lost lease ends the run. */
async function keepLease(
  { database, clock }: Pick<Parts, 'database' | 'clock'>,
  lease: Lease,
  ending: AbortController,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await clock.sleep(LEASE_TTL_MS / 3, signal);
      await renewLease(database, lease, LEASE_TTL_MS);
    } catch (error) {
      if (!signal.aborted) ending.abort(error);
      return;
    }
  }
}
