import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildFunctions } from '../../scripts/build.ts';
import { checkBundles } from '../../scripts/bundle-check.ts';
import { createZip, listZip } from '../../scripts/zip.ts';

const HANDLER = `import policy from 'virtual:policy';
export async function main(event: { x: number }, context: unknown) {
  const { size } = await import('./later.ts');
  return { policy, twice: event.x * size, context };
}
`;
const POLICY = `version: 1
groups:
  - entra_group: '00000000-0000-4000-8000-0000000000a1'
    team: Platform
    models: [gpt-4]
guard:
  per_group: {always_allow: 1, run: {max_count: 5, max_percent: 20}, day: {max_count: 10, max_percent: 30}}
  overall: {always_allow: 1, run: {max_count: 5, max_percent: 20}, day: {max_count: 10, max_percent: 30}}
offboarding: {grace_days: 30}
`;

let root: string;
const policyFile = () => path.join(root, 'policy.yml');

beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'build-'));
  const folder = path.join(root, 'packages/test/twice');
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, 'index.ts'), HANDLER);
  await writeFile(path.join(folder, 'later.ts'), 'export const size: number = 2;\n');
  await writeFile(path.join(root, 'policy.yml'), POLICY);
  await writeFile(
    path.join(root, 'project.yml'),
    `packages:\n  - {name: test, functions: [{name: twice, environment: {A: '\${A}'}}]}\n`,
  );
});

afterAll(() => rm(root, { recursive: true }));

describe('a build', () => {
  test('gives a handler of two parameters that carries the policy and what it imports later', async () => {
    await buildFunctions({ root, policyFile: policyFile(), outDir: path.join(root, 'out') });

    const { main } = createRequire(import.meta.url)(path.join(root, 'out/twice/index.js'));
    const result = await main({ x: 21 }, {});
    expect(main).toHaveLength(2);
    expect(result).toMatchObject({ twice: 42, policy: { version: 1, offboarding: { grace_days: 30 } } });
  });

  test('shows its export to the lexer with which the platform’s import() finds it', async () => {
    await buildFunctions({ root, policyFile: policyFile(), outDir: path.join(root, 'imported') });

    const module = await import(path.join(root, 'imported/twice/index.js'));
    expect(module.main).toBeTypeOf('function');
  });

  test('puts the bundle and the line that loads it into the archive, and nothing else', async () => {
    await buildFunctions({ root, policyFile: policyFile() });

    const archive = await readFile(path.join(root, 'packages/test/twice/bundle/function.zip'));
    expect(listZip(archive)).toEqual(['index.js', 'function.cjs']);
  });

  test('of the same sources gives the same bytes', async () => {
    const build = async (name: string) => {
      await buildFunctions({ root, policyFile: policyFile(), outDir: path.join(root, name) });
      return readFile(path.join(root, name, 'twice/function.zip'));
    };

    expect((await build('first')).equals(await build('second'))).toBe(true);
  });

  test('stops at a wrong policy', async () => {
    const wrong = path.join(root, 'wrong.yml');
    await writeFile(wrong, POLICY.replace('grace_days: 30', 'grace_days: 0'));

    await expect(
      buildFunctions({ root, policyFile: wrong, outDir: path.join(root, 'never') }),
    ).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });
});

describe('the check of bundles', () => {
  const report = (functionName: string, sizeBytes: number, ...libraries: string[]) => ({
    functionName,
    sizeBytes,
    libraries: new Map(libraries.map((library) => [library, 1])),
  });

  test('names the library that a function must not carry, and lets another function carry it', () => {
    expect(checkBundles([report('control/webhook', 1, '@azure/identity', 'pg')])).toEqual([
      { path: 'control/webhook', message: 'It must not carry @azure/identity; find the import.' },
    ]);
    expect(checkBundles([report('control/sync', 1, '@azure/identity', 'pg')])).toEqual([]);
  });

  test('names a tool in any function', () => {
    expect(checkBundles([report('control/new', 1, 'yaml')])).toHaveLength(1);
  });

  test('allows 400 KB, and 700 KB where @azure/identity is inside', () => {
    expect(checkBundles([report('control/sync', 400_000, 'pg')])).toEqual([]);
    expect(checkBundles([report('control/sync', 400_001, 'pg')])).toHaveLength(1);
    expect(checkBundles([report('control/sync', 700_000, '@azure/identity')])).toEqual([]);
    expect(checkBundles([report('control/sync', 700_001, '@azure/identity')])).toHaveLength(1);
  });
});

test('an archive is one that the standard tool of the platform’s runtime can open', async () => {
  const { execFileSync } = await import('node:child_process');
  const content = Buffer.from('exports.a = "äöü";\n'.repeat(1000));
  const file = path.join(root, 'check.zip');
  await writeFile(file, createZip([{ name: 'a/b.js', content }]));

  // Python's zipfile checks every CRC; unzip is not on every machine that runs this suite.
  const script =
    'import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; sys.stdout.buffer.write(z.read("a/b.js"))';
  expect(execFileSync('python3', ['-c', script, file]).equals(content)).toBe(true);
});
