// The real LiteLLM keeps the gateway contract, and both readers of its state agree.

import { randomBytes, randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { beforeAll, expect, inject, test } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import { createGateway } from '../../lib/gateway/client.ts';
import { NO_MEMBER_LIMITS } from '../../lib/gateway/state.ts';
import { readStateFromApi } from '../../lib/gateway/state-from-api.ts';
import { readStateFromDatabase } from '../../lib/gateway/state-from-database.ts';
import { hashKey } from '../../lib/ids.ts';
import { Secret } from '../../lib/secret.ts';
import { describeGatewayContract } from '../gateway/gateway.contract.ts';
import { emptyLiteLLM } from './empty-litellm.ts';

const world = inject('world');
const adminKey = new Secret(world.litellmAdminKey);
const signal = new AbortController().signal;

beforeAll(() => emptyLiteLLM(world.litellmDatabaseUrl));

describeGatewayContract('the real LiteLLM', () => ({ baseUrl: world.litellmBaseUrl, adminKey }));

test('the state read from the database is the state read over the admin API', async () => {
  const gateway = createGateway({
    baseUrl: world.litellmBaseUrl,
    adminKey,
    clock: systemClock,
    timeoutMs: 60_000,
    maxConcurrency: 4,
  });
  const userId = randomUUID();
  const teamId = randomUUID();
  const settings = {
    alias: null,
    budgetDuration: '1mo',
    maxBudgetUsd: 0.1,
    tpmLimit: 2 ** 40,
    rpmLimit: 0,
    memberLimits: { ...NO_MEMBER_LIMITS, maxBudgetUsd: 0.5, budgetDuration: '1mo', tpmLimit: 2 ** 40 },
  };
  const team = {
    ...settings,
    teamId,
    models: ['gpt-4'],
    metadata: { deep: { list: [1, null] } },
    memberUserIds: [userId],
  };
  await gateway.createTeam(team, signal);
  const key = `sk-${randomBytes(32).toString('base64url')}`;
  await generateExpiringKey(key, userId, teamId);
  await gateway.blockKey(hashKey(key), signal);
  const database = new Client({ connectionString: world.litellmDatabaseUrl });
  await database.connect();

  try {
    const [fromApi, fromDatabase] = [
      await readStateFromApi(gateway, signal),
      await readStateFromDatabase(database, signal),
    ];

    const sorted = (state: typeof fromApi) => ({
      teams: [...state.teams].sort(),
      users: [...state.users].sort(),
      keys: [...state.keys].sort(),
    });
    expect(sorted(fromDatabase)).toEqual(sorted(fromApi));
    expect(fromDatabase.teams.get(teamId)).toMatchObject({ ...settings, metadata: team.metadata });
    expect(fromDatabase.keys.get(hashKey(key))).toMatchObject({ blocked: true, expiresAt: expect.any(Date) });
  } finally {
    await database.end();
  }
}, 60_000);

/** The control plane makes no key that expires, but others may. */
async function generateExpiringKey(key: string, userId: string, teamId: string): Promise<void> {
  const response = await fetch(`${world.litellmBaseUrl}/key/generate`, {
    method: 'POST',
    headers: { authorization: `Bearer ${adminKey.reveal()}`, 'content-type': 'application/json' },
    body: JSON.stringify({ key, user_id: userId, team_id: teamId, duration: '30d' }),
  });
  expect(response.status).toBe(200);
}
