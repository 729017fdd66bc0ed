// How the shipped nginx configuration gets its names, ports and limits.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { renderNginx } from '../world/nginx.ts';
import { makeThrowAwayFolder } from '../world/throw-away-folder.ts';

const folder = makeThrowAwayFolder();
afterAll(() => folder.remove());
const SITE = { PUBLIC_HOST: 'llm.example.com' };

function render(settings: Readonly<Record<string, string>>): string {
  const target = renderNginx(settings, folder.path);
  return readdirSync(target, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.conf'))
    .map((file) => readFileSync(join(target, file), 'utf8'))
    .join('\n');
}

test('the public host alone is a whole configuration, for the droplet', () => {
  const text = render(SITE);

  expect(text).toContain('control.llm.example.com control;');
  expect(text).toContain('db.llm.example.com database;');
  expect(text).toContain('server litellm:4000 max_fails=0 resolve;');
  expect(text).toContain('listen 443;');
  expect(text.replaceAll(/^ *#.*$/gm, '')).not.toMatch(/\$\{[A-Z]/);
});

test('the portal’s web address becomes a host to ask, a name to check and a path', () => {
  const text = render({
    ...SITE,
    PORTAL_WEB_URL: 'https://faas-x.example.co/api/v1/web/fn-1/control/portal',
  });

  expect(text).toContain('server faas-x.example.co:443 max_fails=0 resolve;');
  expect(text).toContain('proxy_ssl_name faas-x.example.co;');
  expect(text).toContain('proxy_pass https://functions/api/v1/web/fn-1/control/portal$request_uri;');
});

test.each([
  ['a name that nobody knows', { ...SITE, PUBLIC_HOTS: 'x' }, 'unknown name PUBLIC_HOTS'],
  ['no public host', { KEY_BURST: '5' }, 'PUBLIC_HOST is missing'],
  ['an empty limit', { ...SITE, KEY_BURST: '' }, 'KEY_BURST is missing'],
  ['a piece of configuration', { ...SITE, KEY_BURST: '5; allow all' }, 'KEY_BURST holds a character'],
  ['a word of nginx’s own', { ...SITE, BODY_LIMIT: '$arg_x' }, 'BODY_LIMIT holds a character'],
  ['capital letters in the host', { PUBLIC_HOST: 'LLM.example.com' }, 'PUBLIC_HOST is not a host name'],
  [
    'a portal without TLS',
    { ...SITE, PORTAL_WEB_URL: 'http://faas-x.example.co/x' },
    'PORTAL_WEB_URL is neither',
  ],
])('%s is refused by name', (_what, settings, reason) => {
  expect(() => render(settings)).toThrow(reason);
});
