// Killed between any two steps: an adoption is cut off before or after each of its calls to LiteLLM, its queries and its
// transactions, a run may come in between, and a repeat then ends as if nothing had happened.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { hashKey } from '../../../lib/ids.ts';
import { listAdoptions } from '../../../lib/store/adoptions.ts';
import { listAudit, verifyAudit } from '../../../lib/store/audit.ts';
import { listKeys } from '../../../lib/store/keys.ts';
import { listMemberships } from '../../../lib/store/memberships.ts';
import { chat } from '../../gateway/chat.ts';
import { useControlDatabases } from '../../store/database-fixture.ts';
import { type FakeLiteLLM, startFakeLiteLLM } from '../../world/litellm-fake/start.ts';
import { Guillotine } from '../guillotine.ts';
import { saveMoment } from '../rewind.ts';
import { createHandMadeCompany, type HandMadeCompany } from './hand-made.ts';

const createControlDatabase = useControlDatabases();
let litellm: FakeLiteLLM;
beforeAll(async () => {
  litellm = await startFakeLiteLLM({ masterKey: 'sk-master-of-the-fake' });
});
afterAll(() => litellm.close());

const MARKER = { litellm_control_plane: expect.objectContaining({ managed: true }) };

/** What is ours in the end, by our records and by LiteLLM's. */
async function readEnd({ database, groupIds, people, keys, teams, userIds }: HandMadeCompany) {
  const [adoptions, stored, memberships, audit] = await Promise.all([
    listAdoptions(database),
    listKeys(database),
    listMemberships(database),
    listAudit(database, '0', 1_000),
  ]);
  // Either of Bob's keys may be the one: they were made at the same instant, and none was used.
  const nameOf = new Map<string, string>([
    ...Object.entries(groupIds).map(([name, id]) => [id, name] as const),
    ...Object.entries(people).map(([name, { id }]) => [id, name] as const),
    ...Object.entries(keys).map(([name, key]) => [hashKey(key), name === 'bobSpare' ? 'bob' : name] as const),
  ]);
  const name = (id: string) => nameOf.get(id) ?? 'other';
  const events = audit.filter(({ event }) => event?.endsWith('_adopted'));
  return {
    adoptions: adoptions.map(({ entraId, isAdopted }) => [name(entraId), isAdopted]).sort(),
    keys: stored.map((key) => [name(key.keyHash), key.status, key.generation, key.isRevealed]).sort(),
    memberships: memberships.map(({ teamId, userId }) => `${name(teamId)}/${name(userId)}`).sort(),
    audit: events
      .map(
        (row) =>
          `${row.event} ${[row.teamId, row.userId, row.keyHash].map((id) => name(id ?? '')).join(' ')}`,
      )
      .sort(),
    marked: [
      ...[teams.team, teams.otherTeam].map((id) => litellm.state.teams.get(id)?.metadata),
      ...[userIds.ada, userIds.bob].map((id) => litellm.state.users.get(id)?.metadata),
      ...[keys.ada, keys.eve].map((key) => litellm.state.keys.get(hashKey(key))?.metadata),
    ],
  };
}

test('an adoption killed before or after any of its steps is finished by a repeat, with or without a run in between', {
  timeout: 240_000,
}, async () => {
  const whole = await createHandMadeCompany(litellm, await createControlDatabase());
  await whole.apply(await whole.propose());
  const wanted = await readEnd(whole);
  expect(wanted.marked[0]).toEqual({ cost: 'centre 7', ...MARKER });
  expect(wanted.marked).toEqual(wanted.marked.map(() => expect.objectContaining(MARKER)));

  const company = await createHandMadeCompany(litellm, await createControlDatabase());
  const rewind = await saveMoment(company.database, litellm);
  let at = 1;
  let runCount = 0;
  for (let finished = false; !finished; at += 1) {
    await rewind();
    const file = await company.propose();
    const guillotine = new Guillotine(at);
    const unmapped = { ...company.unmapped, gateway: guillotine.gateway(company.gateway) };
    finished = await company.apply(file, { unmapped, database: guillotine.database(company.database) }).then(
      () => true,
      () => false,
    );
    await guillotine.untilQuiet();
    await company.database.query('update leases set expires_at = clock_timestamp()');
    const adoptions = await listAdoptions(company.database);
    const isHalf =
      adoptions.length > 0 && !adoptions.some(({ kind, isAdopted }) => kind === 'team' && isAdopted);
    if (isHalf) {
      // A team whose marker is not there yet is left alone, whatever the policy asks for it.
      const marked = [company.teams.team, company.teams.otherTeam].filter(
        (id) => 'litellm_control_plane' in (litellm.state.teams.get(id)?.metadata ?? {}),
      );
      const report = await company.sync();
      runCount += 1;
      if (marked.length === 0) expect(report.done, `killed at step ${at}`).toEqual({});
    }

    if (!isHalf || runCount % 2 === 0) await company.apply(file);
    else await company.apply(await company.propose());

    expect(await pickOwn(company), `killed at step ${at}`).toEqual(wanted);
    const report = await company.sync();
    expect(report, `killed at step ${at}`).toMatchObject({ status: 'succeeded', failed: {} });
    expect((await company.sync()).done, `killed at step ${at}`).toEqual({});
    for (const key of Object.values(company.keys))
      expect((await chat(litellm.baseUrl, key)).status, `killed at step ${at}`).toBe(200);
    expect(await verifyAudit(company.database)).toMatchObject({ status: 'intact' });
  }
  expect(at).toBeGreaterThan(40);
  expect(runCount).toBeGreaterThan(20);
});

/** Without what a run in between may have added for people who had nothing in LiteLLM. */
async function pickOwn(company: HandMadeCompany) {
  const end = await readEnd(company);
  return {
    ...end,
    keys: end.keys.filter(([name]) => name !== 'other'),
    memberships: end.memberships.filter((name) => !/other|cora|dan/.test(name)),
  };
}
