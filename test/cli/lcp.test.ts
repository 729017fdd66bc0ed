// The `lcp` command as a person runs it: a process of its own, on a world with the fake LiteLLM.

import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { claimJob, endJob } from '../../droplet/agent/job-store.ts';
import type { HealthReport } from '../../lib/health/report.ts';
import { Secret } from '../../lib/secret.ts';
import { createDatabase } from '../../lib/store/database.ts';
import { recordHealth } from '../../lib/store/health.ts';
import { expectGolden } from '../golden.ts';
import { buildReport } from '../health/report-fixture.ts';
import { COMPANY_GROUP_IDS, seedUserId } from '../world/tenant/seed.ts';
import { makeThrowAwayFolder } from '../world/throw-away-folder.ts';
import { waitUntil } from '../world/wait-until.ts';
import { startWorld, type World } from '../world/world.ts';

const root = path.resolve(import.meta.dirname, '..', '..');
const POLICY = ['--policy', 'test/world/policy.yml'];
let world: World;
const folder = makeThrowAwayFolder();
const stateDir = folder.path;

beforeAll(async () => {
  world = await startWorld({ stateDir, mode: 'fast', schedule: false, log: () => undefined });
  // The runs of this file are made by `lcp apply`, and no notification is to be faster.
  world.tenant.deliveries.faults.add({ kind: 'lose' });
}, 120_000);

afterAll(async () => {
  await world?.stop();
  folder.remove();
});

type Outcome = { code: number | null; out: string; err: string };

function lcp(args: readonly string[], variables: Record<string, string> = {}): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const env = { PATH: process.env.PATH ?? '', ...world.environment, ...variables };
    const child = spawn(path.join(root, 'lib/cli/launcher.mjs'), args, {
      cwd: root,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [out, err] = ['', ''];
    child.stdout.on('data', (chunk) => (out += chunk));
    child.stderr.on('data', (chunk) => (err += chunk));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, out, err }));
  });
}

test('help names every command and the first steps', async () => {
  const { code, out } = await lcp(['--help']);

  expect(code).toBe(0);
  expectGolden('lcp-help.txt', out);
});

test('an unknown command is one clear error', async () => {
  const { code, err } = await lcp(['aply']);

  expect(code).toBe(1);
  expect(err).toContain("unknown command 'aply'");
  expect(err).toContain('lcp --help');
});

test('plan exits 2 while there is a difference, prints the same bytes twice and writes nothing; apply makes it 0', async () => {
  const before = world.litellm.fake?.requests.length ?? 0;
  const [first, second, json] = [
    await lcp(['plan', ...POLICY]),
    await lcp(['plan', ...POLICY]),
    await lcp(['plan', '--json', ...POLICY]),
  ];
  const requests = world.litellm.fake?.requests.slice(before) ?? [];

  expect([first.code, second.code, json.code]).toEqual([2, 2, 2]);
  expect(first.out).toBe(second.out);
  expect(first.out).toContain('+ new key for Ada Adler');
  expect(JSON.parse(json.out).plan.actions.length).toBeGreaterThan(50);
  expect(requests.length).toBeGreaterThan(0);
  expect(requests.filter((request) => request.method !== 'GET')).toEqual([]);

  const applied = await lcp(['apply', ...POLICY]);
  expect(applied.out).toMatch(/^run [\w-]+: succeeded in/);
  expect(applied.code).toBe(0);
  const after = await lcp(['plan', ...POLICY]);
  expect(after.out).toMatch(/^No changes/);
  expect(after.code).toBe(0);
});

test('status tells the last runs, what waits and how many keys there are', async () => {
  await lcp(['apply', ...POLICY]);
  const { code, out } = await lcp(['status']);

  expect(code).toBe(0);
  expect(out).toMatch(/Runs \(newest first\)\n {2}\S+ {2}succeeded {2}cli/);
  expect(out).toContain('Waiting for a decision\n  nothing');
  expect(out).toContain('Changed by hand\n  nothing');
  expect(out).toMatch(/\d+ live; \d+ not picked up/);
  expect(out).toMatch(
    /Notifications from Microsoft\n {2}groups: active, made 0 min ago, .*expires in (72 h|3 days)\n {2}users: active/,
  );
});

