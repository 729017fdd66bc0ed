// What the control plane relies on in LiteLLM, called with the fake and with the real one. A behaviour may be added
// to the fake only with its case here. Every case makes its own teams, users and keys, so order does not matter.

import { randomBytes, randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import { createGateway, type Gateway } from '../../lib/gateway/client.ts';
import { readGatewaySettings } from '../../lib/gateway/settings.ts';
import { NO_MEMBER_LIMITS } from '../../lib/gateway/state.ts';
import type { NewTeam } from '../../lib/gateway/teams.ts';
import { createTransport } from '../../lib/gateway/transport.ts';
import type { NewUser } from '../../lib/gateway/users.ts';
import { hashKey } from '../../lib/ids.ts';
import { Secret } from '../../lib/secret.ts';
import { chat } from './chat.ts';

export type ContractServer = { readonly baseUrl: string; readonly adminKey: Secret };

const signal = new AbortController().signal;
const TIMEOUT_MS = 60_000;

export function describeGatewayContract(name: string, findServer: () => ContractServer): void {
  describe(`the gateway contract on ${name}`, { timeout: TIMEOUT_MS }, () => {
    let server: ContractServer;
    let gateway: Gateway;

    beforeAll(() => {
      server = findServer();
      gateway = createGateway({ ...server, clock: systemClock, timeoutMs: TIMEOUT_MS, maxConcurrency: 4 });
    });

    async function makeTeam(memberUserIds: readonly string[] = []): Promise<string> {
      const team = newTeam({ memberUserIds });
      expect(await gateway.createTeam(team, signal)).toBe('created');
      return team.teamId;
    }

    async function makeKey(userId: string, teamId: string) {
      const key = newKey();
      const { keyHash } = await gateway.generateKey(
        { key, alias: randomUUID(), userId, teamId, metadata: { made: 'here' } },
        signal,
      );
      return { key: key.reveal(), keyHash };
    }

    const readMembers = async (teamId: string) =>
      (await gateway.readTeam(teamId, signal))?.members.map((member) => member.userId).sort();

    describe('health', () => {
      test('names the state, the database and the version, and whether state is shared', async () => {
        expect(await gateway.readHealth(signal)).toEqual({
          status: 'healthy',
          databaseConnected: true,
          version: '1.106.2',
          // Without a Redis it depends on how many workers LiteLLM has counted by now; with one: two-proxies.test.ts.
          isStateShared: expect.any(Boolean),
        });
      });

      test('tells what it keeps and writes to an administrator alone', async () => {
        const read = (adminKey: Secret) =>
          readGatewaySettings(
            createTransport({
              ...server,
              adminKey,
              clock: systemClock,
              timeoutMs: TIMEOUT_MS,
              maxConcurrency: 2,
            }),
            signal,
          );

        expect(await read(server.adminKey)).toEqual({
          keepsPrompts: false,
          requestLogRetention: null,
          isDebugLog: false,
          cacheType: null,
        });
        await expect(read(newKey())).rejects.toMatchObject({ code: 'GATEWAY_DENIED' });
      });

      test('a wrong admin key is denied', async () => {
        const stranger = createGateway({
          ...server,
          adminKey: newKey(),
          clock: systemClock,
          timeoutMs: TIMEOUT_MS,
          maxConcurrency: 1,
        });

        await expect(stranger.readHealth(signal)).rejects.toMatchObject({ code: 'GATEWAY_DENIED' });
        await expect(stranger.listTeams(signal)).rejects.toMatchObject({ code: 'GATEWAY_DENIED' });
      });

      test("a member's key is denied what the admin may do", async () => {
        const userId = randomUUID();
        const { key } = await makeKey(userId, await makeTeam([userId]));
        const member = createGateway({
          ...server,
          adminKey: new Secret(key),
          clock: systemClock,
          timeoutMs: TIMEOUT_MS,
          maxConcurrency: 1,
        });

        await expect(member.blockKey(hashKey(key), signal)).rejects.toMatchObject({ code: 'GATEWAY_DENIED' });
      });
    });

    describe('teams', () => {
      test('a new team has its settings, its members, and the caller as an admin', async () => {
        const team = newTeam({
          models: ['gpt-4', 'mistral-local'],
          maxBudgetUsd: 12.5,
          budgetDuration: '30d',
          tpmLimit: 1000,
          rpmLimit: 10,
          metadata: { marker: { version: 1 } },
          memberUserIds: [randomUUID(), randomUUID()],
        });

        await gateway.createTeam(team, signal);

        const { memberUserIds, ...settings } = team;
        expect(await gateway.readTeam(team.teamId, signal)).toEqual({
          ...settings,
          blocked: false,
          members: [
            ...memberUserIds.map((userId) => ({ userId, role: 'user' })),
            { userId: 'default_user_id', role: 'admin' },
          ],
        });
      });

      test('limits of members are kept, changed for those who are there, and cleared; the rest of the team stays', async () => {
        const memberLimits = { maxBudgetUsd: 5, budgetDuration: '30d', tpmLimit: 700, rpmLimit: 7 };
        const team = newTeam({
          memberLimits,
          metadata: { kept: 'as it was' },
          memberUserIds: [randomUUID()],
        });
        await gateway.createTeam(team, signal);
        const read = () => gateway.readTeam(team.teamId, signal);
        expect(await read()).toMatchObject({ memberLimits, metadata: { kept: 'as it was' } });

        const changed = { maxBudgetUsd: 6, budgetDuration: null, tpmLimit: null, rpmLimit: 9 };
        await gateway.updateTeam(team.teamId, { memberLimits: changed }, signal);
        expect(await read()).toMatchObject({ memberLimits: changed, maxBudgetUsd: team.maxBudgetUsd });
        await gateway.updateTeam(team.teamId, { metadata: { more: 1 } }, signal);
        expect(await read()).toMatchObject({
          memberLimits: changed,
          metadata: { kept: 'as it was', more: 1 },
        });

        await gateway.updateTeam(team.teamId, { memberLimits: NO_MEMBER_LIMITS }, signal);
        expect((await read())?.memberLimits).toEqual(NO_MEMBER_LIMITS);
        const listed = (await gateway.listTeams(signal)).find(({ teamId }) => teamId === team.teamId);
        expect(listed?.memberLimits).toEqual(NO_MEMBER_LIMITS);
      });

      test('members of a new team get the duration of its budget where none of their own is named', async () => {
        const limits = { ...NO_MEMBER_LIMITS, rpmLimit: 7 };
        const team = newTeam({ maxBudgetUsd: 9, budgetDuration: '30d', memberLimits: limits });
        await gateway.createTeam(team, signal);

        const read = await gateway.readTeam(team.teamId, signal);
        expect(read?.memberLimits).toEqual({ ...limits, budgetDuration: '30d' });
      });

      test('a team is blocked and unblocked, repeats are harmless, and an absent one is absent', async () => {
        const teamId = await makeTeam([randomUUID()]);

        expect(await gateway.blockTeam(teamId, signal)).toBe('blocked');
        expect(await gateway.blockTeam(teamId, signal)).toBe('blocked');
        expect((await gateway.readTeam(teamId, signal))?.blocked).toBe(true);
        expect(await gateway.unblockTeam(teamId, signal)).toBe('unblocked');
        expect((await gateway.readTeam(teamId, signal))?.blocked).toBe(false);
        expect(await gateway.blockTeam(randomUUID(), signal)).toBe('absent');
      });

      test('limits of members given to a team that had none are there for its members', async () => {
        const team = newTeam({ memberUserIds: [randomUUID()] });
        await gateway.createTeam(team, signal);
        const memberLimits = { ...NO_MEMBER_LIMITS, maxBudgetUsd: 3 };
        await gateway.updateTeam(team.teamId, { memberLimits }, signal);

        expect((await gateway.readTeam(team.teamId, signal))?.memberLimits).toEqual(memberLimits);
      });

      test('a team of more members than fit in one call has them all', async () => {
        const memberUserIds = Array.from({ length: 120 }, () => randomUUID());

        const teamId = await makeTeam(memberUserIds);

        expect(await readMembers(teamId)).toEqual([...memberUserIds, 'default_user_id'].sort());
      });

      test('making a team that exists changes nothing and says so', async () => {
        const team = newTeam({ alias: 'first' });
        await gateway.createTeam(team, signal);

        const outcome = await gateway.createTeam(
          { ...team, alias: 'second', models: ['gpt-4-turbo'] },
          signal,
        );

        expect(outcome).toBe('already-exists');
        expect(await gateway.readTeam(team.teamId, signal)).toMatchObject({
          alias: 'first',
          models: ['gpt-4'],
        });
      });

      test('two teams may have one alias', async () => {
        const alias = randomUUID();
        await gateway.createTeam(newTeam({ alias }), signal);

        expect(await gateway.createTeam(newTeam({ alias }), signal)).toBe('created');
      });

      test('a setting that LiteLLM refuses is our refusal, and makes no team', async () => {
        const team = newTeam({ maxBudgetUsd: 1, budgetDuration: 'sometimes' });

        await expect(gateway.createTeam(team, signal)).rejects.toMatchObject({ code: 'GATEWAY_REFUSED' });
        expect(await gateway.readTeam(team.teamId, signal)).toBeUndefined();
      });

      test('a change touches only what it names, null removes a limit, metadata is merged', async () => {
        const team = newTeam({ maxBudgetUsd: 5, tpmLimit: 100, metadata: { ours: 1, theirs: 2 } });
        await gateway.createTeam(team, signal);

        const changes = { alias: 'renamed', maxBudgetUsd: null, metadata: { ours: 3 } };
        const outcome = await gateway.updateTeam(team.teamId, changes, signal);

        expect(outcome).toBe('updated');
        expect(await gateway.readTeam(team.teamId, signal)).toMatchObject({
          alias: 'renamed',
          models: ['gpt-4'],
          maxBudgetUsd: null,
          tpmLimit: 100,
          metadata: { ours: 3, theirs: 2 },
        });
      });

      test('a team that does not exist is undefined to read and absent to change', async () => {
        expect(await gateway.readTeam(randomUUID(), signal)).toBeUndefined();
        expect(await gateway.updateTeam(randomUUID(), { alias: 'x' }, signal)).toBe('absent');
        expect(await gateway.updateTeam(randomUUID(), { metadata: {} }, signal)).toBe('absent');
      });
    });

    describe('members', () => {
      test('adding makes users that do not exist, bare, and adding again is harmless', async () => {
        const [first, second] = [randomUUID(), randomUUID()];
        const teamId = await makeTeam([first]);

        await gateway.addTeamMembers(teamId, [first, second], signal);
        await gateway.addTeamMembers(teamId, [first, second], signal);

        expect(await readMembers(teamId)).toEqual([first, second, 'default_user_id'].sort());
        const users = await gateway.listUsers(signal);
        expect(users.find((user) => user.userId === second)).toEqual({
          userId: second,
          ssoUserId: null,
          email: null,
          alias: null,
          role: 'internal_user',
          metadata: {},
        });
      });

      test('adding to a team that does not exist is refused', async () => {
        await expect(gateway.addTeamMembers(randomUUID(), [randomUUID()], signal)).rejects.toMatchObject({
          code: 'GATEWAY_REFUSED',
        });
      });

      test('removing a member twice says that they were gone already', async () => {
        const userId = randomUUID();
        const teamId = await makeTeam([userId]);

        expect(await gateway.removeTeamMember(teamId, userId, signal)).toBe('removed');
        expect(await gateway.removeTeamMember(teamId, userId, signal)).toBe('already-absent');
        expect(await gateway.removeTeamMember(randomUUID(), userId, signal)).toBe('already-absent');
        expect(await readMembers(teamId)).toEqual(['default_user_id']);
      });

      test("removing a member deletes that member's keys in this team, and no other", async () => {
        const [leaver, colleague] = [randomUUID(), randomUUID()];
        const [teamId, otherTeamId] = [await makeTeam([leaver, colleague]), await makeTeam([leaver])];
        const lost = await makeKey(leaver, teamId);
        const kept = [await makeKey(leaver, otherTeamId), await makeKey(colleague, teamId)];

        await gateway.removeTeamMember(teamId, leaver, signal);

        expect(await gateway.readKey(lost.keyHash, signal)).toBeUndefined();
        for (const { keyHash } of kept) expect(await gateway.readKey(keyHash, signal)).toBeDefined();
      });

      test('a blocked key taken out of the team outlives its membership and comes back as the same key', async () => {
        const userId = randomUUID();
        const teamId = await makeTeam([userId]);
        const { key, keyHash } = await makeKey(userId, teamId);
        expect((await chat(server.baseUrl, key)).status).toBe(200);

        await gateway.blockKey(keyHash, signal);
        expect(await gateway.moveKey(keyHash, null, signal)).toBe('moved');
        await gateway.removeTeamMember(teamId, userId, signal);
        expect(await gateway.readKey(keyHash, signal)).toMatchObject({ blocked: true, teamId: null, userId });
        expect((await chat(server.baseUrl, key)).status).toBe(401);

        await gateway.addTeamMembers(teamId, [userId], signal);
        await gateway.moveKey(keyHash, teamId, signal);
        await gateway.unblockKey(keyHash, signal);
        expect(await gateway.readKey(keyHash, signal)).toMatchObject({ blocked: false, teamId, userId });
        expect((await chat(server.baseUrl, key)).status).toBe(200);
      });
    });

    describe('users', () => {
      test('a new user has what was given, and making it again says that it exists', async () => {
        const user = newUser();

        expect(await gateway.createUsers([user], signal)).toEqual([
          { userId: user.userId, outcome: 'created' },
        ]);
        const again = await gateway.createUsers([{ ...user, alias: 'Other' }, newUser()], signal);

        expect(again.map(({ outcome }) => outcome)).toEqual(['already-exists', 'created']);
        const users = await gateway.listUsers(signal);
        expect(users.find(({ userId }) => userId === user.userId)).toEqual(user);
      });

      test("another's email or sso_user_id is refused for that user alone", async () => {
        const first = newUser();
        await gateway.createUsers([first], signal);

        const outcomes = await gateway.createUsers(
          [
            newUser({ email: first.email?.toUpperCase() ?? '' }),
            newUser({ ssoUserId: first.ssoUserId }),
            newUser(),
          ],
          signal,
        );

        expect(outcomes.map(({ outcome }) => outcome)).toEqual(['refused', 'refused', 'created']);
      });

      test('a user made before their team keeps their sso_user_id in it', async () => {
        const user = newUser();
        await gateway.createUsers([user], signal);

        await makeTeam([user.userId]);

        const users = await gateway.listUsers(signal);
        expect(users.find(({ userId }) => userId === user.userId)).toEqual(user);
      });

      test('a change touches only what it names and replaces metadata whole', async () => {
        const user = newUser({ metadata: { ours: 1, theirs: 2 } });
        await gateway.createUsers([user], signal);

        const change = { userId: user.userId, alias: 'Renamed', metadata: { ours: 3 } };
        const outcomes = await gateway.updateUsers([change], signal);

        expect(outcomes).toEqual([{ userId: user.userId, outcome: 'updated' }]);
        const users = await gateway.listUsers(signal);
        expect(users.find(({ userId }) => userId === user.userId)).toEqual({
          ...user,
          alias: 'Renamed',
          metadata: { ours: 3 },
        });
      });

      test('a change of a user that does not exist makes one without a role', async () => {
        const userId = randomUUID();

        await gateway.updateUsers([{ userId, alias: 'Nobody' }], signal);

        const users = await gateway.listUsers(signal);
        expect(users.find((user) => user.userId === userId)).toMatchObject({ alias: 'Nobody', role: null });
      });

      test('a change to an email that another user has is not refused', async () => {
        const [first, second] = [newUser(), newUser()];
        await gateway.createUsers([first, second], signal);

        const change = { userId: second.userId, email: first.email ?? '' };
        const outcomes = await gateway.updateUsers([change], signal);

        expect(outcomes).toEqual([{ userId: second.userId, outcome: 'updated' }]);
      });

      test('a list of more users than fit on a page is complete', async () => {
        const users = Array.from({ length: 130 }, () => newUser());
        await gateway.createUsers(users, signal);

        const listed = new Set((await gateway.listUsers(signal)).map((user) => user.userId));

        expect(users.filter((user) => !listed.has(user.userId))).toEqual([]);
      });
    });

    describe('keys', () => {
      test("a new key answers for its team's models and for no other", async () => {
        const userId = randomUUID();
        const { key, keyHash } = await makeKey(userId, await makeTeam([userId]));

        const allowed = await chat(server.baseUrl, key, 'gpt-4');
        const refused = await chat(server.baseUrl, key, 'claude-3-opus');

        expect(allowed).toMatchObject({ status: 200, text: expect.stringContaining('This is gpt-4.') });
        expect(refused.status).toBe(403);
        expect(JSON.parse(refused.text).error.type).toBe('team_model_access_denied');
        expect(keyHash).toBe(hashKey(key));
      });

      test('a key nobody has made is refused', async () => {
        const answer = await chat(server.baseUrl, newKey().reveal());

        expect(answer.status).toBe(401);
        expect(JSON.parse(answer.text).error).toMatchObject({ type: 'token_not_found_in_db', code: '401' });
      });

      test('making the same key again is harmless', async () => {
        const userId = randomUUID();
        const teamId = await makeTeam([userId]);
        const wanted = { key: newKey(), alias: randomUUID(), userId, teamId, metadata: { generation: 1 } };
        const first = await gateway.generateKey(wanted, signal);
        const stored = await gateway.readKey(first.keyHash, signal);

        expect(await gateway.generateKey(wanted, signal)).toEqual(first);

        expect(await gateway.readKey(first.keyHash, signal)).toEqual(stored);
        expect((await chat(server.baseUrl, wanted.key.reveal())).status).toBe(200);
      });

      test('an alias that another key has is refused by that reason, and makes no key', async () => {
        const userId = randomUUID();
        const teamId = await makeTeam([userId]);
        const wanted = { key: newKey(), alias: randomUUID(), userId, teamId, metadata: {} };
        await gateway.generateKey(wanted, signal);
        const other = newKey();

        await expect(gateway.generateKey({ ...wanted, key: other }, signal)).rejects.toMatchObject({
          code: 'GATEWAY_REFUSED',
          details: { reason: 'alias-taken' },
        });
        expect(await gateway.readKey(hashKey(other.reveal()), signal)).toBeUndefined();
      });

      test('a key that exists keeps its owner, alias and block, though LiteLLM answers as if it did not', async () => {
        const [owner, stranger] = [randomUUID(), randomUUID()];
        const teamId = await makeTeam([owner, stranger]);
        const wanted = {
          key: newKey(),
          alias: randomUUID(),
          userId: owner,
          teamId,
          metadata: { of: 'owner' },
        };
        const { keyHash } = await gateway.generateKey(wanted, signal);
        await gateway.blockKey(keyHash, signal);
        const stored = await gateway.readKey(keyHash, signal);

        await gateway.generateKey({ ...wanted, alias: randomUUID(), userId: stranger, metadata: {} }, signal);

        expect(await gateway.readKey(keyHash, signal)).toEqual(stored);
        expect(stored).toMatchObject({ userId: owner, blocked: true });
        expect((await chat(server.baseUrl, wanted.key.reveal())).status).toBe(401);
      });

      test('a blocked key is refused at once, an unblocked one answers again, and repeats are harmless', async () => {
        const userId = randomUUID();
        const { key, keyHash } = await makeKey(userId, await makeTeam([userId]));
        expect((await chat(server.baseUrl, key)).status).toBe(200);

        expect(await gateway.blockKey(keyHash, signal)).toBe('blocked');
        expect(await gateway.blockKey(keyHash, signal)).toBe('blocked');
        const refused = await chat(server.baseUrl, key);
        expect(refused.status).toBe(401);
        expect(JSON.parse(refused.text).error).toEqual({
          message: "Authentication Error, Key is blocked. Update via `/key/unblock` if you're an admin.",
          type: 'auth_error',
          param: 'None',
          code: '401',
        });

        expect(await gateway.unblockKey(keyHash, signal)).toBe('unblocked');
        expect(await gateway.unblockKey(keyHash, signal)).toBe('unblocked');
        expect((await chat(server.baseUrl, key)).status).toBe(200);
      });

      test('a key’s metadata is merged, and everything else of it stays', async () => {
        const userId = randomUUID();
        const teamId = await makeTeam([userId]);
        const { key, keyHash } = await makeKey(userId, teamId);
        await gateway.blockKey(keyHash, signal);
        const before = await gateway.readKey(keyHash, signal);

        expect(await gateway.updateKeyMetadata(keyHash, { marked: { deep: true } }, signal)).toBe('updated');
        expect(await gateway.updateKeyMetadata(keyHash, { marked: { deep: true } }, signal)).toBe('updated');
        expect(await gateway.updateKeyMetadata(hashKey(newKey().reveal()), {}, signal)).toBe('absent');

        const metadata = { made: 'here', marked: { deep: true } };
        expect(await gateway.readKey(keyHash, signal)).toEqual({ ...before, metadata });
        await gateway.unblockKey(keyHash, signal);
        expect((await chat(server.baseUrl, key)).status).toBe(200);
      });

      test('every key has the date it was made', async () => {
        const [older, newer] = [
          await makeKey(randomUUID(), await makeTeam()),
          await makeKey(randomUUID(), await makeTeam()),
        ];

        const dates = await gateway.listKeyDates(signal);

        const createdAt = (keyHash: typeof older.keyHash) => dates.get(keyHash)?.createdAt?.getTime() ?? 0;
        expect(createdAt(older.keyHash)).toBeGreaterThan(0);
        expect(createdAt(newer.keyHash)).toBeGreaterThanOrEqual(createdAt(older.keyHash));
      });

      test('a key that does not exist is absent to block, unblock and move', async () => {
        const keyHash = hashKey(randomUUID());

        expect(await gateway.blockKey(keyHash, signal)).toBe('absent');
        expect(await gateway.unblockKey(keyHash, signal)).toBe('absent');
        expect(await gateway.moveKey(keyHash, null, signal)).toBe('absent');
        expect(await gateway.moveKey(keyHash, await makeTeam(), signal)).toBe('absent');
        expect(await gateway.readKey(keyHash, signal)).toBeUndefined();
      });

      test('a key cannot move to a team that is absent or that its owner is not in', async () => {
        const userId = randomUUID();
        const { keyHash } = await makeKey(userId, await makeTeam([userId]));

        await expect(gateway.moveKey(keyHash, await makeTeam(), signal)).rejects.toMatchObject({
          code: 'GATEWAY_REFUSED',
          details: { reason: 'owner-not-in-team' },
        });
        await expect(gateway.moveKey(keyHash, randomUUID(), signal)).rejects.toMatchObject({
          code: 'GATEWAY_REFUSED',
          details: { reason: 'team-absent' },
        });
      });

      test('deleted keys are refused, and keys that were gone already count as gone', async () => {
        const userId = randomUUID();
        const { key, keyHash } = await makeKey(userId, await makeTeam([userId]));
        const absent = hashKey(randomUUID());

        expect(await gateway.deleteKeys([keyHash, absent], signal)).toEqual([keyHash, absent]);
        expect(await gateway.deleteKeys([keyHash], signal)).toEqual([keyHash]);
        expect(await gateway.deleteKeys([], signal)).toEqual([]);
        expect((await chat(server.baseUrl, key)).status).toBe(401);
      });

      test('a key with limits ends at its time and has the budget it was given', async () => {
        const userId = randomUUID();
        const teamId = await makeTeam([userId]);
        const key = new Secret(`sk-${randomUUID()}`);
        const limits = { hours: 24, maxBudgetUsd: 1 };
        const metadata = { made: 'here' };

        const before = systemClock.now().getTime();
        const { keyHash } = await gateway.generateKey(
          { key, alias: randomUUID(), userId, teamId, metadata, limits },
          signal,
        );

        const expiresAt = (await gateway.readKey(keyHash, signal))?.expiresAt?.getTime() ?? 0;
        expect(expiresAt).toBeGreaterThan(before + 23.9 * 3_600_000);
        expect(expiresAt).toBeLessThan(before + 24.1 * 3_600_000);
        expect((await chat(server.baseUrl, key.reveal())).status).toBe(200);
      });

      test('the keys of a person are theirs alone, and none of who has none', async () => {
        const [userId, other] = [randomUUID(), randomUUID()];
        const teamId = await makeTeam([userId, other]);
        const mine = [await makeKey(userId, teamId), await makeKey(userId, teamId)];
        await makeKey(other, teamId);

        const listed = await gateway.listKeysOf(userId, signal);

        expect(listed.map((key) => key.keyHash).sort()).toEqual(mine.map((key) => key.keyHash).sort());
        expect(await gateway.listKeysOf(userId.slice(0, 8), signal)).toEqual([]);
      });

      test('a deleted user is gone with membership and keys, the others stay, and a repeat is harmless', async () => {
        const [userId, other] = [randomUUID(), randomUUID()];
        const teamId = await makeTeam([userId, other]);
        const { key } = await makeKey(userId, teamId);
        const kept = await makeKey(other, teamId);

        expect(await gateway.deleteUser(userId, signal)).toBe('deleted');
        expect(await gateway.deleteUser(userId, signal)).toBe('absent');
        expect((await chat(server.baseUrl, key)).status).toBe(401);
        expect((await chat(server.baseUrl, kept.key)).status).toBe(200);
        const members = (await gateway.readTeam(teamId, signal))?.members.map((member) => member.userId);
        expect(members).toContain(other);
        expect(members).not.toContain(userId);
      });

      test('the list of keys has each with its owner, team, block and metadata', async () => {
        const userId = randomUUID();
        const teamId = await makeTeam([userId]);
        const { keyHash } = await makeKey(userId, teamId);

        const listed = (await gateway.listKeys(signal)).find((key) => key.keyHash === keyHash);

        expect(listed).toEqual({
          keyHash,
          alias: expect.any(String),
          userId,
          teamId,
          blocked: false,
          expiresAt: null,
          metadata: { made: 'here' },
        });
      });
    });
  });
}

function newTeam(changes: Partial<NewTeam> = {}): NewTeam {
  return {
    teamId: randomUUID(),
    alias: `Team ${randomUUID().slice(0, 8)}`,
    models: ['gpt-4'],
    maxBudgetUsd: null,
    budgetDuration: null,
    tpmLimit: null,
    rpmLimit: null,
    memberLimits: NO_MEMBER_LIMITS,
    metadata: {},
    memberUserIds: [],
    ...changes,
  };
}

function newUser(changes: Partial<NewUser> = {}): NewUser {
  const userId = randomUUID();
  return {
    userId,
    ssoUserId: userId,
    email: `${userId}@example.com`,
    alias: 'Ada Example',
    role: 'internal_user',
    metadata: { marker: 1 },
    ...changes,
  };
}

function newKey(): Secret {
  return new Secret(`sk-${randomBytes(32).toString('base64url')}`);
}
