// Begins the rotation of keys: marks the old ones and leaves the rest to runs, which make the new ones and end the old
// ones at their time. Killed anywhere, it has begun or not; repeated, it begins nothing twice.

import type { Clock } from '../clock.ts';
import type { RunId } from '../ids.ts';
import type { Log } from '../log.ts';
import type { Policy } from '../policy/schema.ts';
import { recordAudit } from '../store/audit.ts';
import type { Database } from '../store/database.ts';
import { updateSettled } from '../store/directory-state.ts';
import { markKeysRetiring, type RotatedKey, type RotationSelection } from '../store/key-rotation.ts';
import { requireLease } from '../store/lease.ts';
import { withLease } from './run-lease.ts';

export type RotateParts = {
  readonly database: Database;
  readonly policy: Policy;
  readonly clock: Clock;
  readonly log: Log;
};

/** The keys whose rotation has begun. @throws ControlError LEASE_HELD while a run is at work */
export async function beginRotation(
  parts: RotateParts,
  selection: RotationSelection,
  { runId, actor, signal }: { readonly runId: RunId; readonly actor: string; readonly signal: AbortSignal },
): Promise<readonly RotatedKey[]> {
  const { database, policy, clock } = parts;
  return withLease(parts, runId, signal, (lease) =>
    database.transaction(async (transaction) => {
      await requireLease(transaction, lease);
      const rotated = await markKeysRetiring(transaction, selection, policy.rotation.grace_hours);
      if (rotated.length > 0) await updateSettled(transaction, null);
      const entries = rotated.map(({ keyHash, userId, teamId, generation }) => ({
        actor,
        event: 'key_rotation_begun',
        userId,
        teamId,
        keyHash,
        details: { generation, graceHours: policy.rotation.grace_hours },
      }));
      await recordAudit(transaction, entries, clock.now());
      return rotated;
    }),
  );
}
