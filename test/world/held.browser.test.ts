// From the card in the channel to the decision, in a real Chromium on a fast world: what DevOps does at night.

import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { startBrowser } from './browser.ts';
import { COMPANY_GROUP_IDS, seedUserId } from './tenant/seed.ts';
import { makeThrowAwayFolder } from './throw-away-folder.ts';
import { startWorld, type World } from './world.ts';

const folder = makeThrowAwayFolder();
let world: World;
let browser: Browser;

beforeAll(async () => {
  [world, browser] = await Promise.all([
    startWorld({ stateDir: folder.path, mode: 'fast', schedule: false, log: () => undefined }),
    startBrowser(),
  ]);
  world.tenant.deliveries.faults.add({ kind: 'lose' });
});
afterAll(async () => {
  await browser?.close();
  await world?.stop();
  folder.remove();
});

/** Four of the six people of the product group have left by somebody's mistake. */
beforeEach(async () => {
  const { tenant } = world.tenant;
  const people = [6, 7, 8, 16, 17, 18].map(seedUserId);
  for (const userId of people) tenant.addMember(COMPANY_GROUP_IDS.product, userId);
  await world.syncNow();
  await world.syncNow();
  for (const userId of tenant.findGroup(COMPANY_GROUP_IDS.product)?.memberIds.slice(0, 4) ?? [])
    tenant.removeMember(COMPANY_GROUP_IDS.product, userId);
  await world.syncNow();
});

/** The channel, the card's button, the sign-in at Microsoft. */
async function openFromCard(person: number): Promise<Page> {
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const channel = await context.newPage();
  await channel.goto(world.teams.url);
  const opening = context.waitForEvent('page');
  await channel.getByRole('link', { name: 'See who, and decide' }).first().click();
  const page = await opening;
  await page.waitForLoadState();
  const name = world.tenant.tenant.findUser(seedUserId(person))?.displayName ?? '';
  await page.getByRole('link', { name }).click();
  await page.waitForURL(/\/dashboard/);
  return page;
}

test('DevOps opens the card’s link, signs in, sees who it is about, approves, and it is carried out', async () => {
  const page = await openFromCard(9);
  await page.getByRole('heading', { name: 'Removals wait for you' }).waitFor();
  const rows = page.getByRole('table').last().getByRole('row');
  expect(await rows.count()).toBe(5);
  await page.getByRole('button', { name: /^Approve: 4 people lose the team Product/ }).click();
  await page.getByText('exactly these 4 people').waitFor();
  await world.quiet();

  const keys = [...(world.litellm.fake?.state.keys.values() ?? [])];
  expect(keys.filter((key) => key.blocked)).toHaveLength(4);
});

test('a Member who finds the link sees nothing and decides nothing', async () => {
  const page = await openFromCard(3);

  await page.getByRole('heading', { name: 'Not for you' }).waitFor();
  expect(await page.getByRole('button', { name: /Approve/ }).count()).toBe(0);
});
