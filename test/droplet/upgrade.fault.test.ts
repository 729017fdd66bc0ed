// `lcp upgrade` over a real sshd, with real dumps and restores: whatever fails or is cut off, in the end a version serves
// on the data it had, and nothing was migrated without a checked backup.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type UpgradeOptions, upgradeCommand } from '../../lib/cli/upgrade.ts';
import { systemClock } from '../../lib/clock.ts';
import { isControlError } from '../../lib/errors.ts';
import { runUpgrade } from '../../lib/platform/upgrade/run-upgrade.ts';
import { openUpgradeSession, type UpgradeSession } from '../../lib/platform/upgrade/session.ts';
import { expectGolden } from '../golden.ts';
import { digestOf, startUpgradeDroplet, type UpgradeDroplet } from './upgrade-droplet.ts';

let droplet: UpgradeDroplet;
beforeAll(async () => {
  droplet = await startUpgradeDroplet();
});
afterAll(() => droplet?.stop());
beforeEach(() => droplet.reset());

async function upgrade(options: Partial<UpgradeOptions> = {}) {
  let [out, err] = ['', ''];
  const environment = {
    variables: droplet.variables,
    clock: systemClock,
    print: (text: string) => {
      out += text;
    },
    printError: (text: string) => {
      err += text;
    },
    actor: 'cli:test',
  };
  try {
    const code: number | string = await upgradeCommand(environment, { dryRun: false, yes: true, ...options });
    return { code, out, err };
  } catch (error) {
    if (!isControlError(error)) throw error;
    return { code: error.code as number | string, out, err: err + error.message };
  }
}

const STEADY_ROWS = `select md5(string_agg(t::text, '|' order by token)) as tokens,
  (select md5(string_agg(team_id || spend, '|' order by team_id)) from "LiteLLM_TeamTable") as teams from "LiteLLM_VerificationToken" t`;
const columns = () =>
  droplet.query(
    `select table_name || '.' || column_name as name from information_schema.columns where table_schema = 'public' order by 1`,
  );
const readerMayRead = async () =>
  (
    await droplet.query(
      `select has_table_privilege('litellm_reader', '"LiteLLM_TeamTable"', 'select') as may`,
    )
  )[0]?.may;
const images = () => [droplet.read('home/images.env'), droplet.read('etc/images.lock.env')].join('\n');
const steady = (text: string) =>
  text.replaceAll(droplet.target.address, 'root@llm.example.com').replace(/\d+ kB/, '<n> kB');

/** 1.106.2 serves, on exactly the rows and columns it had, and a reboot changes nothing about it. */
async function expectReturned(before: { rows: unknown; columns: unknown }): Promise<void> {
  expect(droplet.running()).toBe('1.106.2');
  expect({ rows: await droplet.query(STEADY_ROWS), columns: await columns() }).toEqual(before);
  expect(await readerMayRead()).toBe(true);
  expect(images()).toContain(digestOf('1.106.2'));
  expect(images()).toContain('LITELLM_IMAGE=ghcr.io/berriai/litellm-non_root:v1.106.2\n');
  droplet.reboot();
  expect(droplet.running()).toBe('1.106.2');
}
async function expectUpgraded(): Promise<void> {
  expect(droplet.running()).toBe('1.108.0');
  expect((await columns()).map(({ name }) => name)).toContain('LiteLLM_NewTable.id');
  expect((await droplet.query('select count(*)::int as n from "LiteLLM_VerificationToken"'))[0]).toEqual({
    n: 500,
  });
  expect(images()).toContain(digestOf('1.108.0'));
  expect(images()).toContain('POSTGRES_IMAGE=postgres:18.6-trixie');
  droplet.reboot();
  expect(droplet.running()).toBe('1.108.0');
}
const readBefore = async () => ({ rows: await droplet.query(STEADY_ROWS), columns: await columns() });

