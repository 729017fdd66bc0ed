// LiteLLM's key endpoints. Beside each: whether a repeat is harmless, its trap, and where we know that from.
// A key is named by its hash everywhere but at its birth. Measurements are of LiteLLM 1.106.2;
// test/gateway/gateway.contract.ts repeats them.

import * as z from 'zod';
import { ControlError } from '../errors.ts';
import { hashKey, type KeyHash } from '../ids.ts';
import type { Secret } from '../secret.ts';
import { PAGE_SIZE, readAllPages } from './paging.ts';
import { keyRow, toGatewayKey } from './rows.ts';
import type { GatewayKey, GatewayMetadata } from './state.ts';
import { readTeam } from './teams.ts';
import type { Transport } from './transport.ts';

export type NewKey = {
  /** `sk-` and at least 13 more characters: LiteLLM refuses shorter ones. */
  readonly key: Secret;
  /** Unique over all keys of this LiteLLM. */
  readonly alias: string;
  readonly userId: string;
  readonly teamId: string;
  readonly metadata: GatewayMetadata;
  /** LiteLLM refuses it after so many hours, and beyond so many US dollars. */
  readonly limits?: { readonly hours: number; readonly maxBudgetUsd: number };
};

/** When a key was made and when it was last used, as far as LiteLLM says. */
export type KeyDates = { readonly createdAt: Date | null; readonly lastUsedAt: Date | null };

const KEYS_A_CALL = 50; // 50 took 0.24 s
const listAnswer = z.object({ keys: z.array(keyRow), total_count: z.number() });
const date = z
  .string()
  .nullish()
  .transform((value) => (typeof value === 'string' ? new Date(value) : null));
const datesAnswer = z.object({
  keys: z.array(z.object({ token: z.string(), created_at: date, last_active: date })),
  total_count: z.number(),
});
const anyAnswer = z.object({});

/** GET /key/list with whole rows. LiteLLM leaves out the sessions of its own pages. */
export async function listKeys(transport: Transport, signal: AbortSignal): Promise<GatewayKey[]> {
  const rows = await readAllPages({
    what: 'keys',
    readPage: (page) => readKeyPage(transport, { page: `${page}` }, listAnswer, signal),
    idOf: (row) => row.token,
  });
  return rows.map(toGatewayKey).filter((key) => key !== undefined);
}

/** GET /key/list of one person. Trap: for an admin LiteLLM takes user_id for a part of one, so others are left out here. */
export async function listKeysOf(
  transport: Transport,
  userId: string,
  signal: AbortSignal,
): Promise<GatewayKey[]> {
  const rows = await readAllPages({
    what: 'keys',
    readPage: (page) => readKeyPage(transport, { page: `${page}`, user_id: userId }, listAnswer, signal),
    idOf: (row) => row.token,
  });
  return rows.map(toGatewayKey).filter((key) => key?.userId === userId) as GatewayKey[];
}

/** GET /key/list for the dates alone: no run needs them, so the state has none. */
export async function listKeyDates(
  transport: Transport,
  signal: AbortSignal,
): Promise<ReadonlyMap<KeyHash, KeyDates>> {
  const rows = await readAllPages({
    what: 'keys',
    readPage: (page) => readKeyPage(transport, { page: `${page}` }, datesAnswer, signal),
    idOf: (row) => row.token,
  });
  return new Map(
    rows.map((row) => [row.token as KeyHash, { createdAt: row.created_at, lastUsedAt: row.last_active }]),
  );
}

/**
 * POST /key/generate with our own key. A repeat with the same key is harmless: LiteLLM keeps the row that is there,
 * a blocked one blocked, and either answers 200 or, because that very row has the alias, refuses; we read it to tell.
 * Traps (measured): for a key that exists, another user's too, the 200 answer shows what was asked and not what is
 * stored, so keys must be random; an alias in use is refused; neither user nor team need exist.
 * @throws ControlError GATEWAY_REFUSED with details.reason `alias-taken` when another key has the alias
 */
export async function generateKey(
  transport: Transport,
  key: NewKey,
  signal: AbortSignal,
): Promise<{ readonly keyHash: KeyHash }> {
  const plaintext = key.key.reveal();
  const keyHash = hashKey(plaintext);
  const body = {
    key: plaintext,
    key_alias: key.alias,
    user_id: key.userId,
    team_id: key.teamId,
    metadata: key.metadata,
    ...(key.limits && { duration: `${key.limits.hours}h`, max_budget: key.limits.maxBudgetUsd }),
  };
  const answer = z.object({ token: z.literal(keyHash) });
  const reply = await transport.call(
    { method: 'POST', path: '/key/generate', body, answer, isRepeatHarmless: true },
    signal,
  );
  if (reply.status === 'answered') return { keyHash };
  if (reply.problem.param !== 'key_alias') throw reply.toError();
  const existing = await readKey(transport, keyHash, signal);
  const isThisOne =
    existing?.alias === key.alias && existing.userId === key.userId && existing.teamId === key.teamId;
  if (isThisOne) return { keyHash };
  throw new ControlError('GATEWAY_REFUSED', `Another LiteLLM key already has the alias ${key.alias}.`, {
    details: { reason: 'alias-taken', alias: key.alias },
  });
}

/** GET /key/list for one hash. */
export async function readKey(
  transport: Transport,
  keyHash: KeyHash,
  signal: AbortSignal,
): Promise<GatewayKey | undefined> {
  const { rows } = await readKeyPage(transport, { page: '1', key_hash: keyHash }, listAnswer, signal);
  return rows.map(toGatewayKey).find((key) => key?.keyHash === keyHash);
}

