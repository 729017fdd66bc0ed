import fc from 'fast-check';
import { expect, test } from 'vitest';
import { HOME, localReturnTo, signInPath } from '../../lib/portal/return-to.ts';

test.each([
  '/dashboard',
  '/dashboard/',
  '/dashboard?run=1',
  '/dashboard/quarantines/7?token=a%26b',
  '/ui',
  '/ui/?page=users',
])('%s is a page to come back to', (path) => {
  expect(localReturnTo(path)).toBe(path);
});

test.each(['/uix', '/ui/../key/list', '/dashboard/ui-access', '/key/list'])(
  '%s is no page to come back to',
  (path) => {
    expect(localReturnTo(path)).toBe(HOME);
  },
);

test('whatever a link says, a sign-in leads to a page of the portal', () => {
  const nasty = fc.stringMatching(/^[/\\.@:?#%a-e0-9\t\n ]{0,12}$/);
  const anything = fc.oneof(
    fc.string(),
    fc.webUrl(),
    nasty,
    nasty.map((text) => `/dashboard${text}`),
    nasty.map((text) => `/ui${text}`),
  );

  fc.assert(
    fc.property(anything, (value) => {
      const url = new URL(localReturnTo(value), 'https://llm.example.com');
      expect(url.origin).toBe('https://llm.example.com');
      expect(url.pathname).toMatch(/^\/(dashboard|ui)(\/|$)/);
      expect(url.pathname).not.toMatch(/^\/dashboard\/(sign-(in|out)|ui-access$)/);
    }),
    { numRuns: 2000 },
  );
});

test('the link to the sign-in carries the page as one value', () => {
  const path = '/dashboard/quarantines/7?token=a&x=b';

  expect(new URL(signInPath(path), 'https://llm.example.com').searchParams.get('returnTo')).toBe(path);
  expect(signInPath(HOME)).toBe('/dashboard/sign-in');
});
