// The architecture as rules over the source text: imports point one way, time and chance are injected, the
// environment is read in one place, docs name files that exist and hold no code.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

const root = path.resolve(import.meta.dirname, '..');
const sources = (dir: string, pattern = /\.(ts|tsx)$/): string[] =>
  readdirSync(path.join(root, dir), { recursive: true, encoding: 'utf8' })
    .filter((file) => pattern.test(file) && !file.includes('node_modules') && !file.includes('bundle/'))
    .map((file) => path.join(dir, file));
const read = (file: string) => readFileSync(path.join(root, file), 'utf8');

/** What several features share: a person's signed, single-use decision. */
const SHARED = ['approvals'];
const FEATURES = ['audit', 'sync', 'keys', 'budgets', 'alerts', 'backups', 'portal', 'health', 'provision'];
const CLIENTS = ['directory', 'gateway', 'objects', 'store', 'platform'];
/** Decisions: they import only types and other pure files, and are given `now`. */
const PURE = [
  'sync/desired',
  'sync/actions',
  'sync/plan',
  'sync/plan-keys',
  'sync/plan-users',
  'sync/plan-teams',
  'sync/team-settings',
  'sync/drift',
  'sync/drift-text',
  'sync/plan-context',
  'sync/key-life',
  'sync/guard',
  'sync/removal-limits',
  'sync/decisions',
  'sync/held-alert',
  'approvals/quarantine-text',
  'alerts/held-card',
  'sync/marker',
  'sync/report',
  'sync/plan-text',
  'sync/snapshot',
  'sync/access',
  'sync/hinted',
  'sync/plan-hinted',
  'sync/subscription-text',
  'sync/adopt/judge',
  'sync/adopt/match-people',
  'sync/adopt/check',
  'sync/adopt/settings',
  'gateway/identity-map',
  'directory/subscription-plan',
  'directory/read',
  'store/audit-chain',
  'portal/role',
  'portal/return-to',
  'audit/story',
  'audit/present-access',
  'audit/export-name',
  'audit/export-state',
  'cli/time-option',
  'health/health-text',
  'provision/plan',
  'provision/names',
  'provision/plan-records',
  'provision/plan-firewall',
  'provision/plan-machine',
  'provision/plan-text',
  'provision/cost',
  'platform/digitalocean/retry',
]
  .map((name) => `lib/${name}.ts`)
  .concat(['snapshot', 'make-report', 'next-report'].map((name) => `droplet/agent/${name}.ts`));
const PURE_HELPERS = ['lib/gateway/state.ts', 'lib/canonical.ts', 'lib/ids.ts', 'lib/errors.ts'];

type Import = { file: string; target: string; isType: boolean };

function importsOf(file: string): Import[] {
  return [...read(file).matchAll(/^(?:import|export)\s+(type\s)?[^;]*?from\s+'([^']+)';/gms)].map(
    ([, type, target = '']) => ({
      file,
      target: target.startsWith('.') ? path.join(path.dirname(file), target) : target,
      isType: type !== undefined,
    }),
  );
}

const folderOf = (file: string) =>
  file.startsWith('lib/')
    ? file.split('/').length > 2
      ? (file.split('/')[1] ?? '')
      : '(primitives)'
    : '(outside)';

function offends({ file, target }: Import): boolean {
  if (
    !target.startsWith('lib/') &&
    !target.startsWith('packages/') &&
    !target.startsWith('test/') &&
    !target.startsWith('scripts/')
  )
    return false;
  const [from, to] = [folderOf(file), folderOf(target)];
  if (from === to && from !== '(primitives)') return false;
  if (file === 'lib/composition.ts' || from === 'cli') return to === 'cli' || to === '(outside)';
  // config.ts is put together from the groups of variables.
  if (file === 'lib/config.ts' && to === 'settings') return false;
  if (from === 'policy') return to !== '(primitives)';
  if (FEATURES.includes(from))
    return ![...CLIENTS, ...SHARED, '(primitives)', 'policy'].includes(to) || target === 'lib/composition.ts';
  if (SHARED.includes(from)) return ![...CLIENTS, '(primitives)', 'policy'].includes(to);
  if (CLIENTS.includes(from)) return to !== '(primitives)' || target === 'lib/composition.ts';
  return to !== '(primitives)';
}

