// Retries, timeouts and error codes of the gateway, over real HTTP against the fake with stated faults.

import { randomBytes, randomUUID } from 'node:crypto';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Clock } from '../../lib/clock.ts';
import { ControlError } from '../../lib/errors.ts';
import { createGateway, type Gateway, type GatewayOptions } from '../../lib/gateway/client.ts';
import { NO_MEMBER_LIMITS } from '../../lib/gateway/state.ts';
import { hashKey } from '../../lib/ids.ts';
import { Secret } from '../../lib/secret.ts';
import type { Fault } from '../world/litellm-fake/faults.ts';
import { type FakeLiteLLM, startFakeLiteLLM } from '../world/litellm-fake/start.ts';

const MASTER_KEY = 'sk-master-of-the-fake';
const signal = new AbortController().signal;

let fake: FakeLiteLLM;
let waits: number[];

beforeEach(async () => {
  fake = await startFakeLiteLLM({ masterKey: MASTER_KEY });
  waits = [];
});
afterEach(async () => {
  expect(fake.faults.listUnmet()).toEqual([]);
  await fake.close();
});

/** Waits end at once and are written down. */
const clock: Clock = {
  now: () => new Date('2026-11-23T12:00:00Z'),
  sleep: async (durationMs, aborted) => {
    aborted?.throwIfAborted();
    waits.push(durationMs);
  },
};

function connect(changes: Partial<GatewayOptions> = {}): Gateway {
  return createGateway({ ...fake, clock, timeoutMs: 5_000, maxConcurrency: 4, ...changes });
}

async function catchError(work: Promise<unknown>): Promise<ControlError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof ControlError) return error;
  throw new Error(`Expected a ControlError, got ${inspect(error)}`);
}

describe('a failed attempt', () => {
  test.each<[string, Fault]>([
    ['status 500', { kind: 'fail', status: 500 }],
    ['status 503', { kind: 'fail', status: 503 }],
    ['status 429', { kind: 'fail', status: 429 }],
    ['a reset connection', { kind: 'reset' }],
  ])('with %s is tried again, and the answer is the second one', async (_, fault) => {
    fake.faults.add(fault);

    expect(await connect().listTeams(signal)).toEqual([]);
    expect(fake.requests).toHaveLength(2);
  });

  test('that stays failed ends after four attempts, with growing waits, as unavailable and retryable', async () => {
    fake.faults.add({ kind: 'fail', status: 503, times: 4 });

    const error = await catchError(connect().listTeams(signal));

    expect(error).toMatchObject({ code: 'GATEWAY_UNAVAILABLE', retryable: true, details: { status: 503 } });
    expect(waits).toEqual([200, 400, 800]);
  });

  test('is waited for as jitter says', async () => {
    fake.faults.add({ kind: 'fail', status: 503, times: 2 });

    await connect({ random: () => 0 }).listTeams(signal);

    expect(waits).toEqual([100, 200]);
  });

  test('with Retry-After is waited for as asked', async () => {
    fake.faults.add({ kind: 'fail', status: 429, retryAfterSeconds: 7 });

    await connect().listTeams(signal);

    expect(waits).toEqual([7_000]);
  });

  test('with a Retry-After longer than we wait ends at once and passes it on', async () => {
    fake.faults.add({ kind: 'fail', status: 429, retryAfterSeconds: 3_600 });

    const error = await catchError(connect().listTeams(signal));

    expect(error).toMatchObject({ code: 'GATEWAY_UNAVAILABLE', retryAfterMs: 3_600_000 });
    expect(fake.requests).toHaveLength(1);
  });
});

