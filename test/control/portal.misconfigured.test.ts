import { expect, test } from 'vitest';
import { useDeployedPortal } from './portal-fixture.ts';

const portal = useDeployedPortal({ PORTAL_SESSION_KEY: 'too-short-plaintext' });

test('a wrong setting is answered without its value, and named in the log', async () => {
  const { newVisitor, logs } = portal();

  const page = await newVisitor().get('/dashboard');

  expect(page).toMatchObject({ status: 500, text: expect.stringContaining('not set up correctly') });
  expect(page.headers.get('content-type')).toBe('text/plain; charset=utf-8');
  expect(logs()).toContain('"code":"CONFIG_INVALID"');
  expect(logs()).toContain('PORTAL_SESSION_KEY');
  expect(logs()).not.toContain('plaintext');
});
