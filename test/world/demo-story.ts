// The story of the demo, step by step, on whatever world it is given. Each step does one thing to the company,
// lets the deployed function run, and checks what a person would see. A step that does not hold throws.

import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import { verifyAgainstStoredExports, verifyStoredExports } from '../../lib/audit/verify-exports.ts';
import { readDropletHealth, refreshDropletHealth } from '../../lib/cli/droplet-health.ts';
import { systemClock } from '../../lib/clock.ts';
import { parseEntraGroupId, parseEntraUserId } from '../../lib/ids.ts';
import { revealKeys } from '../../lib/keys/reveal.ts';
import type { Secret } from '../../lib/secret.ts';
import { verifyAudit } from '../../lib/store/audit.ts';
import type { Database } from '../../lib/store/database.ts';
import { listKeys } from '../../lib/store/keys.ts';
import type { RunReport } from '../../lib/sync/report.ts';
import { parseRequestLog } from './litellm/request-log.ts';
import { COMPANY_GROUP_IDS, seedUserId } from './tenant/seed.ts';
import { waitUntil } from './wait-until.ts';
import type { World } from './world.ts';

export type Step = { readonly title: string; readonly play: () => Promise<string> };

type Cast = { readonly world: World; readonly database: Database; readonly keys: Map<string, Secret> };

const { engineering, platform, product, devops, admins } = COMPANY_GROUP_IDS;
const NEWCOMER = 'aaaaaaaa-0000-4000-8000-00000000d001';
const BRUNO = seedUserId(2);
const MODEL = {
  [engineering]: 'gpt-4',
  [product]: 'claude-3-haiku',
  [devops]: 'gpt-4-turbo',
  [admins]: 'claude-3-opus',
} as Record<string, string>;

