// How checks depend on each other, and how the report reads.

import { expect, test } from 'vitest';
import { type Area, type Check, failed, notChecked, runAreas, well } from '../../../lib/cli/doctor/check.ts';
import { countFailures, renderReport } from '../../../lib/cli/doctor/render.ts';
import { ControlError } from '../../../lib/errors.ts';
import { expectGolden } from '../../golden.ts';

const LIMIT_MS = 5_000;
const check = (id: string, run: Check['run'], needs: readonly string[] = []): Check => ({
  id,
  what: `fact ${id}`,
  why: `reason ${id}`,
  needs,
  run,
});
const area = (...checks: Check[]): Area => ({ title: 'The way to the droplet', checks });
const statuses = async (...areas: Area[]) =>
  (await runAreas(areas, LIMIT_MS)).flatMap(({ results }) =>
    results.map(({ check: { id }, finding }) => [id, finding.status]),
  );

test('what needs a failed check is not tried, nor what needs that; everything else is', async () => {
  const tried: string[] = [];
  const note = (id: string) => () => {
    tried.push(id);
    return well();
  };

  const found = await statuses(
    area(
      check('a', () => failed('broken')),
      check('b', note('b'), ['a']),
      check('c', note('c'), ['b']),
      check('d', note('d')),
    ),
  );

  expect(found).toEqual([
    ['a', 'failed'],
    ['b', 'not-tried'],
    ['c', 'not-tried'],
    ['d', 'well'],
  ]);
  expect(tried).toEqual(['d']);
});

test('what cannot be checked here says nothing against what needs it', async () => {
  const left: Area = { ...area(check('a', () => failed('never run'))), notChecked: 'not here' };

  expect(
    await statuses(
      left,
      area(
        check('b', () => notChecked('nor this')),
        check('c', () => well(), ['a', 'b']),
      ),
    ),
  ).toEqual([
    ['b', 'not-checked'],
    ['c', 'well'],
  ]);
});

test('a check that needs one that does not come before it is a mistake, and so is a second of a name', async () => {
  await expect(
    statuses(
      area(
        check('a', () => well(), ['b']),
        check('b', () => well()),
      ),
    ),
  ).rejects.toThrow('a');
  await expect(
    statuses(
      area(
        check('a', () => well()),
        check('a', () => well()),
      ),
    ),
  ).rejects.toThrow('a');
});

test('what a check throws is its failure, and one that never ends has failed at the limit', async () => {
  const areas = [
    area(
      check('a', () => {
        throw new ControlError('STORE_DENIED', 'Refused.');
      }),
      check('b', () => new Promise(() => undefined)),
    ),
  ];

  const [report] = await runAreas(areas, 50);

  expect(report?.results.map(({ finding }) => finding)).toEqual([
    { status: 'failed', problem: 'Refused.' },
    { status: 'failed', problem: 'There was no answer within 0 s.' },
  ]);
});

test('one cause that stops many checks is said once, with their number', async () => {
  const untried = ['b', 'c', 'd', 'e'].map((id) => check(id, () => well(), ['a']));
  const report = await runAreas(
    [
      area(
        check('a', () => failed('broken')),
        ...untried,
      ),
    ],
    LIMIT_MS,
  );

  const lines = renderReport(report).split('\n');

  expect(lines.filter((line) => line.includes('checks from'))).toEqual(['--    4 checks from "fact b" on']);
  expect(lines).toContain('        not tried: the first needs "fact a"');
  expect(lines.at(-2)).toContain('1 of 5 checks failed, and 4 could not be tried behind them');
});

test('each failure reads as what, why it matters and the next step, and nothing is passed over', async () => {
  const report = await runAreas(
    [
      area(
        { ...check('names', () => well('192.0.2.10')), what: 'The public name leads somewhere' },
        {
          ...check('port', () => failed('port 443 of 192.0.2.10 refuses.', 'look at the cloud firewall.')),
          what: 'Port 443 is open on every address',
          why: 'models, portal, control host and database are all behind it.',
        },
        { ...check('certificate', () => well(), ['port']), what: 'The public certificate is trusted' },
      ),
      { ...area(), title: 'Functions', notChecked: 'DO_FUNCTIONS_KEY is not set here' },
      {
        ...area(
          {
            ...check('roles', () =>
              failed('It must, and may not: a.\nIt may, and must not: b.', 'revoke b.'),
            ),
            what: 'WEBHOOK_DATABASE_URL may leave hints, and nothing else',
            why: 'who takes a function over has its role.',
          },
          {
            ...check('salt', () => notChecked('LiteLLM shows it to nobody')),
            what: 'LITELLM_SALT_KEY is set',
          },
          {
            ...check('denied', () => failed('The database refused the role; correct the URL.')),
            what: 'control database reached',
            why: 'without it no run starts.',
          },
        ),
        title: 'PostgreSQL',
      },
    ],
    LIMIT_MS,
  );

  expect(countFailures(report)).toBe(3);
  expectGolden('doctor-failures.txt', renderReport(report));
});

test('without a failure the end says that all is well, and how much was not seen', async () => {
  const report = await runAreas(
    [
      area(
        check('a', () => well()),
        check('b', () => notChecked('why')),
      ),
    ],
    LIMIT_MS,
  );

  expect(renderReport(report)).toMatch(/\nAll well\. Not checked: 1; each line says why\.\n$/);
});
