import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { parseSettings } from '../lib/config.ts';
import { ControlError } from '../lib/errors.ts';

const complete = {
  AZURE_TENANT_ID: 'AAAAAAAA-0000-4000-8000-000000000001',
  LITELLM_ADMIN_KEY: 'sk-admin-plaintext',
  LITELLM_BASE_URL: 'https://control.example.com/',
  LITELLM_DATABASE_URL: 'none',
};

test('valid settings are parsed, normalised, and keep their secrets out of every print', () => {
  const settings = parseSettings(
    ['AZURE_TENANT_ID', 'LITELLM_ADMIN_KEY', 'LITELLM_BASE_URL', 'LITELLM_DATABASE_URL'],
    complete,
  );

  expect(settings.AZURE_TENANT_ID).toBe('aaaaaaaa-0000-4000-8000-000000000001');
  expect(settings.LITELLM_BASE_URL).toBe('https://control.example.com');
  expect(settings.LITELLM_DATABASE_URL).toBeUndefined();
  expect(settings.LITELLM_ADMIN_KEY.reveal()).toBe('sk-admin-plaintext');
  expect(`${inspect(settings)} ${JSON.stringify(settings)} ${settings.LITELLM_ADMIN_KEY}`).not.toContain(
    'plaintext',
  );
});

test('every problem is reported at once, with the name, what was found and the remedy', () => {
  const error = problemsOf({
    AZURE_TENANT_ID: 'not-a-guid',
    LITELLM_ADMIN_KEY: '',
    LITELLM_BASE_URL: 'ftp://x',
    LITELLM_DATABASE_URL: 'postgres://',
  });

  expect(error.code).toBe('CONFIG_INVALID');
  expect(error.details.paths).toEqual([
    'AZURE_TENANT_ID',
    'LITELLM_ADMIN_KEY',
    'LITELLM_BASE_URL',
    'LITELLM_DATABASE_URL',
  ]);
  expect(error.message).toContain('Found: "not-a-guid"');
  expect(error.message).toMatch(/LITELLM_ADMIN_KEY: .*Found: nothing\. Set it in \.env/);
});

test('a wrong secret is named but not shown', () => {
  const error = problemsOf({ ...complete, LITELLM_ADMIN_KEY: 'hunter2-without-prefix' });

  expect(error.message).toContain('LITELLM_ADMIN_KEY');
  expect(error.message).toContain('[redacted]');
  expect(error.message).not.toContain('hunter2');
});

test.each([
  ['https://llm.example.com/', 'https://llm.example.com'],
  ['http://localhost:8704', 'http://localhost:8704'],
  ['http://127.0.0.1:8704', 'http://127.0.0.1:8704'],
])('%s may be the public site', (value, origin) => {
  expect(parseSettings(['PUBLIC_BASE_URL'], { PUBLIC_BASE_URL: value }).PUBLIC_BASE_URL).toBe(origin);
});

test.each(['http://llm.example.com', 'http://localhost.example.com', 'https://llm.example.com/dashboard'])(
  '%s may not be the public site',
  (value) => {
    expect(() => parseSettings(['PUBLIC_BASE_URL'], { PUBLIC_BASE_URL: value })).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID' }),
    );
  },
);

test('a session key of another length is refused and not shown', () => {
  const parse = (key: string) => () => parseSettings(['PORTAL_SESSION_KEY'], { PORTAL_SESSION_KEY: key });

  expect(parse('k'.repeat(43))).not.toThrow();
  expect(parse('k'.repeat(42))).toThrow('43 characters');
  expect(parse('k'.repeat(42))).not.toThrow('kkk');
});

function problemsOf(environment: Record<string, string>): ControlError {
  try {
    parseSettings(
      ['AZURE_TENANT_ID', 'LITELLM_ADMIN_KEY', 'LITELLM_BASE_URL', 'LITELLM_DATABASE_URL'],
      environment,
    );
  } catch (error) {
    if (error instanceof ControlError) return error;
    throw error;
  }
  throw new Error('expected problems');
}