export function createStory(cast: Cast): Step[] {
  const { world, database, keys } = cast;
  const { tenant } = world.tenant;
  const remember = async (userId: string, teamId: string) => {
    const request = {
      userId: parseEntraUserId(userId),
      teamId: parseEntraGroupId(teamId),
      actor: 'demo',
      now: new Date(),
    };
    const pair = { publicKey: world.secrets.escrowPublicKey, privateKey: world.secrets.escrowPrivateKey };
    for (const key of await revealKeys(database, pair, request))
      keys.set(`${userId}/${teamId}`, key.plaintext);
  };
  const call = async (userId: string, teamId: string) => {
    const key = keys.get(`${userId}/${teamId}`);
    assert(key, 'the demo has not revealed this key');
    return world.callModel({ key, model: MODEL[teamId] ?? 'gpt-4' });
  };
  const expectStatus = async (userId: string, teamId: string, status: number) => {
    const answer = await call(userId, teamId);
    assert.equal(
      answer.status,
      status,
      `expected ${status} for ${userId} in ${teamId}, got ${answer.status}: ${answer.text}`,
    );
    return answer;
  };

  const untilStatus = (userId: string, teamId: string, status: number) =>
    waitUntil(
      async () => {
        const answer = await call(userId, teamId);
        return answer.status === status ? answer : undefined;
      },
      { what: `${userId} in ${teamId} gets ${status}`, limitMs: 30_000, everyMs: 5 },
    );

  return [
    {
      title: 'first sync: four teams (one with a nested group), 25 people, a guest left out',
      play: async () => {
        const report = await finishedRun(world);
        assert.deepEqual(report.failed, {});
        assert.equal(report.done.create_user, 24);
        const live = (await listKeys(database)).filter((key) => key.status === 'live').length;
        assert.equal(live, report.done.mint_key);
        assert.equal(report.subscriptions.state, 'active');
        return `${report.done.create_team} teams, ${report.done.add_member} memberships, ${live} keys; nobody else was touched`;
      },
    },
    {
      title: 'second sync: nothing to do, nothing written',
      play: async () => {
        const before = writes(world);
        const report = await finishedRun(world);
        assert.deepEqual(report.done, {});
        assert.equal(writes(world), before, 'LiteLLM saw a write');
        return `0 writes to LiteLLM, ${report.durationMs} ms`;
      },
    },
    {
      title: 'a newcomer joins the nested group, and Microsoft notifies us: the key answers',
      play: async () => {
        const joined = performance.now();
        tenant.createUser({
          id: NEWCOMER,
          displayName: 'Nora Neumann',
          userPrincipalName: 'nora.neumann@contoso.example',
        });
        tenant.addMember(platform, NEWCOMER);
        await untilKeyWaits(NEWCOMER, database);
        await remember(NEWCOMER, engineering);
        const answer = await expectStatus(NEWCOMER, engineering, 200);
        return `200 after ${seconds(joined)}: “${answer.text}”`;
      },
    },
    {
      title: 'she leaves, and Microsoft notifies us: the key is refused',
      play: async () => {
        await world.quiet();
        const left = performance.now();
        tenant.removeMember(platform, NEWCOMER);
        const answer = await untilStatus(NEWCOMER, engineering, 401);
        return `401 after ${seconds(left)}: “${answer.text.slice(0, 60)}…”`;
      },
    },
    {
      title: 'she comes back: the very same key works again',
      play: async () => {
        await world.quiet();
        const before = (await listKeys(database)).length;
        const back = performance.now();
        tenant.addMember(platform, NEWCOMER);
        await untilStatus(NEWCOMER, engineering, 200);
        await world.quiet();
        assert.equal((await listKeys(database)).length, before);
        return `200 after ${seconds(back)}, no new key was made`;
      },
    },
    {
      title: 'an account is disabled: every key of it is refused, in all teams',
      play: async () => {
        await remember(BRUNO, engineering);
        await remember(BRUNO, admins);
        await expectStatus(BRUNO, engineering, 200);
        await expectStatus(BRUNO, admins, 200);
        const disabled = performance.now();
        tenant.disableUser(BRUNO);
        await untilStatus(BRUNO, engineering, 401);
        await untilStatus(BRUNO, admins, 401);
        return `401 in both teams after ${seconds(disabled)}`;
      },
    },
    {
      title: 'from here on every notification is lost: the schedule finds that the account is enabled again',
      play: async () => {
        await world.quiet();
        world.tenant.deliveries.faults.add({ kind: 'lose' });
        tenant.enableUser(BRUNO);
        await finishedRun(world);
        await expectStatus(BRUNO, engineering, 200);
        await expectStatus(BRUNO, admins, 200);
        return '200 in both teams';
      },
    },
    {
      title: 'Microsoft Graph answers 503 half-way: nobody is removed from what was not read',
      play: async () => {
        const member = membersOf(world, product)[0] ?? '';
        await remember(member, product);
        tenant.removeMember(product, member);
        const fault = world.tenant.faults.add({
          match: { groupId: product },
          fault: { kind: 'status', status: 503, retryAfterSeconds: 3600 },
        });
        const report = await finishedRun(world);
        assert.deepEqual(report.incompleteGroups, [product]);
        assert.equal(report.done.remove_member, undefined);
        await expectStatus(member, product, 200);
        world.tenant.faults.remove(fault);
        await finishedRun(world);
        await expectStatus(member, product, 401);
        return 'reported as partial, key still 200; once Graph answers again, 401';
      },
    },
    {
      title: '60 % of a group vanish at once: held for a person to decide, everything else goes ahead',
      play: async () => {
        const members = membersOf(world, product);
        const vanishing = members.slice(0, Math.ceil(members.length * 0.6));
        for (const userId of vanishing) tenant.removeMember(product, userId);
        tenant.addMember(devops, NEWCOMER);
        const report = await finishedRun(world);
        assert.equal(report.quarantined.length, 1);
        assert.equal(report.quarantined[0]?.peopleCount, vanishing.length);
        assert.equal(report.done.remove_member, undefined);
        assert.equal(report.done.add_member, 1);
        await remember(vanishing[0] ?? '', product);
        await expectStatus(vanishing[0] ?? '', product, 200);
        for (const userId of vanishing) tenant.addMember(product, userId);
        await finishedRun(world);
        return `${vanishing.length} of ${members.length} held, their keys still answer 200; a joiner elsewhere was served`;
      },
    },
    {
      title: 'the function is killed in the middle: the next run finishes, one key each',
      play: async () => {
        for (const position of [6, 7, 8, 16, 17, 18]) tenant.addMember(devops, seedUserId(position));
        const before = (await listKeys(database)).length;
        const { activationId, ended } = world.host.invoke('control/sync', { trigger: 'manual' });
        await untilMoreKeysThan(before, database);
        world.host.kill(activationId);
        await ended;
        await database.query('update leases set expires_at = clock_timestamp()');
        await finishedRun(world);
        const live = (await listKeys(database)).filter(
          (key) => key.status === 'live' && key.teamId === devops,
        );
        assert.equal(live.length, new Set(live.map((key) => key.userId)).size);
        assert.equal(live.length, membersOf(world, devops).length);
        return `${live.length} people in DevOps, ${live.length} live keys`;
      },
    },
    {
      title: 'everybody else picks up their keys, each shown once',
      play: async () => {
        const waiting = (await listKeys(database)).filter((key) => key.status === 'live' && !key.isRevealed);
        for (const { userId, teamId } of waiting) await remember(userId, teamId);
        const first = waiting[0];
        assert(first);
        await assert.rejects(remember(first.userId, first.teamId), { code: 'KEY_NOT_FOUND' });
        const { rows } = await database.query('select 1 from keys where jwe is not null');
        assert.equal(rows.length, 0);
        return `${waiting.length} keys shown, no ciphertext left`;
      },
    },
    {
      title: 'a container of the droplet stops: its agent says so, and says when it runs again',
      play: async () => {
        const report = async () => {
          assert.equal(await refreshDropletHealth(database, systemClock), undefined);
          return (await readDropletHealth(database, new Date())).lines.join('\n');
        };
        const began = performance.now();
        const before = await report();
        const took = seconds(began);
        world.agent?.setContainer('ollama', { state: 'exited', health: null, exitCode: 137 });
        const stopped = await report();
        world.agent?.setContainer('ollama');
        const after = await report();
        assert.match(before, /containers: 4 of 4 well/);
        assert.match(stopped, /! litellm-ollama-1: exited with 137/);
        assert.match(after, /containers: 4 of 4 well/);
        return `asked for and signed, sent, verified, stored in ${took}; 3 of 4 well, then 4 of 4`;
      },
    },
    {
      title: 'the audit chain verifies',
      play: async () => {
        const state = await verifyAudit(database);
        assert.equal(state.status, 'intact');
        return state.status === 'intact'
          ? `${state.rowCount} rows, head ${state.head.hash.slice(0, 12)}…`
          : '';
      },
    },
    {
      title: 'the night comes: the audit is in Spaces, as one whole chain that the database continues',
      play: async () => {
        const { status } = await world.host.fireTrigger('backup-daily').ended;
        assert.equal(status, 'success');
        const signal = AbortSignal.timeout(30_000);
        const bucket = world.openBucket();
        const exports = await verifyStoredExports(bucket, signal);
        assert(exports.status === 'intact');
        const state = await verifyAgainstStoredExports(database, bucket, exports, signal);
        assert.deepEqual(state, { status: 'intact', rowCount: exports.rowCount, addedCount: 0 });
        return `${exports.rowCount} rows in ${exports.objectCount} object, head ${exports.head.hash.slice(0, 12)}…`;
      },
    },
  ];
}

