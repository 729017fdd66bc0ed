// kill -9 of the `lcp` process between any two of its effects, for what a person starts by hand: approve, rotate, adopt,
// and the run that deletes after the grace. Each command is begun again and again on what the last one left, and killed
// one effect later each time, until it reaches its end.

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { parse, stringify } from 'yaml';
import { verifyAudit } from '../../lib/store/audit.ts';
import { createDatabase, type Database } from '../../lib/store/database.ts';
import { listKeys, type StoredKey } from '../../lib/store/keys.ts';
import { COMPANY_GROUP_IDS, seedUserId } from '../world/tenant/seed.ts';
import { makeThrowAwayFolder } from '../world/throw-away-folder.ts';
import { startWorld, type World } from '../world/world.ts';

const root = path.resolve(import.meta.dirname, '..', '..');
const folder = makeThrowAwayFolder();
/** Where the packages of the checkout are found. */
const PROGRAM = path.join(root, '.world', 'test', 'lcp-in-one-file', 'lcp.mjs');
/** More effects than any of these commands has. */
const MOST_KILLS = 120;
const STORY_LIMIT_MS = 300_000;
const { product, platform } = COMPANY_GROUP_IDS;
let policyFile = 'test/world/policy.yml';
let world: World;
let database: Database;

beforeAll(async () => {
  await buildProgram();
  world = await startWorld({ stateDir: folder.path, mode: 'fast', schedule: false, log: () => undefined });
  world.tenant.deliveries.faults.add({ kind: 'lose' });
  database = createDatabase({ url: world.controlDatabaseUrl });
  expect((await lcp(['apply'])).code).toBe(0);
}, 120_000);
afterAll(async () => {
  await database?.close();
  await world?.stop();
  folder.remove();
});

/** Our part of `lcp` in one file: it starts in a third of the time, and it starts a hundred times here. */
async function buildProgram(): Promise<void> {
  await build({
    entryPoints: [path.join(root, 'lib/cli/lcp.ts')],
    outfile: PROGRAM,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node22',
    logLevel: 'silent',
  });
}

type Outcome = { code: number | null; signal: string | null; out: string };

function lcp(args: readonly string[], killAt?: number): Promise<Outcome> {
  const preload = path.join(import.meta.dirname, 'kill-at.mjs');
  const loaded = killAt === undefined ? [] : ['--import', preload];
  const env = { PATH: process.env.PATH ?? '', ...world.environment, KILL_AT: String(killAt) };
  const program = [...loaded, PROGRAM, ...args, '--policy', policyFile];
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...program], {
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (out += chunk));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, out }));
  });
}

/** How often it was killed before it reached its end, and how it ended. */
async function killUntilDone(args: readonly string[]): Promise<{ kills: number; last: Outcome }> {
  for (let kills = 0; kills < MOST_KILLS; kills += 1) {
    const last = await lcp(args, kills + 1);
    // As half a minute would.
    await database.query('update leases set expires_at = clock_timestamp()');
    if (last.signal !== 'SIGKILL') return { kills, last };
  }
  throw new Error(`${args.join(' ')} never ended.`);
}

async function expectQuiet(): Promise<void> {
  expect(await lcp(['apply'])).toMatchObject({ code: 0 });
  expect(await lcp(['plan'])).toMatchObject({ code: 0 });
  expect(await verifyAudit(database)).toMatchObject({ status: 'intact' });
}

const keysOf = async (userId: string, teamId?: string): Promise<StoredKey[]> =>
  (await listKeys(database)).filter(
    (key) => key.userId === userId && (teamId === undefined || key.teamId === teamId),
  );

function memberIds(teamId: string): string[] {
  return (world.litellm.fake?.state.teams.get(teamId)?.members_with_roles ?? []).map(
    ({ user_id }) => user_id,
  );
}

vi.setConfig({ testTimeout: STORY_LIMIT_MS });

test('rotate: one new key beside the old one, however often it was killed', async () => {
  const person = seedUserId(7);
  const [before] = await keysOf(person);

  const begun = await killUntilDone(['key', 'rotate', '--user', person, '--yes']);
  const applied = await killUntilDone(['apply']);
  await expectQuiet();

  expect(begun.kills + applied.kills).toBeGreaterThan(4);
  const keys = await keysOf(person, before?.teamId);
  expect(keys.filter(({ status }) => status === 'live')).toHaveLength(1);
  expect(keys.filter(({ status }) => status === 'retiring').map(({ keyHash }) => keyHash)).toEqual([
    before?.keyHash,
  ]);
});