test('imports in lib point downwards and never sideways', () => {
  expect(sources('lib').flatMap(importsOf).filter(offends)).toEqual([]);
});

test('the rule on imports would find a sideways and an upward one', () => {
  const forged = [
    { file: 'lib/sync/apply.ts', target: 'lib/keys/mint.ts', isType: false },
    { file: 'lib/gateway/client.ts', target: 'lib/sync/plan.ts', isType: true },
    { file: 'lib/log.ts', target: 'lib/store/database.ts', isType: false },
  ];

  expect(forged.filter(offends)).toEqual(forged);
});

test('pure files import only types and pure files', () => {
  const impure = PURE.flatMap(importsOf).filter(
    ({ target, isType }) => !isType && !PURE.includes(target) && !PURE_HELPERS.includes(target),
  );

  expect(impure).toEqual([]);
});

test('time and chance come from clock.ts and the edges, nowhere else', () => {
  const allowed = ['lib/clock.ts'];
  const found = [...sources('lib'), ...sources('droplet')].filter(
    (file) =>
      !allowed.includes(file) &&
      /Date\.now\(|new Date\(\)|Math\.random\(|setTimeout\(|setInterval\(/.test(read(file)),
  );

  expect(found).toEqual([]);
});

test('the environment is read at the edges only', () => {
  const allowed = [
    'lib/cli/environment.ts',
    'packages/control/sync/index.ts',
    'packages/control/webhook/index.ts',
    'packages/control/portal/index.ts',
    'packages/control/agent/index.ts',
    'droplet/agent/index.ts',
    'packages/control/backup/index.ts',
  ];
  const found = [...sources('lib'), ...sources('packages'), ...sources('droplet')].filter(
    (file) => read(file).includes('process.env') && !allowed.includes(file),
  );

  expect(
    found.filter(
      (file) =>
        !/^\s*(\/\/|\*)/.test(
          read(file)
            .split('\n')
            .find((line) => line.includes('process.env')) ?? '',
        ),
    ),
  ).toEqual([]);
});

test('docs hold no code fences and name only files that exist', () => {
  const docs = [...sources('docs', /\.md$/), 'README.md', 'CLAUDE.md', 'TASKS.md'];
  const fences = sources('docs', /\.md$/).filter((file) => /^(```|~~~)/m.test(read(file)));
  const dead = docs.flatMap((file) =>
    [...read(file).matchAll(/`((?:lib|test|packages|scripts|docs|droplet)\/[\w./-]+?)(?::\d+)?`/g)]
      .map(([, name = '']) => name)
      .filter((name) => !existsSync(path.join(root, name)))
      .map((name) => `${file}: ${name}`),
  );

  expect(fences).toEqual([]);
  expect(dead).toEqual([]);
});

test('the functions get exactly the settings they parse', async () => {
  const { SYNC_SETTINGS } = await import('../lib/composition.ts');
  const { AGENT_SETTINGS, BACKUP_SETTINGS, PORTAL_SETTINGS, WEBHOOK_SETTINGS } = await import(
    '../lib/config.ts'
  );
  const blocks = read('project.yml').split(/^ {6}- name: /m);
  const declaredBy = (name: string) =>
    [
      ...(blocks.find((block) => block.startsWith(`${name}\n`)) ?? '').matchAll(
        /^ {10}([A-Z_]+): '\$\{\1\}'$/gm,
      ),
    ]
      .map(([, variable]) => variable)
      .sort();

  expect(declaredBy('sync')).toEqual([...SYNC_SETTINGS].sort());
  expect(declaredBy('webhook')).toEqual([...WEBHOOK_SETTINGS].sort());
  expect(declaredBy('portal')).toEqual([...PORTAL_SETTINGS].sort());
  expect(declaredBy('agent')).toEqual([...AGENT_SETTINGS].sort());
  expect(declaredBy('backup')).toEqual([...BACKUP_SETTINGS].sort());
});
