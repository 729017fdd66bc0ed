// One writer at a time. Every holder gets the next fencing token; every write names its token, so a holder that
// was thought dead and comes back can no longer write. PostgreSQL's clock decides what has expired.

import { ControlError } from '../errors.ts';
import type { Queryable } from './database.ts';

export type Lease = { readonly name: string; readonly token: string };

/** Takes the lease for `ttlMs` when it is free or has expired.
 *  @throws ControlError LEASE_HELD (retryable) while another run holds it. */
export async function acquireLease(
  database: Queryable,
  name: string,
  holder: string,
  ttlMs: number,
): Promise<Lease> {
  const { rows } = await database.query<{ token: string }>(
    `insert into leases as l (name, token, holder, expires_at)
     values ($1, 1, $2, clock_timestamp() + $3 * interval '1 millisecond')
     on conflict (name) do update
       set token = l.token + 1, holder = excluded.holder, expires_at = excluded.expires_at
       where l.expires_at <= clock_timestamp()
     returning token::text`,
    [name, holder, ttlMs],
  );
  const row = rows[0];
  if (!row) {
    throw new ControlError(
      'LEASE_HELD',
      'Another run is at work; the next one goes on from what it leaves.',
      { retryable: true },
    );
  }
  return { name, token: row.token };
}

/** Holds the lease for another `ttlMs`.
 *  @throws ControlError LEASE_LOST when it expired or went to another holder. */
export async function renewLease(database: Queryable, lease: Lease, ttlMs: number): Promise<void> {
  const { rowCount } = await database.query(
    `update leases set expires_at = clock_timestamp() + $3 * interval '1 millisecond'
     where name = $1 and token = $2 and expires_at > clock_timestamp()`,
    [lease.name, lease.token, ttlMs],
  );
  if (rowCount === 0) throw leaseLost();
}

/** Lets the next run begin at once. Harmless when the lease is lost already. */
export async function releaseLease(database: Queryable, lease: Lease): Promise<void> {
  await database.query('update leases set expires_at = clock_timestamp() where name = $1 and token = $2', [
    lease.name,
    lease.token,
  ]);
}

/** Locks the lease row against a take-over until the transaction ends, so that what it writes is fenced.
 *  @throws ControlError LEASE_LOST */
export async function requireLease(transaction: Queryable, lease: Lease): Promise<void> {
  const { rowCount } = await transaction.query(
    'select 1 from leases where name = $1 and token = $2 and expires_at > clock_timestamp() for share',
    [lease.name, lease.token],
  );
  if (rowCount === 0) throw leaseLost();
}

function leaseLost(): ControlError {
  return new ControlError(
    'LEASE_LOST',
    'This run lost its lease and stopped writing; the run that took over goes on.',
  );
}
