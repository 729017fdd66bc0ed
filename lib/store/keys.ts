// Our record of every key we ever made: its hash and state, and its ciphertext until it has been shown.
// Every write happens in a transaction that holds the lease; the caller opens it.

import { ControlError } from '../errors.ts';
import {
  type EntraGroupId,
  type EntraUserId,
  type KeyHash,
  parseEntraGroupId,
  parseEntraUserId,
  parseKeyHash,
} from '../ids.ts';
import type { Queryable } from './database.ts';

export type StoredKeyStatus =
  | 'escrowed'
  | 'live'
  | 'retiring'
  | 'blocked'
  | 'abandoned'
  | 'deleted'
  /** Given to the hands of others, as it was. */
  | 'released';

export type StoredKey = {
  readonly keyHash: KeyHash;
  readonly userId: EntraUserId;
  readonly teamId: EntraGroupId;
  readonly generation: number;
  readonly status: StoredKeyStatus;
  readonly heldByHand: boolean;
  readonly isRevealed: boolean;
  readonly kind: 'member' | 'test';
  readonly blockedAt: Date | null;
  /** Of retiring and of test keys. */
  readonly endsAt: Date | null;
};

const COLUMNS = `key_hash as "keyHash", user_id as "userId", team_id as "teamId", generation, status,
  held_by_hand as "heldByHand", revealed_at is not null as "isRevealed", kind, blocked_at as "blockedAt", ends_at as "endsAt"`;

/** Every key ever made, ended ones included, so that generations never repeat. */
export async function listKeys(database: Queryable): Promise<StoredKey[]> {
  const { rows } = await database.query<Record<string, never>>(
    `select ${COLUMNS} from keys order by user_id, team_id, generation`,
  );
  return parseRows(rows);
}

/** The keys of these people. */
export async function listKeysOf(database: Queryable, userIds: readonly EntraUserId[]): Promise<StoredKey[]> {
  const { rows } = await database.query<Record<string, never>>(
    `select ${COLUMNS} from keys where user_id = any ($1::uuid[]) order by user_id, team_id, generation`,
    [userIds],
  );
  return parseRows(rows);
}

function parseRows(rows: readonly unknown[]): StoredKey[] {
  return (rows as readonly StoredKey[]).map((row) => ({
    ...row,
    keyHash: parseKeyHash(row.keyHash),
    userId: parseEntraUserId(row.userId),
    teamId: parseEntraGroupId(row.teamId),
  }));
}

export type EscrowedKey = {
  readonly keyHash: KeyHash;
  readonly userId: EntraUserId;
  readonly teamId: EntraGroupId;
  readonly alias: string;
  readonly generation: number;
  readonly jwe: string;
  /** Makes it a test key, which ends then. */
  readonly testHours?: number;
};

/** Stores the ciphertext of a new key before LiteLLM hears of it, and gives up the one it replaces. */
export async function insertEscrowedKey(
  transaction: Queryable,
  key: EscrowedKey,
  replaces: KeyHash | null,
): Promise<void> {
  if (replaces !== null) {
    await transaction.query(
      `update keys set status = case when live_at is null then 'abandoned' else 'deleted' end,
         jwe = null, blocked_at = null, ended_at = clock_timestamp()
       where key_hash = $1`,
      [replaces],
    );
  }
  await transaction.query(
    `insert into keys (key_hash, user_id, team_id, alias, generation, status, jwe, kind, ends_at)
     values ($1, $2, $3, $4, $5, 'escrowed', $6, case when $7::int is null then 'member' else 'test' end,
       clock_timestamp() + $7::int * interval '1 hour')`,
    [key.keyHash, key.userId, key.teamId, key.alias, key.generation, key.jwe, key.testHours ?? null],
  );
}

/** A person's own key, made by hand: it works and they have it, so there is nothing to show. */
export async function insertAdoptedKey(transaction: Queryable, key: Omit<EscrowedKey, 'jwe'>): Promise<void> {
  await transaction.query(
    `insert into keys (key_hash, user_id, team_id, alias, generation, status, live_at, revealed_at)
     values ($1, $2, $3, $4, $5, 'live', clock_timestamp(), clock_timestamp()) on conflict (key_hash) do nothing`,
    [key.keyHash, key.userId, key.teamId, key.alias, key.generation],
  );
}

/** LiteLLM has the key and it works. */
export async function markKeyLive(transaction: Queryable, keyHash: KeyHash): Promise<void> {
  await transaction.query(
    `update keys set status = 'live', live_at = coalesce(live_at, clock_timestamp()), blocked_at = null, blocked_cause = null, held_by_hand = false,
       ends_at = case when kind = 'test' then ends_at end
     where key_hash = $1`,
    [keyHash],
  );
}

/** The marker of the first phase of offboarding; written before LiteLLM is asked to block. */
export async function markKeyBlocked(
  transaction: Queryable,
  keyHash: KeyHash,
  cause: string,
  heldByHand: boolean,
): Promise<void> {
  await transaction.query(
    `update keys set status = 'blocked', blocked_at = coalesce(blocked_at, clock_timestamp()), blocked_cause = $2, held_by_hand = $3
     where key_hash = $1`,
    [keyHash, cause, heldByHand],
  );
}

/** Whatever they are, they are not ours any more. */
export async function markKeysReleased(transaction: Queryable, teamId: EntraGroupId): Promise<void> {
  await transaction.query(
    `update keys set status = 'released', jwe = null, blocked_at = null, ended_at = clock_timestamp()
     where team_id = $1 and status not in ('deleted', 'abandoned', 'released')`,
    [teamId],
  );
}

/** LiteLLM no longer has the key and never will again. */
export async function markKeyDeleted(transaction: Queryable, keyHash: KeyHash): Promise<void> {
  await transaction.query(
    `update keys set status = 'deleted', jwe = null, blocked_at = null, ended_at = clock_timestamp() where key_hash = $1`,
    [keyHash],
  );
}

export type WaitingKey = { readonly keyHash: KeyHash; readonly teamId: EntraGroupId; readonly jwe: string };

/** Live keys of a person that nobody has been shown yet, locked until the transaction ends. */
export async function claimWaitingKeys(
  transaction: Queryable,
  userId: EntraUserId,
  teamId?: EntraGroupId,
): Promise<WaitingKey[]> {
  const { rows } = await transaction.query<WaitingKey>(
    `select key_hash as "keyHash", team_id as "teamId", jwe from keys
     where user_id = $1 and ($2::uuid is null or team_id = $2) and status = 'live' and jwe is not null
     order by team_id for update`,
    [userId, teamId ?? null],
  );
  if (rows.length === 0) {
    throw new ControlError(
      'KEY_NOT_FOUND',
      'No key is waiting to be shown: there is none, it is not live yet, or it was shown before.',
      {
        details: { userId, teamId },
      },
    );
  }
  return rows;
}

/** Destroys the ciphertext: a key is shown once. */
export async function markKeyRevealed(transaction: Queryable, keyHash: KeyHash): Promise<void> {
  await transaction.query('update keys set jwe = null, revealed_at = clock_timestamp() where key_hash = $1', [
    keyHash,
  ]);
}