test('approve: exactly the removals that were held, decided once, however often it was killed', async () => {
  const { tenant } = world.tenant;
  const leavers = [...tenant.listTransitiveMemberIds(product)];
  const others = Object.values(COMPANY_GROUP_IDS).filter((id) => id !== product);
  const before = new Map(others.map((id) => [id, memberIds(id).sort()]));
  for (const userId of leavers) tenant.removeMember(product, userId);
  await lcp(['apply']);
  const { rows } = await database.query<{ id: string }>(
    `select quarantine_id as id from quarantines where status = 'waiting'`,
  );
  expect(rows).toHaveLength(1);
  expect(memberIds(product).length).toBeGreaterThan(3);

  const approved = await killUntilDone(['quarantine', 'approve', rows[0]?.id ?? '', '--yes']);
  const applied = await killUntilDone(['apply']);
  await expectQuiet();

  expect(approved.kills + applied.kills).toBeGreaterThan(8);
  expect(memberIds(product).filter((id) => leavers.includes(id))).toEqual([]);
  for (const id of others) expect(memberIds(id).sort()).toEqual(before.get(id));
  const decisions = await database.query(`select from audit where event = 'removals_approved'`);
  expect(decisions.rowCount).toBe(1);
});

test('delete after the grace: the keys and the user are gone, and nobody else’s, however often it was killed', async () => {
  const leavers = new Set<string>(
    (await listKeys(database)).filter(({ status }) => status === 'blocked').map(({ userId }) => userId),
  );
  expect(leavers.size).toBeGreaterThan(3);
  const before = (await listKeys(database)).filter(({ userId }) => !leavers.has(userId)).length;
  await database.query(
    `update keys set blocked_at = blocked_at - interval '31 days' where status = 'blocked'`,
  );

  const applied = await killUntilDone(['apply']);
  await expectQuiet();
  await expectQuiet();

  expect(applied.kills).toBeGreaterThan(8);
  const keys = await listKeys(database);
  expect(keys.filter(({ status }) => status === 'blocked')).toEqual([]);
  expect(keys.filter(({ userId }) => !leavers.has(userId))).toHaveLength(before);
  const stillThere = [...(world.litellm.fake?.state.users.keys() ?? [])].filter((id) => leavers.has(id));
  const elsewhere = new Set<string>(
    keys.filter(({ status }) => status === 'live').map(({ userId }) => userId),
  );
  expect(stillThere.filter((id) => !elsewhere.has(id))).toEqual([]);
});

test('adopt: the team is taken over whole, and its key goes on unchanged, however often it was killed', async () => {
  const { fake } = world.litellm;
  if (!fake) throw new Error('the fake');
  const post = (route: string, body: unknown) =>
    fetch(`${fake.baseUrl}${route}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${fake.adminKey.reveal()}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const owner = seedUserId(4);
  await post('/team/new', {
    team_id: 'team-by-hand',
    team_alias: 'ai engineering platform',
    models: ['gpt-4'],
    max_budget: 20,
    members_with_roles: [{ user_id: owner, role: 'user' }],
  });
  await post('/key/generate', {
    key: 'sk-made-by-hand-0001',
    user_id: owner,
    team_id: 'team-by-hand',
    key_alias: 'notebook',
  });
  const file = path.join(folder.path, 'adoption.yml');
  await lcp(['adopt', 'propose', '--out', file]);
  const policy = parse(readFileSync(path.join(root, policyFile), 'utf8'));
  policy.groups.push(...parse(readFileSync(file, 'utf8')).policy.groups);
  policyFile = path.join(folder.path, 'policy-with-adopted.yml');
  await writeFile(policyFile, stringify(policy));

  const adopted = await killUntilDone(['adopt', 'apply', file]);
  const repeated = await lcp(['adopt', 'apply', file]);
  await expectQuiet();

  expect(adopted.kills).toBeGreaterThan(4);
  expect([adopted.last.code, repeated.code]).toEqual([0, 0]);
  const keys = await keysOf(owner, platform);
  expect(keys.map(({ status }) => status)).toEqual(['live']);
  const { rowCount } = await database.query(`select from audit where event = 'team_adopted'`);
  expect(rowCount).toBe(1);
});
