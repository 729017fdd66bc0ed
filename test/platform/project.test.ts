import { describe, expect, test } from 'vitest';
import { isControlError } from '../../lib/errors.ts';
import { readProject } from '../../lib/platform/project.ts';

const FUNCTION = "{name: f, runtime: 'nodejs:22'}";
const inPackage = (text: string) => `packages:\n  - name: p\n    functions:\n      - ${text}\n`;

function problemsOf(text: string, values = {}): string {
  try {
    readProject(text, values);
  } catch (error) {
    if (isControlError(error, 'CONFIG_INVALID')) return error.message;
    throw error;
  }
  return '';
}

describe('what is deployed', () => {
  test('a function that says nothing is public, with the platform’s own limits', () => {
    expect(readProject(inPackage(FUNCTION), {})).toEqual([
      expect.objectContaining({ name: 'p/f', web: true, timeoutMs: 3000, memoryMb: 256, main: 'main' }),
    ]);
  });

  test('a package may turn the web off for all its functions', () => {
    const text = `packages:\n  - {name: p, web: false, functions: [${FUNCTION}, {name: g, web: raw}]}\n`;

    expect(readProject(text, {}).map(({ web }) => web)).toEqual([false, 'raw']);
  });

  test('the narrower environment wins', () => {
    const text = `environment: {A: top, B: top}\npackages:\n  - {name: p, environment: {A: mid, C: mid}, functions: [{name: f, environment: {A: own}}]}\n`;

    expect(readProject(text, {})[0]?.environment).toEqual({ A: 'own', B: 'top', C: 'mid' });
  });

  test('an enabled and a disabled trigger are told apart', () => {
    const trigger = (name: string, more = '') =>
      `{name: ${name}, type: SCHEDULED, scheduledDetails: {cron: '*/5 * * * *'}${more}}`;
    const text = inPackage(`{name: f, triggers: [${trigger('a')}, ${trigger('b', ', enabled: false')}]}`);

    expect(readProject(text, {})[0]?.triggers).toEqual([
      { name: 'a', cron: '*/5 * * * *', body: {}, isEnabled: true },
      { name: 'b', cron: '*/5 * * * *', body: {}, isEnabled: false },
    ]);
  });
});

describe('what is refused', () => {
  test.each([
    [
      'an unknown key, with the near one',
      '{name: f, memry: 1}',
      'packages[0].functions[0].memry: Unknown key; did you',
    ],
    ['a runtime that does not exist', "{name: f, runtime: 'nodejs:20'}", 'functions[0].runtime'],
    ['the moving default runtime', "{name: f, runtime: 'nodejs:default'}", 'functions[0].runtime'],
    ['a web value', '{name: f, web: yes-please}', "Expected true, false or 'raw'"],
    ['too little memory', '{name: f, limits: {memory: 64}}', 'Expected at least 128 megabytes'],
    [
      'a timeout over 15 minutes',
      '{name: f, limits: {timeout: 900001}}',
      'Expected at most 900000 milliseconds',
    ],
    ['a number in the environment', '{name: f, environment: {PORT: 5432}}', 'put the value in quotes'],
    ['a sixth field of cron', trigger('* * * * * *'), 'cron expression of five fields'],
    [
      'another type of trigger',
      "{name: f, triggers: [{name: t, type: HTTP, scheduledDetails: {cron: '* * * * *'}}]}",
      'Expected SCHEDULED',
    ],
    ['a dictionary template', '{name: f, environment: $(A B)}', 'Only a variable name'],
  ])('%s', (_, entry, reason) => {
    expect(problemsOf(inPackage(entry))).toContain(reason);
  });

  test('a fourth trigger of the namespace', () => {
    const one = (name: string) => `{name: ${name}, type: SCHEDULED, scheduledDetails: {cron: '0 2 * * *'}}`;
    const withTriggers = (...names: string[]) =>
      inPackage(`{name: f, triggers: [${names.map(one).join(', ')}]}`);

    expect(problemsOf(withTriggers('a', 'b', 'c'))).toBe('');
    expect(problemsOf(withTriggers('a', 'b', 'c', 'd'))).toContain('allows 3 triggers');
    expect(problemsOf(withTriggers('a', 'a'))).toContain('must be unique');
  });

  test('everything wrong is named at once', () => {
    const message = problemsOf(inPackage('{name: f, memry: 1, web: maybe, limits: {timeout: 0}}'));

    expect(message).toContain('has 3 problems');
  });

  test('an unset and an empty variable are named, and no value is shown', () => {
    const text = inPackage(`{name: f, environment: {A: '\${A}', B: '\${B}', C: '\${C}'}}`);
    const message = problemsOf(text, { A: 'hidden-value', B: '' });

    expect(message).toContain('B: It is unset or empty');
    expect(message).toContain('C: It is unset or empty');
    expect(message).not.toContain('hidden-value');
  });

  test('a value that breaks the YAML is refused by its line, without the value', () => {
    const message = problemsOf(inPackage(`{name: f, environment: {A: '\${A}'}}`), { A: "it's: secret-part" });

    expect(message).toContain('(line 4)');
    expect(message).not.toContain('secret-part');
  });
});

function trigger(cron: string): string {
  return `{name: f, triggers: [{name: t, type: SCHEDULED, scheduledDetails: {cron: '${cron}'}}]}`;
}
