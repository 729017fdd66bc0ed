// What `lcp adopt` promises, on whichever LiteLLM is given.

import { describe, expect, test } from 'vitest';
import { hashKey } from '../../../lib/ids.ts';
import { listAudit, verifyAudit } from '../../../lib/store/audit.ts';
import { listKeys } from '../../../lib/store/keys.ts';
import { chat } from '../../gateway/chat.ts';
import type { ControlDatabase } from '../../store/database-fixture.ts';
import type { LiteLLMAddress } from '../reconcile-fixture.ts';
import { createHandMadeCompany, type HandMadeCompany } from './hand-made.ts';

export type AdoptWorld = {
  readonly litellm: LiteLLMAddress;
  readonly createControlDatabase: () => Promise<ControlDatabase>;
};

/** Everything of LiteLLM's teams, users and keys that we do not know of is compared by `readRows`. */
export function describeAdoption(
  name: string,
  open: () => AdoptWorld,
  readRows: (company: HandMadeCompany) => Promise<unknown> = async () => null,
): void {
  describe(name, () => {
    const create = async () => {
      const { litellm, createControlDatabase } = open();
      return createHandMadeCompany(litellm, await createControlDatabase());
    };
    const callAll = async ({ keys }: HandMadeCompany) =>
      Object.fromEntries(
        await Promise.all(
          Object.entries(keys).map(
            async ([whose, key]) => [whose, (await chat(open().litellm.baseUrl, key)).status] as const,
          ),
        ),
      );
    const all = (status: number, { keys }: HandMadeCompany) =>
      Object.fromEntries(Object.keys(keys).map((whose) => [whose, status]));

    test('every call that worked before works after the adoption and two runs, and no row changed but for the marker', async () => {
      const company = await create();
      expect(await callAll(company)).toEqual(all(200, company));
      const rows = await readRows(company);

      await company.apply(await company.propose());
      expect(await readRows(company)).toEqual(rows);
      const report = await company.sync();

      expect(report).toMatchObject({ status: 'succeeded', failed: {} });
      // Who had nothing in LiteLLM: Cora and Dan in one group, one more in the other.
      expect(report.done).toEqual({ create_user: 3, add_member: 3, mint_key: 3 });
      expect((await company.sync()).done).toEqual({});
      expect(await callAll(company)).toEqual(all(200, company));
      expect(await readRows(company)).toEqual(rows);
      expect(await verifyAudit(company.database)).toMatchObject({ status: 'intact' });
    });

    test('a proposal pairs by name, mail and sign-in, takes one key a person and team, and says why the rest is left', async () => {
      const company = await create();
      const { people, userIds, keys, groupIds, teams } = company;
      await chat(open().litellm.baseUrl, keys.bob);

      const proposal = await company.propose();

      expect(proposal.teams.map(({ entra_group, team_id }) => [entra_group, team_id]).sort()).toEqual(
        [
          [groupIds.first, teams.team],
          [groupIds.second, teams.otherTeam],
        ].sort(),
      );
      expect(proposal.users.map(({ entra_user, user_id }) => [entra_user, user_id]).sort()).toEqual(
        [
          [people.ada.id, userIds.ada],
          [people.bob.id, userIds.bob],
          [people.eve.id, userIds.eve],
        ].sort(),
      );
      const taken = proposal.keys.map((key) => key.key_hash);
      const bobs = [hashKey(keys.bob), hashKey(keys.bobSpare)];
      expect(taken).toHaveLength(4);
      expect(taken).toEqual(expect.arrayContaining([keys.ada, keys.adaElsewhere, keys.eve].map(hashKey)));
      expect(taken.filter((hash) => bobs.includes(hash))).toHaveLength(1);
      const whyLeft = (part: string) => proposal.left_alone.find(({ what }) => what.includes(part))?.why;
      expect(whyLeft(userIds.outsider)).toContain('nobody in the groups');
      expect(whyLeft(userIds.eve)).toContain('role, mail and name stay');
      expect(whyLeft(teams.openTeam)).toContain('no group in Entra');
      expect(whyLeft(hashKey(keys.service).slice(0, 8))).toContain('nobody owns it');
      expect(whyLeft(hashKey(keys.adaWithoutTeam).slice(0, 8))).toContain('no team');
      expect(whyLeft(hashKey(keys.outsider).slice(0, 8))).toContain('its owner is not taken over');
    });

    test('a leaver’s adopted key is refused, and a rejoiner gets exactly that key back', async () => {
      const company = await create();
      const { directory, groupIds, people, keys } = company;
      await company.apply(await company.propose());
      await company.sync();
      const members = directory.members.get(groupIds.first) ?? [];
      const at = members.findIndex(({ id }) => id === people.ada.id);
      const statusOf = async (key: string) => (await chat(open().litellm.baseUrl, key)).status;

      members.splice(at, 1);
      expect((await company.sync()).done).toEqual({ block_key: 1, remove_member: 1 });
      expect(await statusOf(keys.ada)).toBe(401);
      expect(await statusOf(keys.adaElsewhere)).toBe(200);

      members.push(people.ada);
      expect((await company.sync()).done).toEqual({ add_member: 1, restore_key: 1 });
      expect(await statusOf(keys.ada)).toBe(200);
      expect((await company.sync()).done).toEqual({});
    });

    test('a joiner becomes a member of the adopted team with the hand-made id', async () => {
      const company = await create();
      await company.apply(await company.propose());
      await company.sync();

      const team = await company.gateway.readTeam(company.teams.team, AbortSignal.timeout(10_000));

      const ids = team?.members.map(({ userId }) => userId);
      expect(ids).toEqual(expect.arrayContaining([company.people.cora.id, company.userIds.ada]));
      expect(ids).not.toContain(company.people.ada.id);
      expect(team?.metadata).toMatchObject({ cost: 'centre 7', litellm_control_plane: { managed: true } });
    });

    test('applying the same file again writes nothing, and so does a new proposal', async () => {
      const company = await create();
      const file = await company.propose();
      await company.apply(file);
      const audit = await listAudit(company.database, '0', 1_000);

      const again = await company.apply(file);
      const anew = await company.apply(await company.propose());

      for (const steps of [again, anew]) expect(steps).toMatchObject({ users: [], keys: [], teams: [] });
      expect(await listAudit(company.database, '0', 1_000)).toEqual(audit);
      expect(audit.map(({ event }) => event).sort()).toEqual(
        [
          'adoption_begun',
          ...Array(3).fill('user_adopted'),
          ...Array(4).fill('key_adopted'),
          ...Array(2).fill('team_adopted'),
        ].sort(),
      );
      expect(await listKeys(company.database)).toHaveLength(4);
    });

    test('a file that LiteLLM or the tenant left behind is refused whole, naming all that changed', async () => {
      const company = await create();
      const signal = AbortSignal.timeout(30_000);
      const file = await company.propose();
      await company.gateway.updateTeam(company.teams.team, { maxBudgetUsd: 7 }, signal);
      await company.gateway.blockKey(hashKey(company.keys.eve), signal);
      company.directory.members.get(company.groupIds.first)?.splice(1, 1);

      await expect(company.apply(file)).rejects.toMatchObject({
        code: 'ADOPTION_REFUSED',
        details: { problemCount: 5 },
      });
      expect(await listKeys(company.database)).toEqual([]);
      expect((await company.gateway.readTeam(company.teams.otherTeam, signal))?.metadata).toEqual({
        cost: 'centre 7',
      });
    });
  });
}
