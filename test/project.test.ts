import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { SYNC_SETTINGS } from '../lib/composition.ts';
import {
  AGENT_SETTINGS,
  BACKUP_SETTINGS,
  PORTAL_SETTINGS,
  VARIABLES,
  WEBHOOK_SETTINGS,
} from '../lib/config.ts';
import { type FunctionDeployment, readProject } from '../lib/platform/project.ts';
import { variableNames } from '../lib/platform/template.ts';

const root = path.resolve(import.meta.dirname, '..');
const text = await readFile(path.join(root, 'project.yml'), 'utf8');
const functions: FunctionDeployment[] = readProject(
  text,
  Object.fromEntries(variableNames(text).map((name) => [name, name])),
);

// The source of each rule: github.com/digitalocean/functions-deployer, the file in the comment.
describe('project.yml', () => {
  test('its variables are the documented ones', () => {
    expect(variableNames(text).filter((name) => !(name in VARIABLES))).toEqual([]);
  });

  test('every function says runtime, main, web, timeout, memory and environment itself, in the same order', () => {
    const each = ['runtime', 'main', 'web', 'limits', 'environment', 'triggers'];

    // `name` stands behind the dash. A function without a schedule has no triggers.
    const blocks = text.split(/^ {6}- name: /m).slice(1);
    expect(blocks).toHaveLength(functions.length);
    for (const block of blocks) {
      const own = [...block.matchAll(/^ {8}(\w+):/gm)].map((match) => match[1]);
      expect([each, each.slice(0, -1)]).toContainEqual(own);
      expect(block).toMatch(/^ {10}timeout: \d+$/m);
      expect(block).toMatch(/^ {10}memory: \d+$/m);
    }
  });

  test('every function runs on nodejs:22', () => {
    for (const { name, runtime } of functions) expect([name, runtime]).toEqual([name, 'nodejs:22']);
  });

  test('a value reaches only the variable of its own name', () => {
    for (const { environment } of functions) {
      for (const [name, value] of Object.entries(environment)) expect(value).toBe(name);
    }
  });

  test('control/sync is not on the web, ends before its next schedule, and holds no key it does not need', () => {
    const sync = functions.find(({ name }) => name === 'control/sync');

    expect(sync?.web).toBe(false);
    expect(sync?.timeoutMs).toBeLessThan(5 * 60 * 1000);
    expect(sync?.triggers).toEqual([
      { name: 'sync-every-5-minutes', cron: '*/5 * * * *', body: {}, isEnabled: true },
    ]);
    expect(Object.keys(sync?.environment ?? {})).not.toContain('KEY_ESCROW_PRIVATE_KEY');
    expect(Object.keys(sync?.environment ?? {})).not.toContain('DO_FUNCTIONS_KEY');
  });

  test('control/webhook is on the web as it is, answers while Microsoft waits, and can reach nothing but hints', () => {
    const webhook = functions.find(({ name }) => name === 'control/webhook');

    expect(webhook).toMatchObject({ web: 'raw', webSecret: undefined, triggers: [] });
    expect(webhook?.timeoutMs).toBeLessThanOrEqual(10_000);
    const known = Object.keys(webhook?.environment ?? {});
    expect(known.filter((name) => /^(AZURE|LITELLM|KEY_ESCROW|CONTROL_DATABASE)/.test(name))).toEqual([]);
  });

  test('control/portal is on the web as it is, and can neither read Graph nor change LiteLLM nor open a key', () => {
    const portal = functions.find(({ name }) => name === 'control/portal');

    expect(portal).toMatchObject({ web: 'raw', timeoutMs: 30_000, memoryMb: 256, triggers: [] });
    const known = Object.keys(portal?.environment ?? {});
    expect(
      known.filter((name) => /^(AZURE_CLIENT|GRAPH|LITELLM|KEY_ESCROW|CONTROL_DATABASE|WEBHOOK)/.test(name)),
    ).toEqual([]);
  });

  test('control/agent is on the web as it is, and knows nothing but whose reports to believe and where to leave them', () => {
    const agent = functions.find(({ name }) => name === 'control/agent');

    expect(agent).toMatchObject({ web: 'raw', timeoutMs: 10_000, memoryMb: 256, triggers: [] });
    const known = Object.keys(agent?.environment ?? {});
    expect(known.filter((name) => !/^(AGENT_|DATA_PLANE_CA|DO_API_HOST|DO_NAMESPACE)/.test(name))).toEqual(
      [],
    );
  });

  test('control/backup is not on the web, runs at 02:00 UTC, and alone has the Spaces key', () => {
    const backup = functions.find(({ name }) => name === 'control/backup');

    expect(backup).toMatchObject({ web: false, memoryMb: 256 });
    expect(backup?.triggers).toEqual([
      { name: 'backup-daily', cron: '0 2 * * *', body: {}, isEnabled: true },
    ]);
    const holders = functions.filter(({ environment }) => 'SPACES_SECRET_ACCESS_KEY' in environment);
    expect(holders.map(({ name }) => name)).toEqual(['control/backup']);
    const known = Object.keys(backup?.environment ?? {});
    expect(
      known.filter((name) => /^(AZURE|GRAPH|LITELLM|KEY_ESCROW|CONTROL_DATABASE|DO_)/.test(name)),
    ).toEqual([]);
  });

  test('each function is given exactly the settings it parses', () => {
    const given = functions.map(({ name, environment }) => [name, Object.keys(environment).sort()]);

    expect(Object.fromEntries(given)).toEqual({
      'control/sync': [...SYNC_SETTINGS].sort(),
      'control/webhook': [...WEBHOOK_SETTINGS].sort(),
      'control/portal': [...PORTAL_SETTINGS].sort(),
      'control/agent': [...AGENT_SETTINGS].sort(),
      'control/backup': [...BACKUP_SETTINGS].sort(),
    });
  });
});

describe('what a deployment finds beside it', () => {
  // project-reader.ts, readPackage: a folder or file that project.yml does not name is deployed all the same.
  test('the folders under packages are exactly the functions of project.yml', async () => {
    const packages = await readdir(path.join(root, 'packages'));
    const found = await Promise.all(
      packages.map(async (name) =>
        (await readdir(path.join(root, 'packages', name))).map((entry) => `${name}/${entry}`),
      ),
    );

    expect(found.flat().sort()).toEqual(functions.map(({ name }) => name).sort());
  });

  // finder-builder.ts, identifyActionFiles: one file in .include is uploaded as it is, and nothing else is.
  test.each(functions.map(({ name }) => name))('only the archive of %s is uploaded', async (name) => {
    const include = await readFile(path.join(root, 'packages', name, '.include'), 'utf8');

    expect(include.split('\n').filter((line) => line.trim() !== '')).toEqual(['bundle/function.zip']);
  });

  // finder-builder.ts, findSpecialFile: these would start a build on deployment, with an `npm install`; .ignore
  // beside .include stops it.
  test.each(['lib', ...functions.map(({ name }) => `packages/${name}`)])(
    'nothing in %s starts a build',
    async (folder) => {
      const entries = await readdir(path.join(root, folder));

      for (const special of ['package.json', 'build.sh', 'build.cmd', '.ignore', '.source']) {
        expect(entries).not.toContain(special);
      }
    },
  );
});
