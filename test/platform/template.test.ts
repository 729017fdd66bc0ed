import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readProject } from '../../lib/platform/project.ts';
import { checkDeployEnvironment, fillTemplate, variableNames } from '../../lib/platform/template.ts';

const variable = (name: string) => `\${${name}}`;
const SINGLE = `packages:\n  - {name: p, functions: [{name: f, environment: {A: '${variable('A')}'}}]}\n`;
const DOUBLE = SINGLE.replaceAll("'", '"');

describe('filling in', () => {
  test('a variable is replaced wherever it stands, spaces around its name or not', () => {
    const filled = fillTemplate(`a: ${variable('A')} ${variable(' A ')} # ${variable('A')}`, { A: '$&' });

    expect(filled).toEqual({ text: 'a: $& $& # $&', missing: [] });
  });

  test('a variable in a comment counts, as it does for the deployer', () => {
    expect(variableNames(`# ${variable('IN_COMMENT')}\na: 1`)).toEqual(['IN_COMMENT']);
  });
});

describe('what can be deployed', () => {
  test('an unset and an empty variable are each one clear line', () => {
    const text = `a: '${variable('A')}'\nb: '${variable('B')}'`;

    expect(checkDeployEnvironment(text, { A: '' })).toEqual([
      { path: 'A', message: 'It is unset or empty; give it a value in .env.' },
      { path: 'B', message: 'It is unset or empty; give it a value in .env.' },
    ]);
  });

  test.each([
    ['a single quote in single quotes', SINGLE, "x'y"],
    ['a double quote in double quotes', DOUBLE, 'x"y'],
    ['a backslash in double quotes', DOUBLE, 'x\\y'],
    ['a tab anywhere', SINGLE, 'x\ty'],
    ['a line break', SINGLE, 'x\ny'],
    ['a value that opens a comment outside quotes', `a: ${variable('A')}`, 'x #y'],
    ['a value that looks like a number outside quotes', `a: ${variable('A')}`, '1e3'],
  ])('%s is refused by name and character', (_, text, value) => {
    const [problem, ...others] = checkDeployEnvironment(text, { A: value });

    expect(others).toEqual([]);
    expect(problem?.path).toBe('A');
    expect(problem?.message).not.toContain(value);
  });

  test('a double quote and a backslash in single quotes arrive as they are', () => {
    expect(checkDeployEnvironment(SINGLE, { A: 'x"y\\z#: {}' })).toEqual([]);
  });

  test('what the check accepts arrives unchanged, and what it refuses would not', () => {
    const arrives = (value: string) => {
      try {
        return readProject(SINGLE, { A: value })[0]?.environment.A === value;
      } catch {
        return false;
      }
    };
    const characters = fc.constantFrom(...'ab 0\'"\\\n\t#:{}[],&*!|>%@`$<-~\u00e9');

    fc.assert(
      fc.property(fc.string({ unit: characters, maxLength: 12 }), (value) => {
        expect(checkDeployEnvironment(SINGLE, { A: value }).length === 0).toBe(arrives(value));
      }),
    );
  });
});
