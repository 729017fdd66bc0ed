// What a run promises, on whichever LiteLLM it is given: test/sync/reconcile.test.ts gives the fake,
// test/real/reconcile.test.ts the real one.

import { randomBytes, randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { NO_MEMBER_LIMITS } from '../../lib/gateway/state.ts';
import { Secret } from '../../lib/secret.ts';
import { listAudit, verifyAudit } from '../../lib/store/audit.ts';
import { listWaitingQuarantines } from '../../lib/store/quarantines.ts';
import { listRuns } from '../../lib/store/runs.ts';
import { chat } from '../gateway/chat.ts';
import type { ControlDatabase } from '../store/database-fixture.ts';
import {
  type Company,
  createCompany,
  findDifferences,
  type LiteLLMAddress,
  newPerson,
} from './reconcile-fixture.ts';

type Target = { litellm: LiteLLMAddress; createControlDatabase: () => Promise<ControlDatabase> };

export function describeReconcile(name: string, target: () => Target): void {
  const company = async (sizes?: readonly number[]): Promise<Company> => {
    const { litellm, createControlDatabase } = target();
    return createCompany(litellm, await createControlDatabase(), sizes);
  };
  const call = (key: string) => chat(target().litellm.baseUrl, key).then((answer) => answer.status);

  describe(name, () => {
    test('a first run gives every person a membership and one working key; a second run does nothing', async () => {
      const world = await company();
      const first = await world.run();
      const second = await world.run();

      expect(first).toMatchObject({
        status: 'succeeded',
        done: { create_team: 2, create_user: 13, add_member: 13, mint_key: 13 },
      });
      expect(second).toMatchObject({ status: 'succeeded', done: {}, failed: {}, left: {} });
      expect(await findDifferences(world)).toEqual([]);
      expect(await verifyAudit(world.database)).toMatchObject({ status: 'intact' });
    });

    test('a joiner’s key answers 200, after leaving 401, and after a rejoin the very same key answers 200', async () => {
      const world = await company();
      const [teamId, joiner] = [world.groups[1] as (typeof world.groups)[0], newPerson()];
      await world.run();
      const before = world.directory.members.get(teamId) ?? [];
      world.directory.members.set(teamId, [...before, joiner]);
      await world.run();
      const key = await world.revealKey(joiner.id, teamId);
      expect(await call(key)).toBe(200);

      world.directory.members.set(teamId, before);
      expect(await world.run()).toMatchObject({ done: { block_key: 1, remove_member: 1 } });
      expect(await call(key)).toBe(401);
      expect(await findDifferences(world)).toEqual([]);

      world.directory.members.set(teamId, [...before, joiner]);
      expect(await world.run()).toMatchObject({ done: { add_member: 1, restore_key: 1 } });
      expect(await call(key)).toBe(200);
      expect(await findDifferences(world)).toEqual([]);
    });

    test('a disabled account loses the keys of every team and gets them back when it is enabled', async () => {
      const world = await company();
      const person = newPerson();
      for (const members of world.directory.members.values()) members.push(person);
      await world.run();
      const keys = await Promise.all(world.groups.map((teamId) => world.revealKey(person.id, teamId)));
      for (const members of world.directory.members.values())
        members.splice(members.indexOf(person), 1, { ...person, accountEnabled: false });

      await world.run();
      expect(await Promise.all(keys.map(call))).toEqual([401, 401]);

      for (const members of world.directory.members.values()) members.splice(-1, 1, person);
      await world.run();
      expect(await Promise.all(keys.map(call))).toEqual([200, 200]);
    });

    test('a run whose read of a group failed removes nobody from it and says so', async () => {
      const world = await company();
      await world.run();
      const [first, second] = world.groups;
      if (!first || !second) throw new Error('two groups');
      world.directory.unreadable.add(first);
      world.directory.members.set(first, []);
      world.directory.members.set(second, (world.directory.members.get(second) ?? []).slice(1));

      const report = await world.run();

      expect(report).toMatchObject({
        status: 'partial',
        done: { block_key: 1, remove_member: 1 },
        incompleteGroups: [first],
      });
      expect((await world.gateway.readTeam(first, AbortSignal.timeout(30_000)))?.members).toHaveLength(4);
    });

    test('removing 60 % of a group is held whole, told once, and lapses when the people are back', async () => {
      const world = await company();
      await world.run();
      const teamId = world.groups[1] as (typeof world.groups)[0];
      const everybody = world.directory.members.get(teamId) ?? [];
      world.directory.members.set(teamId, everybody.slice(6));

      const first = await world.run();
      const second = await world.run();

      expect(first.done).toEqual({});
      expect(first.quarantined).toMatchObject([{ scope: teamId, peopleCount: 6, isNew: true }]);
      expect(second.quarantined).toMatchObject([{ scope: teamId, peopleCount: 6, isNew: false }]);
      expect(await listWaitingQuarantines(world.database)).toMatchObject([
        { scope: teamId, status: 'waiting' },
      ]);
      const told = (await listAudit(world.database, '0', 1000)).filter(
        (row) => row.event === 'removals_quarantined',
      );
      expect(told).toHaveLength(1);

      world.directory.members.set(teamId, everybody);
      await world.run();
      expect(await listWaitingQuarantines(world.database)).toEqual([]);
      expect(await findDifferences(world)).toEqual([]);
    });

    test('hand-made teams, users, members and keys survive joins and leaves untouched', async () => {
      const world = await company();
      await world.run();
      const signal = AbortSignal.timeout(60_000);
      const [teamId, handTeam, handUser] = [
        world.groups[0] as (typeof world.groups)[0],
        randomUUID(),
        `bob-${randomUUID()}`,
      ];
      const settings = {
        alias: `by hand ${handTeam}`,
        models: ['gpt-4'],
        maxBudgetUsd: 5,
        budgetDuration: '7d',
        tpmLimit: null,
        rpmLimit: null,
        memberLimits: NO_MEMBER_LIMITS,
      };
      await world.gateway.createTeam(
        { teamId: handTeam, ...settings, metadata: { owner: 'bob' }, memberUserIds: [handUser] },
        signal,
      );
      await world.gateway.addTeamMembers(teamId, [handUser], signal);
      const key = `sk-${randomBytes(32).toString('base64url')}`;
      await world.gateway.generateKey(
        { key: new Secret(key), alias: `bob ${handTeam}`, userId: handUser, teamId, metadata: {} },
        signal,
      );
      const before = await world.gateway.readTeam(handTeam, signal);

      world.directory.members.set(teamId, (world.directory.members.get(teamId) ?? []).slice(1));
      await world.run();

      expect(await world.gateway.readTeam(handTeam, signal)).toEqual(before);
      const members =
        (await world.gateway.readTeam(teamId, signal))?.members.map((member) => member.userId) ?? [];
      expect(members).toContain(handUser);
      expect(members).toContain('default_user_id');
      expect(await call(key)).toBe(200);
    });

    test('a renamed person keeps user, team and key; mail and name follow', async () => {
      const world = await company();
      await world.run();
      const teamId = world.groups[0] as (typeof world.groups)[0];
      const members = world.directory.members.get(teamId) ?? [];
      const person = members[0] as (typeof members)[0];
      const key = await world.revealKey(person.id, teamId);
      members[0] = { ...person, displayName: 'Renamed', mail: `new-${person.mail}` };

      const report = await world.run();

      expect(report.done).toEqual({ update_user: 1 });
      const users = await world.gateway.listUsers(AbortSignal.timeout(30_000));
      expect(users.find((user) => user.userId === person.id)).toMatchObject({
        alias: 'Renamed',
        email: `new-${person.mail}`,
        ssoUserId: person.id,
      });
      expect(await call(key)).toBe(200);
    });

    test('settings that were changed by hand or by policy are brought back to the policy', async () => {
      const world = await company();
      await world.run();
      const teamId = world.groups[0] as (typeof world.groups)[0];
      const signal = AbortSignal.timeout(30_000);
      await world.gateway.updateTeam(
        teamId,
        { maxBudgetUsd: 9999, models: ['gpt-4', 'claude-3-opus'] },
        signal,
      );

      expect((await world.run()).done).toEqual({ update_team: 1 });
      expect(await world.gateway.readTeam(teamId, signal)).toMatchObject({
        maxBudgetUsd: 100,
        models: ['gpt-4'],
      });
      expect((await world.run()).done).toEqual({});
    });

    test('two runs at once: one works, the other is kept out', async () => {
      const world = await company();
      const outcomes = await Promise.allSettled([world.run(), world.run()]);

      const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
      expect(refused.map((outcome) => outcome.reason.code)).toEqual(['LEASE_HELD']);
      expect(await findDifferences(world)).toEqual([]);
    });

    test('a run that has no time left begins nothing and the next one does the work', async () => {
      const world = await company();
      const report = await world.run({}, { deadlineAt: new Date(Date.now() + 1_000) });

      expect(report).toMatchObject({ status: 'partial', done: {}, left: { mint_key: 13 } });
      expect(await world.run()).toMatchObject({ status: 'succeeded', done: { mint_key: 13 } });
      expect(await findDifferences(world)).toEqual([]);
    });

    test('no log line and no row holds a plaintext key', async () => {
      const world = await company();
      await world.run();
      const teamId = world.groups[0] as (typeof world.groups)[0];
      const key = await world.revealKey((world.directory.members.get(teamId) ?? [])[0]?.id ?? '', teamId);
      const tables = ['runs', 'plans', 'quarantines', 'removals', 'memberships', 'keys', 'audit', 'leases'];
      const rows = await Promise.all(tables.map((table) => world.database.query(`select * from ${table}`)));
      const everything = JSON.stringify(rows.map((result) => result.rows)) + world.logLines.join('');

      expect(world.logLines.some((line) => line.includes('run_finished'))).toBe(true);
      expect(everything).not.toContain(key.slice(3));
      expect(everything).not.toMatch(/sk-[\w-]{20}/);
      expect(await listRuns(world.database, 5)).toMatchObject([{ status: 'succeeded', trigger: 'manual' }]);
    });
  });
}