test('an upgrade backs up, checks, migrates, starts and proves the new version, in this order', async () => {
  const { code, out, err } = await upgrade({ to: '1.108.0' });

  expect(code).toBe(0);
  expectGolden('upgrade-done.txt', steady(`${out}--- progress\n${err}`));
  const order = droplet.dockerCalls().filter((call) => /^(stop|exec -T postgres pg_|migrated|up)/.test(call));
  expect(order.map((call) => call.split(' --')[0])).toEqual([
    'stop litellm',
    'exec -T postgres pg_dump',
    'exec -T postgres pg_restore',
    'stop litellm',
    'migrated by 1.108.0',
    'up',
  ]);
  await expectUpgraded();
  expect((await upgrade({ to: 'v1.108.0' })).out).toBe('nothing to do: LiteLLM 1.108.0 serves\n');
});

test('--dry-run shows the steps and touches nothing', async () => {
  const { code, out } = await upgrade({ to: '1.108.0', dryRun: true });

  expect(code).toBe(0);
  expectGolden('upgrade-plan.txt', steady(out));
  expect(droplet.dockerCalls().filter((call) => !call.startsWith('exec -T'))).toEqual([]);
});

test.each([
  ['a version that was published with malicious code', '1.107.0', 'GATEWAY_VERSION_DENIED'],
  ['the same code under another tag', '1.82.8-stable', 'GATEWAY_VERSION_DENIED'],
  ['an older version', '1.105.0', 'UPGRADE_REFUSED'],
  ['a moving tag', 'latest', 'UPGRADE_REFUSED'],
])('%s is refused before anything is touched', async (_, to, expected) => {
  expect((await upgrade({ to })).code).toBe(expected);
  expect(droplet.running()).toBe('1.106.2');
});

test('a LiteLLM that does not serve is not upgraded: there would be nothing to return to', async () => {
  droplet.breakVersion('1.106.2');

  const { code, err } = await upgrade({ to: '1.108.0' });

  expect([code, err]).toEqual(['UPGRADE_REFUSED', expect.stringContaining('no version to return to')]);
  expect(droplet.running()).toBe('1.106.2');
});

describe('what fails is answered by the version before, on the data it had', () => {
  test.each([
    ['the digest cannot be resolved', 'resolve', 'nothing was changed'],
    ['the image cannot be fetched', 'pull', 'nothing was changed'],
    ['LiteLLM cannot be stopped', 'stop', 'serves again'],
    ['the dump fails', 'pg_dump', 'pg_dump failed'],
    ['the dump is cut off', 'truncate', 'cannot be read to its end'],
    ['the migration fails half-way', 'migrate', 'P3018'],
    ['the new version does not start', 'start-1.108.0', 'exited'],
  ])('%s', async (_, what, words) => {
    const before = await readBefore();
    droplet.fail(what);

    const { code, out } = await upgrade({ to: '1.108.0' });

    expect([code, out]).toEqual([1, expect.stringContaining(words)]);
    expect(droplet.dockerCalls().some((call) => call.startsWith('migrated'))).toBe(
      ['migrate', 'start-1.108.0'].includes(what),
    );
    await expectReturned(before);
  });

  test('the new version starts but does not serve', async () => {
    const before = await readBefore();
    droplet.breakVersion('1.108.0');

    const { code, out } = await upgrade({ to: '1.108.0' });

    expect(code).toBe(1);
    expectGolden('upgrade-returned.txt', steady(out));
    await expectReturned(before);
  });
});

