// LiteLLM's own pages in a real browser through the shipped nginx: who is an Admin of the portal signs in to LiteLLM
// too, and the pages may call what they need. Everything else about `/ui` is in edge.test.ts.

import { expect, inject, test } from 'vitest';
import { startBrowser } from '../world/browser.ts';
import { PUBLIC_HOST, useEdge } from './edge-fixture.ts';

const world = inject('world');
const edge = useEdge(() => ({ litellmAddress: new URL(world.litellmBaseUrl).host }));
const SITE = `https://${PUBLIC_HOST}`;

test('an Admin of the portal signs in to LiteLLM’s pages, which read what only an Admin may', async () => {
  const [name, value] = (await edge.portal.cookieOf('admin')).split('=') as [string, string];
  const browser = await startBrowser([
    `--host-resolver-rules=MAP ${PUBLIC_HOST}:443 127.0.0.1:${edge.nginx.httpsPort}`,
  ]);
  try {
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    await context.addCookies([{ name, value, url: SITE, secure: true, httpOnly: true, sameSite: 'Lax' }]);
    const page = await context.newPage();
    const refused: string[] = [];
    page.on('response', (response) => {
      if ([401, 403, 429].includes(response.status())) refused.push(response.url());
    });

    await page.goto(`${SITE}/ui/`);
    await page.locator('input[type=password]').fill(world.litellmAdminKey);
    await page.locator('input:not([type=password])').first().fill('admin');
    const teams = page.waitForResponse((response) => new URL(response.url()).pathname === '/team/list');
    await page.keyboard.press('Enter');

    expect((await teams).status()).toBe(200);
    await page.getByText('Virtual Keys').first().waitFor();
    expect(refused).toEqual([]);
  } finally {
    await browser.close();
  }
});
