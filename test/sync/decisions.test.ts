// Held removals from the announcement to their end, on PostgreSQL and the fake LiteLLM: what an approval lets
// through, what makes it void, and what a rejection stands for.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { decideQuarantine } from '../../lib/approvals/decide.ts';
import { systemClock } from '../../lib/clock.ts';
import { listAudit, verifyAudit } from '../../lib/store/audit.ts';
import { listQuarantines, listWaitingQuarantines, type QuarantineRow } from '../../lib/store/quarantines.ts';
import type { Role } from '../../lib/sync/desired.ts';
import { useControlDatabases } from '../store/database-fixture.ts';
import { type FakeLiteLLM, startFakeLiteLLM } from '../world/litellm-fake/start.ts';
import { killAtEveryStep } from './guillotine.ts';
import { type Company, createCompany, findDifferences, newPerson } from './reconcile-fixture.ts';

const createControlDatabase = useControlDatabases();
let litellm: FakeLiteLLM;
beforeAll(async () => {
  litellm = await startFakeLiteLLM({ masterKey: 'sk-master-of-the-fake' });
});
afterAll(() => litellm.close());

/** The second group, of `size`, has lost its first `leaving` people by somebody's mistake; a run has held that. */
async function heldCompany(size = 10, leaving = 6) {
  const company = await createCompany(litellm, await createControlDatabase(), [3, size]);
  const group = company.groups[1] as Company['groups'][0];
  const everybody = company.directory.members.get(group) ?? [];
  await company.run();
  company.directory.members.set(group, everybody.slice(leaving));
  await company.run();
  return { ...company, group, everybody };
}

const waiting = async ({ database }: Company): Promise<QuarantineRow> => {
  const [row, ...more] = await listWaitingQuarantines(database);
  if (row === undefined || more.length > 0) throw new Error(`${more.length + (row ? 1 : 0)} wait`);
  return row;
};
const decide = (
  { database }: Company,
  { quarantineId, episode }: QuarantineRow,
  decision: 'approved' | 'rejected',
  role: Role = 'devops',
) =>
  decideQuarantine(
    { database, clock: systemClock },
    { quarantineId, episode, decision, by: { actor: 'entra:someone', role }, rejectionDays: 7 },
  );
const statuses = async ({ database }: Company) =>
  (await listQuarantines(database, 10)).map((row) => row.status).sort();
const events = async ({ database }: Company, ...names: string[]) =>
  (await listAudit(database, '0', 10_000)).filter((row) => names.includes(row.event ?? ''));
const alertCount = async ({ database }: Company) => (await database.query('select from alerts')).rowCount;

test('what was approved is carried out, exactly that, and then it is over', async () => {
  const company = await heldCompany();
  const held = await waiting(company);

  expect(await decide(company, held, 'approved')).toMatchObject({ status: 'decided', peopleCount: 6 });
  expect(await company.run()).toMatchObject({ done: { block_key: 6, remove_member: 6 }, quarantined: [] });
  expect(await findDifferences(company)).toEqual([]);
  expect(await company.run()).toMatchObject({ done: {} });
  expect(await statuses(company)).toEqual(['applied']);
  const [approved] = await events(company, 'removals_approved');
  expect(approved).toMatchObject({
    actor: 'entra:someone',
    details: { quarantineId: held.quarantineId, planDigest: held.planDigest, role: 'devops' },
  });
  expect(await verifyAudit(company.database)).toMatchObject({ status: 'intact' });
});

test('approved removals leave the limits of the day to the next leavers', async () => {
  const company = await heldCompany();
  await decide(company, await waiting(company), 'approved');
  await company.run();
  const { directory, group } = company;
  directory.members.set(group, (directory.members.get(group) ?? []).slice(2));

  expect(await company.run()).toMatchObject({ done: { block_key: 2, remove_member: 2 }, quarantined: [] });
});

test('an approval of what was held before and is not any more is refused, and the refusal is in the audit', async () => {
  const company = await heldCompany();
  const stale = await waiting(company);
  const { directory, group } = company;
  directory.members.set(group, (directory.members.get(group) ?? []).slice(1));
  await company.run();

  expect(await decide(company, stale, 'approved')).toMatchObject({ status: 'refused', found: 'lapsed' });
  expect(await company.run()).toMatchObject({ done: {} });
  expect((await waiting(company)).peopleCount).toBe(7);
  expect(await events(company, 'decision_refused')).toMatchObject([
    { actor: 'entra:someone', details: { reason: 'lapsed', decision: 'approved' } },
  ]);
});

test('an approval is void when others leave before it is carried out, and nobody is removed by it', async () => {
  const company = await heldCompany();
  await decide(company, await waiting(company), 'approved');
  const { directory, group } = company;
  directory.members.set(group, (directory.members.get(group) ?? []).slice(1));

  expect(await company.run()).toMatchObject({ done: {}, quarantined: [{ peopleCount: 7, isNew: true }] });
  expect(await statuses(company)).toEqual(['lapsed', 'waiting']);
  expect(await events(company, 'approval_void')).toHaveLength(1);
});

test('the same removals held once more are another question: the older answer does not count', async () => {
  const company = await heldCompany();
  const first = await waiting(company);
  const { directory, group, everybody } = company;
  directory.members.set(group, everybody);
  await company.run();
  directory.members.set(group, everybody.slice(6));
  await company.run();

  const second = await waiting(company);
  expect(second.quarantineId).toBe(first.quarantineId);
  expect(await decide(company, first, 'approved')).toMatchObject({ status: 'refused', found: 'replaced' });
  expect(await decide(company, second, 'approved')).toMatchObject({ status: 'decided' });
});