async function finishedRun(world: World): Promise<RunReport> {
  const outcome = await world.syncNow();
  assert.equal(outcome.kind, 'finished', outcome.kind === 'finished' ? '' : outcome.message);
  assert(outcome.kind === 'finished');
  return outcome.report;
}

/** Who Entra would put into the team: enabled, no guests, nested groups followed. */
function membersOf(world: World, groupId: string): string[] {
  const { tenant } = world.tenant;
  const everybody = new Map(tenant.listUsers().map((user) => [user.id, user]));
  return [...tenant.listTransitiveMemberIds(groupId)]
    .map((id) => everybody.get(id))
    .filter((user) => user?.accountEnabled === true && user.userType === 'Member')
    .map((user) => user?.id ?? '')
    .sort();
}

function writes(world: World): number {
  const { fake, logFile } = world.litellm;
  const requests = fake ? fake.requests : parseRequestLog(readFileSync(logFile ?? '', 'utf8'));
  return requests.filter((request) => request.method !== 'GET' && request.path !== '/chat/completions')
    .length;
}

/** Waits until the run is in the middle of its work: the first of its new keys is in the database. */
async function untilMoreKeysThan(before: number, database: Database): Promise<void> {
  await waitUntil(async () => (await listKeys(database)).length > before, {
    what: 'The run never reached the making of keys',
    limitMs: 30_000,
    everyMs: 2,
  });
}

/** The key was made and is live; nobody was shown it yet. */
async function untilKeyWaits(userId: string, database: Database): Promise<void> {
  await waitUntil(
    async () =>
      (await listKeys(database)).some(
        (key) => key.userId === userId && key.status === 'live' && !key.isRevealed,
      ),
    { what: 'A key for the newcomer', limitMs: 30_000, everyMs: 10 },
  );
}

function seconds(since: number): string {
  return `${((performance.now() - since) / 1000).toFixed(2)} s`;
}
