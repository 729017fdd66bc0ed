// Marks keys as rotated: each works until its end, and the next run makes its successor.

import type { EntraGroupId, EntraUserId, KeyHash } from '../ids.ts';
import type { Queryable } from './database.ts';

export type RotationSelection = {
  readonly userId?: EntraUserId | undefined;
  readonly teamId?: EntraGroupId | undefined;
  /** Only keys that have worked for longer. */
  readonly olderThanDays?: number | undefined;
};

export type RotatedKey = {
  readonly keyHash: KeyHash;
  readonly userId: EntraUserId;
  readonly teamId: EntraGroupId;
  readonly generation: number;
};

/** A person's live keys by `selection`. A key whose predecessor is still working is young: it is left, so that a repeat
 *  rotates nothing twice. */
const DUE = `status = 'live' and kind = 'member'
  and ($1::uuid is null or user_id = $1) and ($2::uuid is null or team_id = $2)
  and ($3::int is null or live_at < clock_timestamp() - $3 * interval '1 day')
  and not exists (select from keys older where older.user_id = k.user_id and older.team_id = k.team_id and older.status = 'retiring')`;
const COLUMNS = `key_hash as "keyHash", user_id as "userId", team_id as "teamId", generation`;

export async function listRotatable(
  database: Queryable,
  selection: RotationSelection,
): Promise<RotatedKey[]> {
  const { rows } = await database.query<RotatedKey>(
    `select ${COLUMNS} from keys k where ${DUE} order by user_id, team_id`,
    valuesOf(selection),
  );
  return rows;
}

/** From now on each works for `graceHours` more. One that nobody has picked up is not shown any more: its successor is. */
export async function markKeysRetiring(
  transaction: Queryable,
  selection: RotationSelection,
  graceHours: number,
): Promise<RotatedKey[]> {
  const { rows } = await transaction.query<RotatedKey>(
    `update keys k set status = 'retiring', ends_at = clock_timestamp() + $4 * interval '1 hour', jwe = null
     where ${DUE} returning ${COLUMNS}`,
    [...valuesOf(selection), graceHours],
  );
  return rows;
}

function valuesOf({ userId, teamId, olderThanDays }: RotationSelection) {
  return [userId ?? null, teamId ?? null, olderThanDays ?? null];
}
