import { parseEnv } from 'node:util';
import { expect, test } from 'vitest';
import { VARIABLES } from '../../lib/config.ts';
import { mergeSettings } from '../../lib/provision/settings-file.ts';

const PRINTED = [
  'LITELLM_ADMIN_KEY=sk-new-plaintext',
  'CONTROL_DATABASE_URL=postgres://control_plane:p%23x@db.llm.example.com:443/control',
  '',
].join('\n');

test('a missing file becomes one with the settings of the droplet', () => {
  const { text, added } = mergeSettings('', PRINTED, { isOverwriting: false });

  expect(added).toEqual(['CONTROL_DATABASE_URL', 'LITELLM_ADMIN_KEY']);
  expect(parseEnv(text)).toEqual(parseEnv(PRINTED));
});

test('a second merge changes nothing', () => {
  const { text } = mergeSettings('# kept\nOTHER=1', PRINTED, { isOverwriting: false });
  const again = mergeSettings(text, PRINTED, { isOverwriting: false });

  expect(again).toEqual({ text, added: [], differing: [], ignored: [] });
});

test('a value that is there is overwritten only when that is asked for, in its place', () => {
  const current = 'LITELLM_ADMIN_KEY=sk-old\nOTHER=1\n';
  const left = mergeSettings(current, PRINTED, { isOverwriting: false });
  const taken = mergeSettings(current, PRINTED, { isOverwriting: true });

  expect(left.text).toContain('LITELLM_ADMIN_KEY=sk-old\nOTHER=1\n');
  expect(left.differing).toEqual(['LITELLM_ADMIN_KEY']);
  expect(taken.text).toMatch(/^LITELLM_ADMIN_KEY=sk-new-plaintext\nOTHER=1\n/);
});

test.each([
  'NODE_OPTIONS=--require=./evil.js',
  'PATH=/evil',
  'GRAPH_BASE_URL=https://evil.example.com/v1.0',
  'AZURE_AUTHORITY_HOST=https://evil.example.com',
  'DIGITALOCEAN_API_URL=https://evil.example.com',
])('a droplet cannot set %s', (line) => {
  const { text, ignored } = mergeSettings('', line, { isOverwriting: true });

  expect(text).toBe('');
  expect(ignored).toHaveLength(1);
});

test('a value of the wrong form changes nothing and is not shown', () => {
  const merge = () =>
    mergeSettings('', 'LITELLM_ADMIN_KEY=plaintext-without-prefix', { isOverwriting: false });

  expect(merge).toThrow(
    expect.objectContaining({ code: 'DROPLET_SETUP_FAILED', details: { names: ['LITELLM_ADMIN_KEY'] } }),
  );
  expect(merge).not.toThrow('plaintext');
});

test('what .env.example says counts as missing, and what somebody chose does not', () => {
  const printed =
    'LITELLM_DATABASE_URL=postgres://litellm_reader:p@db.llm.example.com:443/litellm\nPUBLIC_BASE_URL=https://llm.example.com\n';
  const example = mergeSettings(`LITELLM_DATABASE_URL=${VARIABLES.LITELLM_DATABASE_URL.example}\n`, printed, {
    isOverwriting: false,
  });
  const chosen = mergeSettings('PUBLIC_BASE_URL=https://other.example.com\n', printed, {
    isOverwriting: false,
  });

  expect(example.added).toEqual(['LITELLM_DATABASE_URL', 'PUBLIC_BASE_URL']);
  expect(chosen.differing).toEqual(['PUBLIC_BASE_URL']);
});

test('the way in is what provisioning knows, not what the droplet says', () => {
  const { text, ignored } = mergeSettings('DROPLET_SSH=none\n', 'DROPLET_SSH=root@evil.example.com\n', {
    known: { DROPLET_SSH: 'root@203.0.113.7' },
    isOverwriting: false,
  });

  expect([text, ignored]).toEqual(['DROPLET_SSH=root@203.0.113.7\n', ['DROPLET_SSH']]);
});
