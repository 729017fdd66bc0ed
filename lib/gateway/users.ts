// LiteLLM's user endpoints. Beside each: whether a repeat is harmless, its trap, and where we know that from.
// Measurements are of LiteLLM 1.106.2; test/gateway/gateway.contract.ts repeats them.

import * as z from 'zod';
import { PAGE_SIZE, readAllPages } from './paging.ts';
import { toGatewayUser, userRow } from './rows.ts';
import type { GatewayMetadata, GatewayUser } from './state.ts';
import type { Transport } from './transport.ts';

export type UserRole = 'proxy_admin' | 'proxy_admin_viewer' | 'internal_user' | 'internal_user_viewer';

export type NewUser = {
  readonly userId: string;
  readonly ssoUserId: string | null;
  readonly email: string | null;
  readonly alias: string | null;
  readonly role: UserRole;
  readonly metadata: GatewayMetadata;
};

/** What is absent stays. LiteLLM can neither clear a text nor change sso_user_id. Metadata is replaced whole. */
export type UserChange = {
  readonly userId: string;
  readonly email?: string;
  readonly alias?: string;
  readonly role?: UserRole;
  readonly metadata?: GatewayMetadata;
};

export type CreateUserOutcome = {
  readonly userId: string;
  /** `refused`: the email or the sso_user_id belongs to another user. */
  readonly outcome: 'created' | 'already-exists' | 'refused';
};

export type UpdateUserOutcome = { readonly userId: string; readonly outcome: 'updated' | 'refused' };

const NEW_USERS_A_CALL = 500; // LiteLLM's limit; 300 took 0.23 s in one statement
const UPDATES_A_CALL = 100; // LiteLLM allows 500, one after the other: the timeout of an attempt is nearer

/** GET /user/list. Ordered by id, because by date, the default, rows of one instant may change places. */
export async function listUsers(transport: Transport, signal: AbortSignal): Promise<GatewayUser[]> {
  const rows = await readAllPages({
    what: 'users',
    readPage: (page) => readUserPage(transport, { page: `${page}` }, signal),
    idOf: (row) => row.user_id,
  });
  return rows.map(toGatewayUser);
}

/**
 * POST /management/v1/users/bulk. A repeat is harmless: who exists is refused and stays as they are, and we read
 * them to tell `already-exists` from `refused`. Rows fail one by one, the others are made.
 * The only call that can set sso_user_id for many; no key is made along the way, as /user/new would.
 */
export async function createUsers(
  transport: Transport,
  users: readonly NewUser[],
  signal: AbortSignal,
): Promise<CreateUserOutcome[]> {
  const outcomes: CreateUserOutcome[] = [];
  const answer = z.object({ data: z.array(z.object({ success: z.boolean() })) });
  for (const batch of toBatches(users, NEW_USERS_A_CALL)) {
    const body = { users: batch.map(toNewUserFields) };
    const exact = answer.refine(({ data }) => data.length === batch.length, { path: ['data'] });
    const reply = await transport.call(
      { method: 'POST', path: '/management/v1/users/bulk', body, answer: exact, isRepeatHarmless: true },
      signal,
    );
    if (reply.status === 'refused') throw reply.toError();
    const { data } = reply.value;
    const failed = batch.filter((_, index) => data[index]?.success !== true);
    const existing = await readExistingIds(transport, failed, signal);
    for (const [index, { userId }] of batch.entries()) {
      const created = data[index]?.success === true;
      const outcome = created ? 'created' : existing.has(userId) ? 'already-exists' : 'refused';
      outcomes.push({ userId, outcome });
    }
  }
  return outcomes;
}

/**
 * POST /user/bulk_update. A repeat is harmless. Rows fail one by one.
 * Traps (measured): MAKES a user that does not exist, without a role; ignores null and sso_user_id; replaces
 * metadata whole; does not check that an email is free.
 */
export async function updateUsers(
  transport: Transport,
  changes: readonly UserChange[],
  signal: AbortSignal,
): Promise<UpdateUserOutcome[]> {
  const outcomes: UpdateUserOutcome[] = [];
  const answer = z.object({ results: z.array(z.object({ success: z.boolean() })) });
  for (const batch of toBatches(changes, UPDATES_A_CALL)) {
    const body = { users: batch.map(toUserFields) };
    const exact = answer.refine(({ results }) => results.length === batch.length, { path: ['results'] });
    const reply = await transport.call(
      { method: 'POST', path: '/user/bulk_update', body, answer: exact, isRepeatHarmless: true },
      signal,
    );
    if (reply.status === 'refused') throw reply.toError();
    const { results } = reply.value;
    for (const [index, { userId }] of batch.entries()) {
      outcomes.push({ userId, outcome: results[index]?.success === true ? 'updated' : 'refused' });
    }
  }
  return outcomes;
}

/**
 * POST /user/delete. A repeat is harmless: who is absent is answered 404, hence `absent`.
 * Traps (measured): deletes the person's keys and memberships along with the row; spend stays in LiteLLM's logs and
 * daily tables, under the person's id.
 */
export async function deleteUser(
  transport: Transport,
  userId: string,
  signal: AbortSignal,
): Promise<'deleted' | 'absent'> {
  const body = { user_ids: [userId] };
  const reply = await transport.call(
    { method: 'POST', path: '/user/delete', body, answer: z.unknown(), isRepeatHarmless: true },
    signal,
  );
  if (reply.status === 'answered') return 'deleted';
  if (reply.httpStatus === 404) return 'absent';
  throw reply.toError();
}

async function readExistingIds(
  transport: Transport,
  users: readonly NewUser[],
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const existing = new Set<string>();
  for (const batch of toBatches(users, PAGE_SIZE)) {
    const user_ids = batch.map((user) => user.userId).join(',');
    const { rows } = await readUserPage(transport, { page: '1', user_ids }, signal);
    for (const row of rows) existing.add(row.user_id);
  }
  return existing;
}

async function readUserPage(transport: Transport, query: Record<string, string>, signal: AbortSignal) {
  const answer = z.object({ users: z.array(userRow), total: z.number() });
  const reply = await transport.call(
    {
      method: 'GET',
      path: '/user/list',
      query: { page_size: `${PAGE_SIZE}`, sort_by: 'user_id', sort_order: 'asc', ...query },
      answer,
      isRepeatHarmless: true,
    },
    signal,
  );
  if (reply.status === 'refused') throw reply.toError();
  return { rows: reply.value.users, totalCount: reply.value.total };
}

function toNewUserFields(user: NewUser) {
  return { ...toUserFields(user), sso_user_id: user.ssoUserId, auto_create_key: false };
}

function toUserFields(user: NewUser | UserChange) {
  return {
    user_id: user.userId,
    user_email: user.email,
    user_alias: user.alias,
    user_role: user.role,
    metadata: user.metadata,
  };
}

function* toBatches<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let start = 0; start < items.length; start += size) yield items.slice(start, start + size);
}
