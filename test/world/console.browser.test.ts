// The console as a person uses it, in a real Chromium on a fast world: by role and label only.

import type { Browser, BrowserContext, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { refreshDropletHealth } from '../../lib/cli/droplet-health.ts';
import { systemClock } from '../../lib/clock.ts';
import { createDatabase } from '../../lib/store/database.ts';
import { startBrowser } from './browser.ts';
import { type Console, startConsole } from './console/server.ts';
import { makeThrowAwayFolder } from './throw-away-folder.ts';
import { startWorld, type World } from './world.ts';

const folder = makeThrowAwayFolder();
const contexts: BrowserContext[] = [];
let world: World;
let console: Console;
let browser: Browser;

beforeAll(async () => {
  [world, browser] = await Promise.all([
    startWorld({
      stateDir: folder.path,
      mode: 'fast',
      schedule: false,
      withAgent: true,
      log: () => undefined,
    }),
    startBrowser(),
  ]);
  console = await world.usePort('console', (port) => startConsole(world, port));
});
// What a test syncs itself must not be done before by a notification; one test lets them through.
beforeEach(() => void world.tenant.deliveries.faults.add({ kind: 'lose' }));
afterEach(async () => {
  world.tenant.faults.clear();
  world.tenant.deliveries.faults.clear();
  for (const context of contexts.splice(0)) await context.close();
});
afterAll(async () => {
  await browser?.close();
  await console?.close();
  await world?.stop();
  folder.remove();
});

async function openConsole(options: { readonly javaScriptEnabled?: boolean } = {}): Promise<Page> {
  const context = await browser.newContext(options);
  contexts.push(context);
  const page = await context.newPage();
  await page.goto(console.url);
  return page;
}

const press = (page: Page, name: string) => page.getByRole('button', { name, exact: true }).click();
const keyRow = (page: Page, person: string) =>
  page
    .getByRole('region', { name: 'LiteLLM', exact: true })
    .getByRole('row', { name: new RegExp(`^${person} `) });
const textOf = async (place: Locator) => ((await place.textContent()) ?? '').replace(/\s+/g, ' ').trim();
const said = (page: Page, text: string | RegExp) => page.getByRole('status').getByText(text).waitFor();

/** The message of the run before may still stand, so the new run itself is waited for. */
async function sync(page: Page, result: 'The run succeeded' | 'The run is partial'): Promise<void> {
  const newest = () => page.getByRole('link', { name: /^\d\d:\d\d:\d\d$/ }).evaluateAll(([link]) => link?.id);
  const before = await newest();
  await press(page, 'Sync now');
  await expect.poll(newest, { timeout: 20_000 }).not.toBe(before);
  await said(page, result);
}

async function call(page: Page, person: string, team: string): Promise<string> {
  await press(page, `Call a model with ${person}’s ${team} key`);
  await said(page, new RegExp(`(answered|refused) ${person}: `));
  return textOf(page.getByRole('group', { name: 'Answer of LiteLLM' }));
}

test('who joins a group gets a key that works, and who leaves it has one that is refused', async () => {
  const page = await openConsole();
  await sync(page, 'The run succeeded');

  await press(page, 'Chloe Brandt joins AI DevOps');
  await said(page, 'Chloe Brandt joined AI DevOps');
  await sync(page, 'The run succeeded');
  const asMember = await call(page, 'Chloe Brandt', 'DevOps');
  const membersRow = await textOf(keyRow(page, 'Chloe Brandt'));
  await press(page, 'Chloe Brandt leaves AI DevOps');
  await said(page, 'Chloe Brandt left AI DevOps');
  await sync(page, 'The run succeeded');
  const asLeaver = await call(page, 'Chloe Brandt', 'DevOps');

  expect(asMember).toMatch(/^200 .*This is gpt-4-turbo\./);
  expect(membersRow).not.toContain('blocked');
  expect(asLeaver).toMatch(/^401 .*Key is blocked/);
  expect(await textOf(keyRow(page, 'Chloe Brandt'))).toContain('blocked');
});

test('with Microsoft’s notifications nobody needs to press anything', async () => {
  const page = await openConsole();
  await sync(page, 'The run succeeded');
  world.tenant.deliveries.faults.clear();

  await press(page, 'Chloe Brandt joins AI Product');
  await said(page, /Microsoft notifies us/);
  // The button is there once the key is.
  expect(await call(page, 'Chloe Brandt', 'Product')).toMatch(/^200 /);
  await press(page, 'Chloe Brandt leaves AI Product');
  await expect.poll(() => call(page, 'Chloe Brandt', 'Product'), { timeout: 20_000 }).toMatch(/^401 /);

  await page.getByRole('cell', { name: 'webhook' }).first().waitFor();
  await press(page, 'Lose every notification');
  await said(page, 'From now on every notification is lost');
  await page.getByText('Notifications are lost', { exact: true }).waitFor();
});

test('a run that cannot read a group is shown as partial and removes nobody', async () => {
  const page = await openConsole();
  await sync(page, 'The run succeeded');
  await press(page, 'Finn Costa leaves AI Product');
  await said(page, 'Finn Costa left');
  await page.getByLabel('Group').selectOption('Product');
  await press(page, 'Graph answers 503');
  await said(page, 'Graph answers 503, for Product');

  await sync(page, 'The run is partial');

  expect(await textOf(keyRow(page, 'Finn Costa'))).toContain('live');
  await press(page, 'Let Graph work again');
  await said(page, 'Graph works again');
  await sync(page, 'The run succeeded');
  expect(await textOf(keyRow(page, 'Finn Costa'))).toContain('blocked');
});

test('removals over the limit are shown as held, with their reason, and nobody loses access', async () => {
  const page = await openConsole();
  await sync(page, 'The run succeeded');
  for (const person of ['Ines Engel', 'Jonas Engel', 'Chloe Jansen']) {
    await press(page, `${person} leaves AI DevOps`);
    await said(page, `${person} left`);
  }

  await sync(page, 'The run succeeded');

  const held = await textOf(page.getByRole('group', { name: 'Held for a decision' }));
  expect(held).toMatch(/3 removals from DevOps since [\d:]+: 75 % in one run, the limit is 50 %/);
  expect(await textOf(keyRow(page, 'Jonas Engel'))).toContain('live');
});

test('the page shows what happens elsewhere without being loaded again, and keeps what was typed', async () => {
  const page = await openConsole();
  await page.getByRole('link', { name: 'Mona Garcia' }).click();
  await page.getByLabel('New name').fill('Mona Half-Typed');

  world.tenant.tenant.rename(userIdOf('Nils Garcia'), { displayName: 'Nils Elsewhere' });

  await page.getByRole('link', { name: 'Nils Elsewhere' }).waitFor();
  expect(await page.getByLabel('New name').inputValue()).toBe('Mona Half-Typed');
  expect(
    await page.getByLabel('New name').evaluate((field) => field === field.ownerDocument.activeElement),
  ).toBe(true);
});

test('everything works with script turned off', async () => {
  const page = await openConsole({ javaScriptEnabled: false });

  await press(page, 'Olga Hansen joins AI Product');
  await said(page, 'Olga Hansen joined AI Product');
  await press(page, 'Sync now');
  await said(page, 'The run succeeded');
  const answer = await call(page, 'Olga Hansen', 'Product');
  await page.getByRole('link', { name: 'Olga Hansen' }).click();
  await page.getByLabel('New name').fill('Olga Berg');
  await press(page, 'Rename');
  await said(page, 'Olga Hansen is now Olga Berg');
  await press(page, 'Disable account');
  await said(page, 'Olga Berg’s account is disabled');

  expect(answer).toMatch(/^200 /);
  expect(await page.getByRole('row', { name: 'Olga Berg disabled' }).count()).toBe(1);
});

test('a keyboard is enough, and the focus stays where it was', async () => {
  const page = await openConsole();
  const join = page.getByRole('button', { name: 'Kira Fischer joins AI Product' });
  await page.getByRole('link', { name: 'Kira Fischer' }).focus();
  // From the name over the groups: Engineering, Platform, Product.
  for (let i = 0; i < 3; i += 1) await page.keyboard.press('Tab');
  expect(await join.evaluate((button) => button === button.ownerDocument.activeElement)).toBe(true);

  await page.keyboard.press('Enter');

  await said(page, 'Kira Fischer joined AI Product');
  const leave = page.getByRole('button', { name: 'Kira Fischer leaves AI Product' });
  await leave.waitFor();
  expect(await leave.evaluate((button) => button === button.ownerDocument.activeElement)).toBe(true);
});

test('no key is on the page or in what the browser was sent', async () => {
  const page = await openConsole();
  const sent: string[] = [];
  page.on('response', async (response) => sent.push(await response.text().catch(() => '')));
  await sync(page, 'The run succeeded');
  await call(page, 'Bruno Adler', 'Admins');
  await page.reload();

  expect(sent.length).toBeGreaterThan(2);
  expect(sent.join('') + (await page.content())).not.toMatch(/sk-[\w-]{20,}/);
});

test('the page says in one line how the droplet is, and what is wrong first', async () => {
  const database = createDatabase({ url: world.controlDatabaseUrl });
  world.agent?.setContainer('ollama', { state: 'exited', health: null, exitCode: 137 });
  const refused = await refreshDropletHealth(database, systemClock);
  world.agent?.setContainer('ollama');
  await database.close();

  const page = await openConsole();

  expect(refused).toBeUndefined();
  expect(await textOf(page.getByText('Droplet:'))).toBe(
    'Droplet: containers: 3 of 4 well, restarted 0 times',
  );
});

test('every control has a name of its own', async () => {
  const page = await openConsole();
  await page.getByRole('link', { name: 'Mona Garcia' }).click();
  await page.getByLabel('New name').waitFor();

  const names = await page.locator('button, select, input:not([type=hidden])').evaluateAll((controls) =>
    controls.map((control) => {
      const { labels } = control as unknown as { labels: Iterable<{ textContent: string }> | null };
      return (
        control.getAttribute('aria-label') ?? [...(labels ?? [])][0]?.textContent ?? control.textContent ?? ''
      );
    }),
  );

  expect(names.filter((name) => name.trim() === '')).toEqual([]);
  expect(names.length - new Set(names).size).toBe(0);
});

test.each([
  ['of another site', { origin: 'https://evil.example' }],
  ['without an origin', {}],
])('a form %s changes nothing', async (_, headers) => {
  const before = world.tenant.tenant.lastSequence();
  const body = new URLSearchParams({ userId: userIdOf('Elif Keller'), enabled: 'false' });

  const response = await fetch(`${console.url}/account`, { method: 'POST', body, headers });

  expect(response.status).toBe(403);
  expect(world.tenant.tenant.lastSequence()).toBe(before);
});

function userIdOf(name: string): string {
  const user = world.tenant.tenant.listUsers().find(({ displayName }) => displayName === name);
  if (user === undefined) throw new Error(`Nobody is called ${name}.`);
  return user.id;
}