/**
 * POST /key/block. A repeat is harmless. This process of LiteLLM refuses the key at once, others after
 * user_api_key_cache_ttl (60 s by default; 4.8 s measured with 5), or 0.2 s with a shared Redis
 * (test/real/two-proxies.test.ts).
 */
export function blockKey(transport: Transport, keyHash: KeyHash, signal: AbortSignal) {
  return changeKey(transport, '/key/block', { key: keyHash }, 'blocked', signal);
}

/** POST /key/unblock. A repeat is harmless. */
export function unblockKey(transport: Transport, keyHash: KeyHash, signal: AbortSignal) {
  return changeKey(transport, '/key/unblock', { key: keyHash }, 'unblocked', signal);
}

/**
 * POST /key/update of the team; null takes the key out of every team, so that /team/member_delete does not delete
 * it. A repeat is harmless. The key stays blocked or not, and is the same key when it comes back (measured).
 * Trap: the owner must be a member of the team it moves to, else LiteLLM answers 403.
 * @throws ControlError GATEWAY_REFUSED with details.reason `team-absent` or `owner-not-in-team`
 */
export async function moveKey(
  transport: Transport,
  keyHash: KeyHash,
  teamId: string | null,
  signal: AbortSignal,
): Promise<'moved' | 'absent'> {
  const body = { key: keyHash, team_id: teamId };
  const reply = await transport.call(
    { method: 'POST', path: '/key/update', body, answer: anyAnswer, isRepeatHarmless: true },
    signal,
  );
  if (reply.status === 'answered') return 'moved';
  const key = await readKey(transport, keyHash, signal);
  if (key === undefined) return 'absent';
  if (teamId === null) throw reply.toError();
  const team = await readTeam(transport, teamId, signal);
  if (team?.members.some((member) => member.userId === key.userId)) throw reply.toError();
  const reason = team === undefined ? 'team-absent' : 'owner-not-in-team';
  throw new ControlError('GATEWAY_REFUSED', 'A key can only move to a team that its owner is a member of.', {
    details: { reason, teamId, keyHash },
  });
}

/**
 * POST /key/update of the metadata, merged with what is there: LiteLLM replaces it whole, and keeps a key's limits per
 * model in it. A repeat is harmless. Owner, team, models, budgets, spend, limits, expiry and block stay (measured).
 */
export async function updateKeyMetadata(
  transport: Transport,
  keyHash: KeyHash,
  metadata: GatewayMetadata,
  signal: AbortSignal,
): Promise<'updated' | 'absent'> {
  const key = await readKey(transport, keyHash, signal);
  if (key === undefined) return 'absent';
  const body = { key: keyHash, metadata: { ...key.metadata, ...metadata } };
  const reply = await transport.call(
    { method: 'POST', path: '/key/update', body, answer: anyAnswer, isRepeatHarmless: true },
    signal,
  );
  if (reply.status === 'answered') return 'updated';
  if (reply.httpStatus === 404) return 'absent';
  throw reply.toError();
}

/**
 * POST /key/delete. A repeat is harmless. Returns the hashes that are gone, whoever deleted them: LiteLLM answers
 * absent ones beside present ones as deleted, and 404 when all are absent (measured).
 */
export async function deleteKeys(
  transport: Transport,
  keyHashes: readonly KeyHash[],
  signal: AbortSignal,
): Promise<KeyHash[]> {
  const gone: KeyHash[] = [];
  const answer = z.object({ deleted_keys: z.array(z.string()) });
  for (let start = 0; start < keyHashes.length; start += KEYS_A_CALL) {
    const batch = keyHashes.slice(start, start + KEYS_A_CALL);
    const reply = await transport.call(
      { method: 'POST', path: '/key/delete', body: { keys: batch }, answer, isRepeatHarmless: true },
      signal,
    );
    if (reply.status === 'answered') {
      const deleted = new Set(reply.value.deleted_keys);
      gone.push(...batch.filter((keyHash) => deleted.has(keyHash)));
    } else if (reply.httpStatus === 404) {
      gone.push(...batch);
    } else {
      throw reply.toError();
    }
  }
  return gone;
}

async function changeKey<Outcome extends string>(
  transport: Transport,
  path: string,
  body: { readonly key: KeyHash },
  outcome: Outcome,
  signal: AbortSignal,
): Promise<Outcome | 'absent'> {
  const reply = await transport.call(
    { method: 'POST', path, body, answer: anyAnswer, isRepeatHarmless: true },
    signal,
  );
  if (reply.status === 'answered') return outcome;
  if (reply.httpStatus === 404) return 'absent';
  throw reply.toError();
}

async function readKeyPage<Row>(
  transport: Transport,
  query: Record<string, string>,
  answer: z.ZodType<{ keys: Row[]; total_count: number }>,
  signal: AbortSignal,
) {
  const reply = await transport.call(
    {
      method: 'GET',
      path: '/key/list',
      query: {
        size: `${PAGE_SIZE}`,
        return_full_object: 'true',
        sort_by: 'token',
        sort_order: 'asc',
        ...query,
      },
      answer,
      isRepeatHarmless: true,
    },
    signal,
  );
  if (reply.status === 'refused') throw reply.toError();
  return { rows: reply.value.keys, totalCount: reply.value.total_count };
}
