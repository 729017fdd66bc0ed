// The portal as a person uses it, in a real Chromium on a fast world.

import type { Browser, BrowserContext } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { startBrowser } from './browser.ts';
import { makeThrowAwayFolder } from './throw-away-folder.ts';
import { startWorld, type World } from './world.ts';

const folder = makeThrowAwayFolder();
const contexts: BrowserContext[] = [];
let world: World;
let browser: Browser;

beforeAll(async () => {
  [world, browser] = await Promise.all([
    startWorld({ stateDir: folder.path, mode: 'fast', schedule: false, log: () => undefined }),
    startBrowser(),
  ]);
});
afterEach(async () => {
  for (const context of contexts.splice(0)) await context.close();
});
afterAll(async () => {
  await browser?.close();
  await world?.stop();
  folder.remove();
});

test('a person picks an account, sees name and role, and signs out, without script', async () => {
  // The simulated Microsoft has a certificate that only the functions trust.
  const context = await browser.newContext({ ignoreHTTPSErrors: true, javaScriptEnabled: false });
  contexts.push(context);
  const page = await context.newPage();
  const problems: string[] = [];
  page.on('console', (message) => problems.push(message.text()));

  await page.goto(world.addresses.portal);
  await page.getByRole('heading', { name: 'Pick an account' }).waitFor();
  await page.getByRole('link', { name: 'Ada Adler' }).click();
  await page.getByRole('heading', { name: 'Overview' }).waitFor();
  const who = await page.getByRole('main').textContent();
  const cookies = await context.cookies(world.addresses.portal);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByText('You are signed out of the portal.').waitFor();

  expect(page.url()).toBe(`${world.addresses.portal}/sign-out`);
  expect(who).toContain('Signed in as Ada Adler, role Admin.');
  expect(cookies).toMatchObject([
    { name: '__Host-session', secure: true, httpOnly: true, sameSite: 'Lax', path: '/' },
  ]);
  expect(await context.cookies()).not.toContainEqual(expect.objectContaining({ name: '__Host-session' }));
  expect(problems).toEqual([]);
  await page.goto(world.addresses.portal);
  await page.getByRole('heading', { name: 'Pick an account' }).waitFor();
});
