// The drill, on the real LiteLLM: a group of 200 is emptied by mistake. Nobody loses anything, one card appears in the
// channel, a decision about a plan that has changed is refused, a rejection clears it, an approval does exactly it.

import { afterAll, beforeEach, expect, inject, test } from 'vitest';
import { deliverAlerts } from '../../lib/alerts/deliver.ts';
import { createTeamsChannel } from '../../lib/alerts/teams.ts';
import { decideQuarantine } from '../../lib/approvals/decide.ts';
import { readApprovalLink, signApprovalLink } from '../../lib/approvals/link.ts';
import { systemClock } from '../../lib/clock.ts';
import { Secret } from '../../lib/secret.ts';
import { verifyAudit } from '../../lib/store/audit.ts';
import type { Database } from '../../lib/store/database.ts';
import { listWaitingQuarantines } from '../../lib/store/quarantines.ts';
import { chat } from '../gateway/chat.ts';
import { openControlDatabase } from '../store/database-fixture.ts';
import { type Company, createCompany, findDifferences } from '../sync/reconcile-fixture.ts';
import { findFreePort } from '../world/port.ts';
import { startTeamsChannel, type TeamsChannel } from '../world/teams/channel.ts';
import { createDatabaseUrl } from './control-database.ts';
import { emptyLiteLLM } from './empty-litellm.ts';

const PEOPLE = 200;
const world = inject('world');
const LINK_KEY = new Secret('7'.repeat(64));
const opened: Database[] = [];
const channels: TeamsChannel[] = [];
beforeEach(() => emptyLiteLLM(world.litellmDatabaseUrl));
afterAll(async () => {
  await Promise.all([
    ...opened.map((database) => database.close()),
    ...channels.map((channel) => channel.close()),
  ]);
});

async function startCompany(sizes: readonly number[]) {
  const control = await openControlDatabase(await createDatabaseUrl(world.controlDatabaseUrl), opened);
  const litellm = { baseUrl: world.litellmBaseUrl, adminKey: new Secret(world.litellmAdminKey) };
  const company = await createCompany(litellm, control, sizes);
  const channel = await startTeamsChannel(await findFreePort(), {
    signature: 's3cret',
    now: () => new Date(),
  });
  channels.push(channel);
  const post = createTeamsChannel(new Secret(channel.webhookUrl));
  const linkTo = async (held: { quarantineId: string; episode: string }) =>
    `https://llm.example.com/dashboard/held?link=${await signApprovalLink(LINK_KEY, held, new Date(Date.now() + 3_600_000))}`;
  const { database, log } = company.dependencies;
  Object.assign(company.dependencies, {
    concurrency: 8,
    tellTeams: (ending: AbortSignal) => deliverAlerts({ database, log, post, linkTo }, ending),
  });
  return { ...company, channel };
}

/** What the newest card leads to. */
async function linkOf(channel: TeamsChannel) {
  const token = new URL(channel.newestLink() ?? '').searchParams.get('link') ?? '';
  const read = await readApprovalLink(LINK_KEY, token, new Date());
  if (read.status !== 'valid') throw new Error(read.status);
  return read.link;
}
const decide = (
  { database }: Company,
  link: { quarantineId: string; episode: string },
  decision: 'approved' | 'rejected',
) =>
  decideQuarantine(
    { database, clock: systemClock },
    { ...link, decision, by: { actor: 'entra:someone', role: 'devops' }, rejectionDays: 7 },
  );

test(`a group of ${PEOPLE} emptied by mistake: held, announced once, decided once`, {
  timeout: 600_000,
}, async () => {
  const company = await startCompany([2, PEOPLE]);
  const { run, directory, channel, database } = company;
  const group = company.groups[1] as Company['groups'][0];
  const everybody = directory.members.get(group) ?? [];
  expect((await run()).done).toMatchObject({ mint_key: PEOPLE + 2 });
  const key = await company.revealKey(everybody[7]?.id ?? '', group);

  directory.members.set(group, []);
  expect(await run()).toMatchObject({ done: {}, quarantined: [{ scope: group, peopleCount: PEOPLE }] });
  expect(await run()).toMatchObject({ done: {}, quarantined: [{ peopleCount: PEOPLE, isNew: false }] });
  expect(channel.cards).toHaveLength(1);
  expect(JSON.stringify(channel.cards[0])).toContain(`${PEOPLE} removals held`);
  expect((await chat(world.litellmBaseUrl, key)).status).toBe(200);

  const stale = await linkOf(channel);
  directory.members.set(group, everybody.slice(0, 5));
  await run();
  expect(await decide(company, stale, 'approved')).toMatchObject({ status: 'refused', found: 'lapsed' });
  expect(channel.cards).toHaveLength(2);

  expect(await decide(company, await linkOf(channel), 'rejected')).toMatchObject({ peopleCount: PEOPLE - 5 });
  expect(await run()).toMatchObject({ done: {}, quarantined: [] });
  expect(await listWaitingQuarantines(database)).toEqual([]);
  directory.members.set(group, everybody);
  expect((await run()).done).toEqual({});
  expect(await findDifferences(company)).toEqual([]);

  directory.members.set(group, []);
  await run();
  expect(channel.cards).toHaveLength(3);
  expect(await decide(company, await linkOf(channel), 'approved')).toMatchObject({ peopleCount: PEOPLE });
  expect((await run()).done).toMatchObject({ block_key: PEOPLE, remove_member: PEOPLE });
  expect((await chat(world.litellmBaseUrl, key)).status).toBe(401);
  expect(await findDifferences(company)).toEqual([]);
  expect((await run()).done).toEqual({});
  expect(channel.cards).toHaveLength(3);
  expect(await verifyAudit(database)).toMatchObject({ status: 'intact' });
});

test('three removals in every run are caught by the rolling 24 hours', { timeout: 300_000 }, async () => {
  const company = await startCompany([2, 40]);
  const { run, directory, channel } = company;
  const group = company.groups[1] as Company['groups'][0];
  await run();
  const removed: number[] = [];
  for (let at = 0; at < 8; at += 1) {
    directory.members.set(group, (directory.members.get(group) ?? []).slice(3));
    removed.push((await run()).done.remove_member ?? 0);
  }

  expect(removed).toEqual([3, 3, 3, 3, 3, 3, 0, 0]);
  expect(channel.cards.length).toBeGreaterThan(0);
  expect(JSON.stringify(channel.cards[0])).toContain('in 24 hours');
});
