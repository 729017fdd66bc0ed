import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ControlError } from '../../lib/errors.ts';
import { parsePolicyText, renderPolicyJsonSchema } from '../../lib/policy/policy.ts';
import { checkPolicy } from '../../lib/policy/schema.ts';

const root = new URL('../../', import.meta.url);
const sample = readFileSync(new URL('policy.yml', root), 'utf8');

test('the policy.yml that ships is accepted', () => {
  const policy = parsePolicyText(sample);

  expect(policy.groups.map((group) => group.team)).toEqual(['Engineering', 'Everyone', 'LiteLLM admins']);
  expect(policy.groups[2]?.role).toBe('admin');
  expect(policy.guard.per_group.day.max_percent).toBe(40);
});

test('every problem is reported at once with path, line, value and remedy', () => {
  const error = problemsOf(
    sample
      .replace('max_budget: 300', 'max_budget:')
      .replace('models: [gpt-3.5-turbo, claude-3-haiku, mistral-local]', 'memebers: []')
      .replace('max_percent: 25', 'max_percent: .nan')
      .replace('grace_days: 30', 'grace_days: -1')
      .replace('budget_duration: 30d', 'budget_duration: 30'),
  );

  expect(error.code).toBe('CONFIG_INVALID');
  expect(error.message.split('\n').map((line) => line.replace(/ Expected.*$/, ''))).toEqual([
    'policy.yml has 6 problems:',
    '  groups[0].budget_duration (line 12):',
    '  groups[0].max_budget (line 11):',
    '  groups[1].memebers (line 17): Unknown key; remove it or correct its name.',
    '  groups[1].models (line 15):',
    '  guard.per_group.run.max_percent (line 35):',
    '  offboarding.grace_days (line 43):',
  ]);
});

test.each([
  ['an empty number', 'max_budget: 300', 'max_budget:', 'empty is not 0'],
  ['a negative budget', 'max_budget: 300', 'max_budget: -5', 'more than 0'],
  ['a budget in quotes', 'max_budget: 300', 'max_budget: "300"', 'Expected a number'],
  ['a duration that LiteLLM would misread', 'budget_duration: 30d', 'budget_duration: 30 days', '30d'],
  ['a misspelt key', 'rpm_limit: 600', 'rmp_limit: 600', 'did you mean `rpm_limit`'],
  [
    'an empty list of models, which LiteLLM reads as all',
    'models: [gpt-3.5-turbo, claude-3-haiku, mistral-local]',
    'models: []',
    'all models',
  ],
  [
    'a group mapped twice',
    '00000000-0000-4000-8000-00000000a002',
    '00000000-0000-4000-8000-00000000A001',
    'already used by groups[0]',
  ],
  ['a team name used twice', 'team: Everyone', 'team: Engineering', 'already used by groups[0]'],
  ['a percentage over 100', 'max_percent: 25 }', 'max_percent: 125 }', '0 to 100'],
  ['a key given twice', 'version: 1', 'version: 1\nversion: 1', 'unique'],
  ['a file that is a list', sample, '- a', 'Expected the keys version'],
  ['an alias without its anchor', 'grace_days: 30', 'grace_days: *days', 'Unresolved alias'],
  ['an empty file', sample, '', 'Expected the keys version'],
])('%s is refused with the reason', (_name, from, to, reason) => {
  expect(problemsOf(sample.replace(from, to)).message).toContain(reason);
});

test('any text gives a policy or our own error, never another', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      try {
        parsePolicyText(text);
      } catch (error) {
        expect(error).toBeInstanceOf(ControlError);
      }
    }),
    { examples: [['*a'], ['\u0000'], ['? ']], numRuns: 1000 },
  );
});

test('any value gives a policy or problems, and a policy survives being embedded as JSON', () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => void checkPolicy(value)));
  const policy = parsePolicyText(sample);

  expect(checkPolicy(JSON.parse(JSON.stringify(policy)))).toEqual({ policy });
});

test('the JSON Schema offers every key with its description', () => {
  const schema = JSON.parse(renderPolicyJsonSchema());

  expect(Object.keys(schema.properties)).toEqual([
    'version',
    'groups',
    'protected_users',
    'guard',
    'quarantine',
    'drift',
    'rotation',
    'test_keys',
    'data_plane',
    'offboarding',
  ]);
  expect(schema.properties.groups.items.properties.models.description).toContain('litellm/config.yaml');
  expect(schema.additionalProperties).toBe(false);
  expect(schema.required).not.toContain('protected_users');
});

function problemsOf(text: string): ControlError {
  try {
    parsePolicyText(text);
  } catch (error) {
    if (error instanceof ControlError) return error;
    throw error;
  }
  throw new Error('expected problems');
}
