import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Bench } from './bench.ts';
import { type Figure, figure, median, renderLine, renderTable } from './figures.ts';
import { BENCHES, runBenches } from './main.ts';
import { measurePlanning } from './plan.ts';

let workDir: string;

beforeAll(async () => {
  workDir = await mkdtemp(join(tmpdir(), 'lcp-bench-'));
});
afterAll(() => rm(workDir, { recursive: true, force: true }));

async function run(names: readonly string[], benches: Readonly<Record<string, Bench>>) {
  const printed: string[] = [];
  const aside: string[] = [];
  const log = (line: string) => void aside.push(line);
  const exitCode = await runBenches(
    names,
    { print: (line) => void printed.push(line), printAside: log },
    benches,
    { workDir, cacheDir: workDir, log },
  );
  return { exitCode, printed, aside: aside.join('\n') };
}

const giving =
  (...figures: readonly Figure[]): Bench =>
  async () =>
    figures;
const failing: Bench = async () => {
  throw new Error('no LiteLLM here');
};

test('a figure is one line of JSON with the same seven fields, null where there is nothing to compare', () => {
  const plain = figure('plan', 'members', 100_000, { unit: 'count' });
  const bounded = figure('first-sync', 'ratio', 1.23456, {
    unit: 'x',
    baseline: 7.2,
    bound: 1.15,
    remark: 'aside',
  });

  expect(renderLine(plain)).toBe(
    '{"bench":"plan","metric":"members","value":100000,"unit":"count","baseline":null,"bound":null,"held":null}',
  );
  expect(renderLine(bounded)).toBe(
    '{"bench":"first-sync","metric":"ratio","value":1.235,"unit":"x","baseline":7.2,"bound":1.15,"held":false}',
  );
});

test('a bound is judged before the value is rounded, and the bound itself still holds', () => {
  const at = (value: number) => figure('bundles', 'ratio', value, { unit: 'x', bound: 2 }).held;

  expect([at(1.9999), at(2), at(2.0001)]).toEqual([true, true, false]);
});

test('a value that is no number is a failure to measure, not a figure', () => {
  expect(() => figure('plan', 'seconds', median([]), { unit: 's' })).toThrow('could not be measured');
});

test('the table names each figure with its bound and whether it holds', () => {
  const table = renderTable([
    figure('plan', 'seconds', 0.4, { unit: 's', bound: 1, remark: 'digest abc' }),
    figure('plan', 'memory', 300, { unit: 'MB', bound: 256 }),
  ]);

  expect(table).toMatch(/^plan +seconds +0\.4 s +1 +yes +digest abc$/m);
  expect(table).toMatch(/^plan +memory +300 MB +256 +NO$/m);
});

test('the median of an even count lies between the two in the middle', () => {
  expect([median([3, 1, 2]), median([4, 1, 2, 3])]).toEqual([2, 2.5]);
});

test('the benches are all there', () => {
  expect(Object.keys(BENCHES).sort()).toEqual([
    'agent',
    'bundles',
    'first-sync',
    'leaver',
    'no-op',
    'plan',
    'webhook',
  ]);
});

test('an unknown name is one error that lists the names, and nothing is measured', async () => {
  const { exitCode, printed, aside } = await run(['plan', 'plam', 'x'], { plan: failing, 'no-op': failing });

  expect(exitCode).toBe(1);
  expect(printed).toEqual([]);
  expect(aside).toBe('Unknown bench: plam, x. There are: plan, no-op.');
});

test('--help names every bench and measures nothing', async () => {
  const { exitCode, printed, aside } = await run(['--help'], { plan: failing, 'no-op': failing });

  expect({ exitCode, printed }).toEqual({ exitCode: 0, printed: [] });
  expect(aside).toMatch(/^ {2}plan .*\n {2}no-op /m);
});

test('only the named bench is measured, and a bound that is not held is no failure', async () => {
  const over = figure('plan', 'seconds', 2, { unit: 's', bound: 1 });

  const { exitCode, printed } = await run(['plan'], { plan: giving(over), 'no-op': failing });

  expect(exitCode).toBe(0);
  expect(printed).toEqual([renderLine(over)]);
});

test('a bench that fails is named, the others are measured, and the exit code says it', async () => {
  const { exitCode, printed, aside } = await run([], {
    'no-op': failing,
    plan: giving(figure('plan', 'seconds', 0.4, { unit: 's' })),
  });

  expect(exitCode).toBe(1);
  expect(printed).toHaveLength(1);
  expect(aside).toContain('no-op could not be measured: Error: no LiteLLM here');
  expect(aside).toContain('Not measured: no-op.');
});

test('planning for a small company gives its figures, the same digest in every process', async () => {
  const context = { workDir, log: () => undefined };

  const figures = await measurePlanning(context, { memberCount: 400, groupCount: 4, runs: 2 });

  const countOf = (metric: string) => figures.find((one) => one.metric === metric)?.value;
  // One leaver and one joiner in each group of a hundred: block, remove, deactivate; create, add, mint.
  expect(countOf('actions planned')).toBe(24);
  expect(countOf('removals planned')).toBe(4);
  expect(countOf('actions allowed')).toBe(24);
  expect(countOf('different digests')).toBe(1);
  expect(figures.filter((one) => one.bound !== null).map((one) => [one.metric, one.bound])).toEqual([
    ['plan and guard', 1],
    ['peak RSS of the process', 256],
  ]);
});
