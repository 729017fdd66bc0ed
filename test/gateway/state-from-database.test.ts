// The database reader's one statement is proven on the real LiteLLM; here, what it makes of failures and odd rows.

import { expect, test } from 'vitest';
import { readStateFromDatabase } from '../../lib/gateway/state-from-database.ts';

const HASH = 'a'.repeat(64);
const team = { team_id: 't', models: ['gpt-4'], members_with_roles: [], member_budget: null };
const key = { token: HASH, user_id: 'u', team_id: 't', blocked: null, metadata: {} };

function answer(tables: { teams?: unknown[]; users?: unknown[]; keys?: unknown[] }) {
  return { query: async () => ({ rows: [{ teams: [], users: [], keys: [], digest: 'd', ...tables }] }) };
}

function refuse(code?: string) {
  return { query: () => Promise.reject(Object.assign(new Error('from the driver'), { code })) };
}

test('asks once, however much there is', async () => {
  let queryCount = 0;
  const rows = [{ teams: [team], users: [], keys: [key], digest: 'd' }];

  await readStateFromDatabase({
    query: async () => {
      queryCount += 1;
      return { rows };
    },
  });

  expect(queryCount).toBe(1);
});

test('a row that is no key, a member without id and a team without a roster are understood', async () => {
  const state = await readStateFromDatabase(
    answer({
      teams: [
        { ...team, members_with_roles: {} },
        { ...team, team_id: 'x', members_with_roles: [{ user_id: null, user_email: 'a@b.c', role: 'user' }] },
      ],
      keys: [key, { ...key, token: 'session' }],
    }),
  );

  expect([...state.keys.keys()]).toEqual([HASH]);
  expect([...state.teams.values()].map(({ members }) => members)).toEqual([[], []]);
});

test.each([
  ['a team without models', { teams: [{ ...team, models: null }] }],
  ['a roster in another form', { teams: [{ ...team, members_with_roles: { u: 'user' } }] }],
  ['a user without an id', { users: [{ user_id: null }] }],
  ['a key whose block is a word', { keys: [{ ...key, blocked: 'yes' }] }],
])('%s fails the whole read', async (_, tables) => {
  await expect(readStateFromDatabase(answer(tables))).rejects.toMatchObject({
    code: 'GATEWAY_ANSWER_INVALID',
  });
});

test('no row at all fails the read instead of being an empty LiteLLM', async () => {
  const database = { query: async () => ({ rows: [] }) };

  await expect(readStateFromDatabase(database)).rejects.toMatchObject({ code: 'GATEWAY_ANSWER_INVALID' });
});

test.each([
  ['28P01', 'GATEWAY_DENIED', false],
  ['42501', 'GATEWAY_DENIED', false],
  ['42P01', 'GATEWAY_ANSWER_INVALID', false],
  ['57P01', 'GATEWAY_UNAVAILABLE', true],
  ['ECONNREFUSED', 'GATEWAY_UNAVAILABLE', true],
  [undefined, 'GATEWAY_UNAVAILABLE', true],
])('a failure with code %s is %s', async (sqlState, code, retryable) => {
  await expect(readStateFromDatabase(refuse(sqlState))).rejects.toMatchObject({ code, retryable });
});