describe('cut off at any step', () => {
  const PHASES = ['preparing', 'stopping', 'backing_up', 'migrating', 'starting', 'checking'] as const;
  class CutOff extends Error {}

  /** Runs until the phase is recorded, or until its step is done, and leaves it there as a kill would. */
  async function cutOff(phase: string, when: 'before' | 'after'): Promise<void> {
    const session = await openSession();
    const cut: UpgradeSession = {
      ...session,
      async runPhase(now, state) {
        if (now === phase && when === 'before') throw new CutOff();
        const result = await session.runPhase(now, state);
        if (now === phase) throw new CutOff();
        return result;
      },
    };
    const state = {
      status: 'running',
      phase: 'preparing',
      from: '1.106.2',
      to: '1.108.0',
      reason: '',
    } as const;
    await expect(runUpgrade(cut, { state, isFound: false }, () => undefined)).rejects.toThrow(CutOff);
    session.close();
  }

  test.each([...PHASES.map((phase) => [phase, 'before'] as const), ['migrating', 'after'] as const])(
    'in %s, %s its step: a repeat finishes it',
    async (phase, when) => {
      await cutOff(phase, when);

      const { code } = await upgrade({});

      expect(code).toBe(0);
      await expectUpgraded();
    },
  );

  test.each(['stopping', 'backing_up', 'migrating', 'checking'] as const)(
    'in %s, with a reboot and a new version that does not serve: a repeat returns',
    async (phase) => {
      await cutOff(phase, 'after');
      droplet.reboot();
      // What people do on a LiteLLM that came back by itself is not lost either.
      if (droplet.running() === '1.106.2') {
        await droplet.query(`update "LiteLLM_VerificationToken" set blocked = true`);
      }
      const before = phase === 'migrating' || phase === 'checking' ? undefined : await readBefore();
      droplet.breakVersion('1.108.0');

      const { code } = await upgrade({});

      expect(code).toBe(1);
      expect(droplet.running()).toBe('1.106.2');
      if (before) await expectReturned(before);
      else expect((await columns()).map(({ name }) => name)).not.toContain('LiteLLM_NewTable.id');
    },
  );

  test('between the migration and the end a reboot starts no LiteLLM whose writes a return would lose', async () => {
    await cutOff('migrating', 'after');

    droplet.reboot();

    expect(droplet.running()).toBeUndefined();
    expect(droplet.read('units/litellm-stack.service.d/upgrade.conf')).toContain(
      `ConditionPathExists=!${droplet.path('state/upgrade/held')}`,
    );
  });

  test('another version is not begun over an unfinished one', async () => {
    await cutOff('backing_up', 'before');

    expect((await upgrade({ to: '1.109.0' })).code).toBe('UPGRADE_REFUSED');
  });
});

test('two upgrades are never at work at once', async () => {
  const session = await openSession();

  expect((await upgrade({ to: '1.108.0' })).code).toBe('UPGRADE_BUSY');
  session.close();
});

test('a restore that fails changes nothing and is told with the next step; a repeat returns', async () => {
  const before = await readBefore();
  droplet.fail('migrate');
  droplet.fail('pg_restore-after-migration');
  const { code, err } = await upgrade({ to: '1.108.0' });

  expect(code).toBe('UPGRADE_STUCK');
  expect(err).toContain('the checked backup is /mnt/litellm-data/upgrade/litellm.dump');
  expect(droplet.running()).toBeUndefined();
  droplet.fail('pg_restore-after-migration', false);
  expect((await upgrade({})).code).toBe(1);
  await expectReturned(before);
});

test('a droplet that does not answer is one clear error', async () => {
  const variables = { ...droplet.variables, DROPLET_SSH: 'root@127.0.0.1:1' };
  const environment = {
    variables,
    clock: systemClock,
    print: () => undefined,
    printError: () => undefined,
    actor: 'cli:test',
  };

  const failure = await upgradeCommand(environment, { to: '1.108.0', dryRun: false, yes: true }).catch(
    (error: unknown) => error,
  );

  expect(isControlError(failure, 'DROPLET_UNREACHABLE')).toBe(true);
});

async function openSession(): Promise<UpgradeSession> {
  const folder = path.resolve(import.meta.dirname, '..', '..', 'droplet', 'upgrade');
  const [session, gate] = ['session', 'gate.py'].map((name) => readFileSync(path.join(folder, name), 'utf8'));
  const script = `gate=$(cat <<'END_OF_THE_GATE'\n${gate}END_OF_THE_GATE\n)\n${session}`;
  return openUpgradeSession(droplet.target, script, () => undefined, AbortSignal.timeout(60_000));
}