test('a rejection leaves these people their access, delays nobody else, and ends with the mistake', async () => {
  const company = await heldCompany();
  await decide(company, await waiting(company), 'rejected');
  const { directory, group, everybody } = company;

  directory.members.set(group, everybody.slice(7));
  expect(await company.run()).toMatchObject({
    done: { block_key: 1, remove_member: 1 },
    quarantined: [],
    refused: { rejected: 12 },
  });
  expect(await listWaitingQuarantines(company.database)).toEqual([]);
  expect(await alertCount(company)).toBe(1);

  // Back by the admin's repair; who of them leaves afterwards is a leaver like any other.
  directory.members.set(group, everybody);
  await company.run();
  directory.members.set(group, everybody.slice(1));
  expect(await company.run()).toMatchObject({ done: { block_key: 1, remove_member: 1 }, refused: {} });
});

test('after a rejected mistake was repaired, the same mistake is a new question', async () => {
  const company = await heldCompany();
  await decide(company, await waiting(company), 'rejected');
  await company.run();
  const { directory, group, everybody } = company;
  directory.members.set(group, everybody);
  await company.run();
  directory.members.set(group, everybody.slice(6));

  expect(await company.run()).toMatchObject({ done: {}, quarantined: [{ peopleCount: 6, isNew: true }] });
  expect(await waiting(company)).toMatchObject({ peopleCount: 6, decidedBy: null });
  expect(await alertCount(company)).toBe(2);
});

test('a rejection does not stand for ever: the removals are held and announced anew', async () => {
  const company = await heldCompany();
  await decide(company, await waiting(company), 'rejected');
  await company.run();
  await company.database.query(`update decided_removals set expires_at = expires_at - interval '8 days'`);
  await company.database.query(
    `update quarantines set decision_expires_at = decision_expires_at - interval '8 days'`,
  );

  expect(await company.run()).toMatchObject({ done: {}, quarantined: [{ peopleCount: 6, isNew: true }] });
  expect((await waiting(company)).decidedBy).toBeNull();
  expect(await alertCount(company)).toBe(2);
});

test('an approval that no run could carry out in time is void', async () => {
  const company = await heldCompany();
  await decide(company, await waiting(company), 'approved');
  await company.database.query(
    `update quarantines set decision_expires_at = decision_expires_at - interval '25 hours'`,
  );

  expect(await company.run()).toMatchObject({ done: {}, quarantined: [{ peopleCount: 6, isNew: true }] });
});

test('one decision counts: of many at once the first, and none by a member', async () => {
  const company = await heldCompany();
  const held = await waiting(company);

  expect(await decide(company, held, 'approved', 'member')).toEqual({ status: 'forbidden' });
  const outcomes = await Promise.all(
    (['approved', 'rejected', 'approved', 'rejected'] as const).map((decision) =>
      decide(company, held, decision),
    ),
  );
  expect(outcomes.filter((outcome) => outcome.status === 'decided')).toHaveLength(1);
  expect(await events(company, 'removals_approved', 'removals_rejected')).toHaveLength(1);
  expect(await events(company, 'decision_refused')).toHaveLength(4);
});

test('what is held is announced once, and again only when it has waited too long', async () => {
  const company = await heldCompany();
  await company.run();
  expect(await alertCount(company)).toBe(1);

  await company.database.query(`update quarantines set announced_at = announced_at - interval '25 hours'`);
  await company.run();
  await company.run();
  const { rows } = await company.database.query('select facts from alerts order by created_at');
  expect(rows).toMatchObject([
    { facts: { peopleCount: 6, isReminder: false, causes: [{ cause: 'left group', count: 6 }] } },
    { facts: { peopleCount: 6, isReminder: true } },
  ]);
});

test('three removals in every run are caught by the rolling day, and waiting leavers pass when it has moved on', async () => {
  const company = await createCompany(litellm, await createControlDatabase(), [3, 60]);
  const group = company.groups[1] as Company['groups'][0];
  const { directory, database } = company;
  await company.run();
  const drip = async () => {
    directory.members.set(group, (directory.members.get(group) ?? []).slice(3));
    return company.run();
  };

  const removed: number[] = [];
  for (let run = 0; run < 8; run += 1) removed.push((await drip()).done.remove_member ?? 0);

  expect(removed).toEqual([3, 3, 3, 3, 3, 3, 0, 0]);
  expect(await waiting(company)).toMatchObject({ peopleCount: 6, reasons: [{ limit: 'day.max_count' }] });
  await database.query(`update removals set removed_at = removed_at - interval '25 hours'`);
  expect(await company.run()).toMatchObject({ done: { remove_member: 6 }, quarantined: [] });
  expect(await findDifferences(company)).toEqual([]);
});

test('a joiner is not held up by what waits', async () => {
  const company = await heldCompany();
  company.directory.members.get(company.group)?.push(newPerson());

  expect(await company.run()).toMatchObject({
    done: { add_member: 1, mint_key: 1 },
    quarantined: [{ peopleCount: 6, isNew: false }],
  });
});

test('killed before or after any step, an approval is carried out whole by the next run, and only it', {
  timeout: 120_000,
}, async () => {
  const approved = async () => {
    const company = await heldCompany(5, 3);
    await decide(company, await waiting(company), 'approved');
    return company;
  };
  const steps = await killAtEveryStep(litellm, approved, async (company, at) => {
    expect(await company.run(), `killed at step ${at}`).toMatchObject({
      status: 'succeeded',
      quarantined: [],
    });
    expect(await findDifferences(company), `killed at step ${at}`).toEqual([]);
    expect((await company.run()).done, `killed at step ${at}`).toEqual({});
    expect(await statuses(company), `killed at step ${at}`).toEqual(['applied']);
    expect(await alertCount(company)).toBe(1);
  });
  expect(steps).toBeGreaterThan(20);
});