describe('an answer that never comes', () => {
  test('ends each attempt at its limit', async () => {
    fake.faults.add({ kind: 'hang-after-write', times: 4 });

    const error = await catchError(connect({ timeoutMs: 300 }).listTeams(signal));

    expect(error).toMatchObject({ code: 'GATEWAY_UNAVAILABLE', details: { reason: 'timeout' } });
  });

  test("is left as soon as the caller's signal aborts, with its reason and without another attempt", async () => {
    fake.faults.add({ kind: 'hang-after-write' });
    const caller = new AbortController();
    const reading = connect().listTeams(caller.signal);
    const reason = new Error('the run is out of time');
    await vi.waitFor(() => expect(fake.requests).toHaveLength(1));

    caller.abort(reason);

    await expect(reading).rejects.toBe(reason);
    expect(fake.requests).toHaveLength(1);
  });
});

describe('a write whose answer is lost', () => {
  test.each<Fault>([{ kind: 'fail-after-write', status: 500 }, { kind: 'reset-after-write' }])(
    'is done once: $kind',
    async (fault) => {
      const gateway = connect();
      const [teamId, userId] = [randomUUID(), randomUUID()];
      const settings = { alias: 'A', models: ['gpt-4'], maxBudgetUsd: null, budgetDuration: null };
      const limits = { tpmLimit: null, rpmLimit: null, memberLimits: NO_MEMBER_LIMITS, metadata: {} };
      const key = new Secret(`sk-${randomBytes(32).toString('base64url')}`);
      const keyHash = hashKey(key.reveal());
      const wanted = { key, alias: 'one', userId, teamId, metadata: {} };
      for (const path of ['/team/new', '/key/generate', '/key/block', '/team/member_delete', '/key/delete']) {
        fake.faults.add({ ...fault, path });
      }

      expect(
        await gateway.createTeam({ teamId, ...settings, ...limits, memberUserIds: [userId] }, signal),
      ).toBe('already-exists');
      expect(await gateway.generateKey(wanted, signal)).toEqual({ keyHash });
      expect(await gateway.blockKey(keyHash, signal)).toBe('blocked');
      expect(await gateway.moveKey(keyHash, null, signal)).toBe('moved');
      expect(await gateway.removeTeamMember(teamId, userId, signal)).toBe('already-absent');

      expect([...fake.state.keys.values()]).toMatchObject([{ token: keyHash, blocked: true, team_id: null }]);
      expect(fake.state.teams.get(teamId)?.members_with_roles.map(({ user_id }) => user_id)).toEqual([
        'default_user_id',
      ]);
      expect(await gateway.deleteKeys([keyHash], signal)).toEqual([keyHash]);
      expect(fake.state.keys.size).toBe(0);
    },
  );
});

describe('an answer in an unknown form', () => {
  test.each([
    ['no JSON object', 'hello'],
    ['a missing field', { teams: [] }],
    ['a row whose field is wrong', { teams: [{ team_id: 1 }], total: 1 }],
    ['a row without its members', { teams: [{ team_id: 'a', models: [] }], total: 1 }],
  ])('is an error that names no value: %s', async (_, body) => {
    fake.faults.add({ kind: 'wrong-answer', body });

    const error = await catchError(connect().listTeams(signal));

    expect(error).toMatchObject({ code: 'GATEWAY_ANSWER_INVALID', retryable: false });
    expect(fake.requests).toHaveLength(1);
  });

  test('never counts as a made key: another hash than that of the key', async () => {
    fake.faults.add({ kind: 'wrong-answer', path: '/key/generate', body: { token: hashKey('another') } });
    const key = new Secret(`sk-${randomBytes(32).toString('base64url')}`);

    const error = await catchError(
      connect().generateKey({ key, alias: 'a', userId: 'u', teamId: 't', metadata: {} }, signal),
    );

    expect(error.code).toBe('GATEWAY_ANSWER_INVALID');
  });
});

