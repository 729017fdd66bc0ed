// A run keeps its promises on the real LiteLLM and the real PostgreSQL.

import { readFileSync } from 'node:fs';
import pg from 'pg';
import { afterAll, beforeEach, expect, inject, test } from 'vitest';
import { readStateDigest, readStateFromDatabase } from '../../lib/gateway/state-from-database.ts';
import { Secret } from '../../lib/secret.ts';
import type { Database } from '../../lib/store/database.ts';
import { chat } from '../gateway/chat.ts';
import { type ControlDatabase, openControlDatabase } from '../store/database-fixture.ts';
import { describeReconcile } from '../sync/reconcile.contract.ts';
import { createCompany, findDifferences } from '../sync/reconcile-fixture.ts';
import { parseRequestLog } from '../world/litellm/request-log.ts';
import { createDatabaseUrl } from './control-database.ts';
import { emptyLiteLLM } from './empty-litellm.ts';

const world = inject('world');
const litellm = { baseUrl: world.litellmBaseUrl, adminKey: new Secret(world.litellmAdminKey) };
const opened: Database[] = [];
const gatewayDatabase = new pg.Pool({ connectionString: world.litellmDatabaseUrl, max: 1 });

beforeEach(() => emptyLiteLLM(world.litellmDatabaseUrl));
afterAll(async () => {
  await Promise.all(opened.map((database) => database.close()));
  await gatewayDatabase.end();
});

async function createControlDatabase(): Promise<ControlDatabase> {
  return openControlDatabase(await createDatabaseUrl(world.controlDatabaseUrl), opened);
}

const seenRequests = () => parseRequestLog(readFileSync(world.litellmLogFile, 'utf8'));

describeReconcile('reconcile on the real LiteLLM', () => ({ litellm, createControlDatabase }));

test('a second run makes no write, by LiteLLM’s own request log', async () => {
  const company = await createCompany(litellm, await createControlDatabase());
  await company.run();
  const before = seenRequests().length;

  await company.run();

  const requests = seenRequests().slice(before);
  expect(requests.length).toBeGreaterThan(0);
  expect(requests.filter((request) => request.method !== 'GET')).toEqual([]);
});

test('with LiteLLM’s database at hand a run without changes asks its API nothing at all', async () => {
  const company = await createCompany(litellm, await createControlDatabase());
  const overrides = {
    readGatewayState: (signal: AbortSignal) => readStateFromDatabase(gatewayDatabase, signal),
  };
  await company.run(overrides);
  const before = seenRequests().length;

  const report = await company.run(overrides);

  expect(report).toMatchObject({ status: 'succeeded', done: {} });
  expect(seenRequests().slice(before)).toEqual([]);
  expect(await findDifferences(company)).toEqual([]);
});

test('a run that finds everything as it left it neither plans nor reads LiteLLM’s state; use by people is no change', async () => {
  const company = await createCompany(litellm, await createControlDatabase());
  const [teamId] = company.groups;
  if (!teamId) throw new Error('a group');
  const overrides = {
    readGatewayState: (signal: AbortSignal) => readStateFromDatabase(gatewayDatabase, signal),
    readGatewayDigest: (signal: AbortSignal) => readStateDigest(gatewayDatabase, signal),
  };
  const never = async (): Promise<never> => {
    throw new Error('LiteLLM’s state was read');
  };
  await company.run(overrides);
  expect(await company.run(overrides)).toMatchObject({ reading: 'unchanged' });
  const person = company.directory.members.get(teamId)?.[0];
  const key = await company.revealKey(person?.id ?? '', teamId);
  expect((await chat(litellm.baseUrl, key)).status).toBe(200);

  expect(await company.run({ ...overrides, readGatewayState: never })).toMatchObject({
    status: 'succeeded',
    reading: 'settled',
    done: {},
  });

  await company.gateway.updateTeam(teamId, { maxBudgetUsd: 1 }, AbortSignal.timeout(30_000));
  expect(await company.run(overrides)).toMatchObject({ done: { update_team: 1 } });
});