test('without notifications status exits 1 and doctor fails, and both say what to do', async () => {
  world.tenant.permissions.delete('Group.Read.All');
  for (const { id } of world.tenant.subscriptions.list()) world.tenant.subscriptions.remove(id);
  const database = new pg.Client({ connectionString: world.environment.CONTROL_DATABASE_URL });
  await database.connect();
  await database.query('update subscription_checks set checked_at = null');
  await database.end();
  await lcp(['apply', ...POLICY]);
  const [status, doctor] = [await lcp(['status']), await lcp(['doctor', ...POLICY])];
  world.tenant.permissions.add('Group.Read.All');
  await lcp(['apply', ...POLICY]);

  expect([status.code, doctor.code]).toEqual([1, 1]);
  expect(status.out).toContain('groups: none; changes are found by the schedule, within five minutes');
  expect(status.out).toContain('grant the application permission Group.Read.All');
  expect(doctor.out).toContain('FAIL  Microsoft notifies us of joins and leaves');
  expect((await lcp(['status'])).code).toBe(0);
});

test('status exits 1 and says why while removals wait for a decision', async () => {
  await lcp(['apply', ...POLICY]);
  const { tenant } = world.tenant;
  const members = tenant.findGroup(COMPANY_GROUP_IDS.product)?.memberIds ?? [];
  for (const userId of members.slice(0, 4)) tenant.removeMember(COMPANY_GROUP_IDS.product, userId);
  await lcp(['apply', ...POLICY]);
  const { code, out } = await lcp(['status']);
  for (const userId of members) tenant.addMember(COMPANY_GROUP_IDS.product, userId);
  await lcp(['apply', ...POLICY]);

  expect(code).toBe(1);
  expect(out).toMatch(
    /Waiting for a decision\n {2}[0-9a-f]{12} {2}\S+ {2}4 removals \(67 % at once, 50 % allowed/,
  );
});

test('status shows how the droplet is, exits 1 when it is not well, and with --fresh asks its agent first', async () => {
  await lcp(['apply', ...POLICY]);
  const [owner, agent] = ['', 'droplet_agent'].map((role) =>
    createDatabase({ url: new Secret(world.postgres.url('control', role || undefined)) }),
  );
  if (!owner || !agent) throw new Error('two databases');
  const record = (report: HealthReport) =>
    recordHealth(owner, {
      dropletId: 'droplet-1',
      jti: randomUUID(),
      expiresAt: new Date(Date.now() + 120_000),
      takenAt: new Date(),
      report,
    });
  const certificates = [{ name: 'site', expiresAt: new Date(Date.now() + 50.5 * 86_400_000).toISOString() }];
  await record(buildReport({ certificates }));
  const well = await lcp(['status']);
  const asking = lcp(['status', '--fresh']);
  const job = await waitUntil(() => claimJob(agent), { what: 'lcp asks for a report', limitMs: 20_000 });
  await record(buildReport({ certificates, disks: { ...buildReport().disks, data: null } }));
  await endJob(agent, job, { outcome: 'done', result: {} });
  const fresh = await asking;
  await owner.query('delete from droplet_health');
  await Promise.all([owner.close(), agent.close()]);

  expect([well.code, fresh.code]).toEqual([0, 1]);
  expect(well.out).toMatch(
    /Droplet\n {2}droplet-1\n {4}last report \d s ago; .*\n {4}containers: 2 of 2 well/,
  );
  expect(well.out).toContain('(site) expires in 50 days');
  expect(fresh.out).toContain('! disks: root 31 % of 160.0 GB, data is not mounted');
});

test('held removals are listed, shown with names, rejected once, and approved from a terminal', async () => {
  const { tenant } = world.tenant;
  const members = tenant.findGroup(COMPANY_GROUP_IDS.product)?.memberIds ?? [];
  for (const userId of members.slice(0, 4)) tenant.removeMember(COMPANY_GROUP_IDS.product, userId);
  await lcp(['apply', ...POLICY]);
  const list = await lcp(['quarantine', 'list']);
  const id = /^[0-9a-f]{12}/.exec(list.out)?.[0] ?? '';
  expect(list.code).toBe(1);
  expect(list.out).toContain('4 removals');
  const shown = await lcp(['quarantine', 'show', id]);
  expect(shown.out).toContain('Finn Costa');
  const unasked = await lcp(['quarantine', 'reject', id, ...POLICY]);
  expect([unasked.code, unasked.err]).toEqual([1, expect.stringContaining('--yes')]);

  const rejected = await lcp(['quarantine', 'reject', id, '--yes', ...POLICY]);
  expect([rejected.code, rejected.out]).toEqual([0, expect.stringContaining('Rejected.')]);
  const again = await lcp(['quarantine', 'approve', id, '--yes', ...POLICY]);
  expect([again.code, again.err]).toEqual([1, expect.stringContaining('does not wait any more')]);
  expect((await lcp(['quarantine', 'list'])).code).toBe(0);
  expect(await lcp(['quarantine', 'show', 'ffff'])).toMatchObject({
    code: 1,
    err: expect.stringContaining('lcp quarantine list'),
  });

  for (const userId of members) tenant.addMember(COMPANY_GROUP_IDS.product, userId);
  await lcp(['apply', ...POLICY]);
  for (const userId of members.slice(0, 4)) tenant.removeMember(COMPANY_GROUP_IDS.product, userId);
  await lcp(['apply', ...POLICY]);
  const approved = await lcp(['quarantine', 'approve', id, '--yes', ...POLICY]);
  expect([approved.code, approved.out]).toEqual([0, expect.stringContaining('Approved.')]);
  expect((await lcp(['apply', ...POLICY])).out).toContain('4 block_key');
  for (const userId of members) tenant.addMember(COMPANY_GROUP_IDS.product, userId);
  await lcp(['apply', ...POLICY]);
});

test('drift exits 0 without any, and 2 with before and after when somebody changed a team', async () => {
  await lcp(['apply', ...POLICY]);
  expect(await lcp(['drift', ...POLICY])).toMatchObject({
    code: 0,
    out: expect.stringContaining('No drift'),
  });
  const team = world.litellm.fake?.state.teams.get(COMPANY_GROUP_IDS.product);
  if (team) team.max_budget = 9_000;

  const drift = await lcp(['drift', ...POLICY]);
  expect(drift.code).toBe(2);
  expect(drift.out).toMatch(/^team Product: maxBudgetUsd 100 -> 9000; .*the next run puts it right\n$/);
  await lcp(['apply', ...POLICY]);
  expect((await lcp(['drift', ...POLICY])).code).toBe(0);
});

test('key rotate says what it would do, does it once, and needs to be told whose', async () => {
  const user = ['--user', seedUserId(7)];
  expect((await lcp(['key', 'rotate', ...POLICY])).err).toContain('--older-than <days>');
  expect((await lcp(['key', 'rotate', ...user, '--dry-run', ...POLICY])).out).toContain('would rotate 1 key');
  expect((await lcp(['key', 'rotate', ...user, '--yes', ...POLICY])).out).toContain('Rotation of 1 begun');
  await lcp(['apply', ...POLICY]);

  expect((await lcp(['key', 'rotate', ...user, '--yes', ...POLICY])).out).toContain('Nothing to rotate');
  expect((await lcp(['status'])).out).toContain('1 retiring');
});

test('key test gives a key that works to somebody of DevOps, and to nobody else', async () => {
  const made = await lcp([
    'key',
    'test',
    '--user',
    seedUserId(9),
    '--team',
    COMPANY_GROUP_IDS.devops,
    ...POLICY,
  ]);
  const refused = await lcp([
    'key',
    'test',
    '--user',
    seedUserId(6),
    '--team',
    COMPANY_GROUP_IDS.product,
    ...POLICY,
  ]);

  expect(made.out).toMatch(/^sk-[\w-]+\n$/);
  const answer = await world.callModel({ key: new Secret(made.out.trim()), model: 'gpt-4-turbo' });
  expect(answer.status).toBe(200);
  expect([refused.code, refused.err]).toEqual([1, expect.stringContaining('TEST_KEY_REFUSED')]);
});

test('key reveal shows a working key once, and never without being told to', async () => {
  await lcp(['apply', ...POLICY]);
  const args = ['key', 'reveal', '--user', seedUserId(6), '--team', COMPANY_GROUP_IDS.product];
  const unasked = await lcp(args);
  expect(unasked).toMatchObject({ code: 1, out: '' });

  const shown = await lcp([...args, '--yes']);
  const [teamId, key = ''] = shown.out.trim().split(' ');
  expect(teamId).toBe(COMPANY_GROUP_IDS.product);
  expect((await world.callModel({ key: new Secret(key), model: 'claude-3-haiku' })).status).toBe(200);

  const again = await lcp([...args, '--yes']);
  expect(again.code).toBe(1);
  expect(again.err).toContain('KEY_NOT_FOUND');
  expect((await lcp(['key', 'reveal', '--user', 'ada', '--yes'])).err).toContain('must be a GUID');
});

test('audit verify names the first row that was changed', async () => {
  await lcp(['apply', ...POLICY]);
  const intact = await lcp(['audit', 'verify']);
  expect(intact.out).toMatch(/^intact: \d+ rows, head \d+ [0-9a-f]{64}\n$/);
  expect(intact.code).toBe(0);

  const client = new pg.Client({ connectionString: world.postgres.url('control') });
  await client.connect();
  const change = (cause: string) =>
    client.query(
      `alter table audit disable trigger all; update audit set cause = ${cause} where seq = 7; alter table audit enable trigger all`,
    );
  const before = await client.query<{ cause: string }>('select cause from audit where seq = 7');
  await change(`'forged'`);
  const broken = await lcp(['audit', 'verify']);
  await change(before.rows[0]?.cause === undefined ? 'null' : client.escapeLiteral(before.rows[0].cause));
  await client.end();

  expect(broken.code).toBe(1);
  expect(broken.out).toContain('BROKEN: row 7 was changed');
});

test('adopt proposes a private file, refuses to overwrite it, shows what it would do, and after it the plan is empty', async () => {
  await lcp(['apply', ...POLICY]);
  const { fake } = world.litellm;
  if (!fake) throw new Error('the fake');
  const key = 'sk-made-by-hand-0001';
  const post = (route: string, body: unknown) =>
    fetch(`${fake.baseUrl}${route}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${fake.adminKey.reveal()}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const owner = seedUserId(4); // in AI Engineering Platform, and managed already through AI Engineering
  const members_with_roles = [{ user_id: owner, role: 'user' }];
  const team = {
    team_alias: 'ai engineering platform',
    models: ['gpt-4'],
    max_budget: 20,
    members_with_roles,
  };
  await post('/team/new', { team_id: 'team-by-hand', ...team });
  await post('/key/generate', { key, user_id: owner, team_id: 'team-by-hand', key_alias: 'notebook' });
  const file = path.join(stateDir, 'adoption.yml');

  const proposed = await lcp(['adopt', 'propose', ...POLICY, '--out', file]);
  const again = await lcp(['adopt', 'propose', ...POLICY, '--out', file]);
  expect(proposed.err).toBe('');
  expect(proposed.out).toContain(`${file}: 1 teams, 0 people, 1 keys to take over`);
  expect(again).toMatchObject({ code: 1, out: '' });
  expect(again.err).toContain('--force');
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const text = readFileSync(file, 'utf8');
  expect(text).not.toContain(key);

  const tooEarly = await lcp(['adopt', 'apply', file, ...POLICY]);
  expect(tooEarly.code).toBe(1);
  expect(tooEarly.err).toContain('policy.yml does not name the group');
  const policyFile = path.join(stateDir, 'policy-with-adopted.yml');
  const policy = parse(readFileSync(path.join(root, 'test/world/policy.yml'), 'utf8'));
  policy.groups.push(...parse(text).policy.groups);
  await writeFile(policyFile, stringify(policy));
  const withAdopted = ['--policy', policyFile];

  const start = fake.requests.length;
  const dry = await lcp(['adopt', 'apply', file, '--dry-run', ...withAdopted]);
  expect(dry).toMatchObject({ code: 0, err: '' });
  expect(dry.out).toContain('would take over 1 teams, 0 people, 1 keys');
  expect(fake.requests.slice(start).filter(({ method }) => method !== 'GET')).toEqual([]);
  const applied = await lcp(['adopt', 'apply', file, ...withAdopted]);
  expect(applied).toMatchObject({ code: 0, err: '' });
  expect(applied.out).toContain('took over 1 teams, 0 people, 1 keys');

  expect((await lcp(['plan', ...withAdopted])).out).not.toContain(`new key for ${owner}`);
  expect((await lcp(['apply', ...withAdopted])).code).toBe(0);
  expect((await lcp(['plan', ...withAdopted])).out).toMatch(/^No changes/);
  expect((await world.callModel({ key: new Secret(key), model: 'gpt-4' })).status).toBe(200);
});

test('doctor says that all is well when it is', async () => {
  const { code, out } = await lcp(['doctor', ...POLICY]);

  expect(out).not.toContain('FAIL');
  expect(out.match(/^ok /gm)?.length).toBeGreaterThan(12);
  expect(code).toBe(0);
});

test('doctor names what is wrong and what to do, all at once, and shows no secret', async () => {
  const wrong = {
    LITELLM_ADMIN_KEY: 'sk-wrong-plaintext',
    AZURE_CLIENT_SECRET: 'wrong-plaintext',
    CONTROL_DATABASE_URL: 'postgres://nobody:wrong-plaintext@127.0.0.1:1/control',
    KEY_ESCROW_PRIVATE_KEY: 'A'.repeat(43),
    DO_FUNCTIONS_KEY: 'dof_v1_x:wrong-plaintext',
  };
  const { code, out, err } = await lcp(['doctor', ...POLICY], wrong);

  expect(code).toBe(1);
  for (const what of [
    'control database',
    'LITELLM_ADMIN_KEY',
    'Entra: Read groups',
    'escrow keys',
    'functions API',
  ]) {
    expect(out).toMatch(new RegExp(`FAIL  .*${what}`));
  }
  expect(out).toContain('AZURE_CLIENT_SECRET');
  expect(out + err).not.toContain('plaintext');
});

test('doctor reports a missing permission and a group that does not exist', async () => {
  const file = path.join(stateDir, 'policy-with-typo.yml');
  const policy = readFileSync(path.join(root, 'test/world/policy.yml'), 'utf8');
  await writeFile(file, policy.replace(COMPANY_GROUP_IDS.devops, 'bbbbbbbb-0000-4000-8000-00000000dead'));
  world.tenant.permissions.delete('User.Read.All');
  const { code, out } = await lcp(['doctor', '--policy', file]);
  world.tenant.permissions.add('User.Read.All');

  expect(code).toBe(1);
  expect(out).toMatch(/FAIL {2}Entra: Read users/);
  expect(out).toMatch(/FAIL {2}Entra: Group bbbbbbbb-0000-4000-8000-00000000dead/);
  expect(out).toContain('policy.yml');
});

test('audit verify --spaces says that there is no export yet, and is whole after the function ran', async () => {
  await lcp(['apply', ...POLICY]);
  const before = await lcp(['audit', 'verify', '--spaces']);
  const { result } = await world.host.fireTrigger('backup-daily').ended;
  const after = await lcp(['audit', 'verify', '--spaces']);
  const status = await lcp(['status']);

  expect(before).toMatchObject({ code: 1, out: expect.stringContaining('There is no export in') });
  expect(result.body).toMatchObject({ audit: { objectCount: 1, isComplete: true } });
  expect(after).toMatchObject({ code: 0, out: expect.stringContaining('continue the exports by 0') });
  expect(status.out).toMatch(/Audit\n {2}exported to Spaces up to row \d+/);
});

test('migrate on a migrated database does nothing and says so', async () => {
  const { code, out } = await lcp(['migrate']);
  expect([code, out.split('\n')[0]]).toEqual([0, 'nothing to do: at 000006-droplet']);
  expect(out).toContain('role control_portal may do what control/portal needs, and no more');
  expect(out).toContain('role control_agent may do what control/agent needs, and no more');
  expect(out).toContain('role droplet_agent may do what the agent on the droplet needs, and no more');
});

test('escrow keygen prints a pair for .env', async () => {
  const { out } = await lcp(['escrow', 'keygen']);

  expect(out).toMatch(/^KEY_ESCROW_PUBLIC_KEY=[\w-]{43}\nKEY_ESCROW_PRIVATE_KEY=[\w-]{43}\n$/);
});

test('a setting that is missing stops a command with every problem and exit code 1', async () => {
  const { code, err } = await lcp(['plan', ...POLICY], { LITELLM_BASE_URL: '', AZURE_TENANT_ID: 'x' });

  expect(code).toBe(1);
  expect(err).toContain('The environment has 2 problems');
  expect(err).toContain('CONFIG_INVALID');
});