describe('a list', () => {
  function fill(count: number): void {
    for (let index = 0; index < count; index += 1) {
      const user_id = `user-${String(index).padStart(4, '0')}`;
      const text = { user_alias: null, sso_user_id: null, user_role: null, user_email: null };
      fake.state.users.set(user_id, { user_id, ...text, metadata: {}, teams: [], spend: 0 });
    }
  }

  test('of several pages is complete and in as many calls as pages', async () => {
    fill(250);

    expect(await connect().listUsers(signal)).toHaveLength(250);
    expect(fake.requests).toHaveLength(3);
  });

  test('with a cut page is read again', async () => {
    fill(250);
    fake.faults.add({ kind: 'cut-page', rowCount: 1, nth: 2 });

    expect(await connect().listUsers(signal)).toHaveLength(250);
  });

  test('that is cut every time is incomplete, never shorter', async () => {
    fill(150);
    fake.faults.add({ kind: 'cut-page', rowCount: 1, times: 9 });

    const error = await catchError(connect().listUsers(signal));

    expect(error).toMatchObject({ code: 'GATEWAY_READ_INCOMPLETE', retryable: true });
  });
});

describe('no error shows a secret', () => {
  test.each<[string, Fault]>([
    ['refused', { kind: 'fail', status: 400, times: 9 }],
    ['denied', { kind: 'fail', status: 401 }],
    ['unavailable', { kind: 'fail', status: 500, times: 9 }],
    ['reset', { kind: 'reset', times: 9 }],
    ['invalid', { kind: 'wrong-answer', body: { token: 'sk-something' } }],
  ])('when the call is %s', async (_, fault) => {
    fake.faults.add({ ...fault, path: '/key/generate' });
    const key = new Secret(`sk-${randomBytes(32).toString('base64url')}`);

    const error = await catchError(
      connect().generateKey({ key, alias: 'a', userId: 'u', teamId: 't', metadata: {} }, signal),
    );
    fake.faults.clear();

    const shown = inspect(error, { depth: 10 }) + JSON.stringify(error) + error.message;
    expect(shown).not.toContain(key.reveal());
    expect(shown).not.toContain(MASTER_KEY);
    expect(shown).not.toContain('sk-something');
  });
});

describe('calls at once', () => {
  test('are never more than the limit, and all are answered', async () => {
    let running = 0;
    let most = 0;
    const counting: typeof globalThis.fetch = async (input, init) => {
      running += 1;
      most = Math.max(most, running);
      try {
        return await fetch(input, init);
      } finally {
        running -= 1;
      }
    };
    const gateway = connect({ fetch: counting, maxConcurrency: 3 });

    await Promise.all(Array.from({ length: 20 }, () => gateway.readTeam('any', signal)));

    expect(fake.requests).toHaveLength(20);
    expect(most).toBe(3);
  });

  test('of whom one waits in line and aborts, leave the others their turn', async () => {
    const gateway = connect({ maxConcurrency: 1 });
    const impatient = new AbortController();
    const first = gateway.readTeam('first', signal);
    const second = gateway.readTeam('second', impatient.signal);
    const third = gateway.readTeam('third', signal);

    impatient.abort(new Error('gone'));

    await expect(second).rejects.toThrow('gone');
    expect(await Promise.all([first, third])).toEqual([undefined, undefined]);
    expect(fake.requests).toHaveLength(2);
  });
});

describe('a member lost by LiteLLM', () => {
  test('is answered like any other, so only a re-read shows it', async () => {
    const gateway = connect();
    const teamId = randomUUID();
    const settings = { alias: 'A', models: ['gpt-4'], maxBudgetUsd: null, budgetDuration: null };
    const limits = { tpmLimit: null, rpmLimit: null, memberLimits: NO_MEMBER_LIMITS, metadata: {} };
    await gateway.createTeam({ teamId, ...settings, ...limits, memberUserIds: [] }, signal);
    fake.faults.add({ kind: 'lose-member-add', path: '/team/member_add' });

    await gateway.addTeamMembers(teamId, ['u'], signal);

    const team = await gateway.readTeam(teamId, signal);
    expect(team?.members.map(({ userId }) => userId)).toEqual(['default_user_id']);
  });

  test('a team that would get every model for want of one is refused before any call', async () => {
    const error = await catchError(connect().updateTeam(randomUUID(), { models: [] }, signal));

    expect(error).toMatchObject({ code: 'GATEWAY_REFUSED', details: { reason: 'models-empty' } });
    expect(fake.requests).toEqual([]);
  });
});
