// A deployment that is cut off, refused or damaged anywhere: a repeat finishes it, nothing is there twice, and nothing
// that is ours is gone. A function that must not be on the web is taken off it, or a person is told how.

import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { Secret } from '../../lib/secret.ts';
import { applyMigrations } from '../../lib/store/migrate.ts';
import { expectGolden } from '../golden.ts';
import type { CloudFault } from '../world/digitalocean/functions-cloud.ts';
import { type Postgres, startPostgres } from '../world/postgres.ts';
import { makeThrowAwayFolder } from '../world/throw-away-folder.ts';
import { type Deployer, FUNCTIONS, makeDeployer } from './deploy-fixture.ts';

const folder = makeThrowAwayFolder();
let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres({ dir: folder.path, log: () => undefined });
  await postgres.createDatabase('control');
  await applyMigrations(new Secret(postgres.url('control')));
});
afterAll(async () => {
  await postgres?.stop();
  folder.remove();
});

async function makeDeployed(): Promise<Deployer> {
  const deployer = await makeDeployer(postgres.url('control'));
  onTestFinished(() => deployer.stop());
  expect((await deployer.run()).code).toBe(0);
  deployer.setCode('second');
  return deployer;
}

const read = ({ cloud }: Deployer) => ({
  code: FUNCTIONS.map(
    (name) =>
      Buffer.from(String(cloud.actions.get(name)?.exec.code), 'base64')
        .toString()
        .split(' ')[0],
  ),
  web: FUNCTIONS.map(
    (name) => cloud.actions.get(name)?.annotations.find(({ key }) => key === 'web-export')?.value,
  ),
  triggers: [...cloud.triggers.keys()],
});
const WHOLE = (code: string) => ({
  code: [code, code, code],
  web: [false, true, true],
  triggers: ['sync-every-5-minutes'],
});

const FINISHED_AT_ONCE: readonly [string, CloudFault[]][] = [
  ['doctl dies after the first function', [{ kind: 'kill_after_function', nth: 1 }]],
  ['doctl dies after the second function', [{ kind: 'kill_after_function', nth: 2 }]],
  ['doctl dies after the last function', [{ kind: 'kill_after_function', nth: 3 }]],
  ['doctl dies between the deletion of a trigger and its making', [{ kind: 'kill_after_trigger_deletion' }]],
  ['the trigger is not made', [{ kind: 'answer', to: 'trigger_create', status: 500, times: 1 }]],
  [
    'a function is stored without being off the web',
    [{ kind: 'store_public', functionName: 'control/sync', times: 1 }],
  ],
  [
    'a function is stored with other code',
    [{ kind: 'store_other_code', functionName: 'control/portal', times: 1 }],
  ],
  ['the store is refused once', [{ kind: 'answer', to: 'store', status: 500, times: 1 }]],
];

test.each(FINISHED_AT_ONCE)('%s: the same run finishes it, and deletes nothing', async (_, faults) => {
  const deployer = await makeDeployed();
  deployer.cloud.faults.push(...faults);

  const { code, out } = await deployer.run();

  expect(code).toBe(0);
  expect(out).toContain('runs as project.yml says, read back and compared');
  expect(read(deployer)).toEqual(WHOLE('second'));
  expect([...deployer.cloud.actions.keys()].sort()).toEqual([...FUNCTIONS].sort());
  expect(deployer.cloud.requests.filter((request) => /^DELETE .*\/actions\//.test(request))).toEqual([]);
  expect(deployer.cloud.faults).toEqual([]);
});

test('throttling and errors while reading back are waited out', async () => {
  const deployer = await makeDeployed();
  deployer.cloud.faults.push(
    { kind: 'answer', to: 'read', status: 429, times: 2 },
    { kind: 'answer', to: 'trigger_list', status: 500, times: 2 },
  );

  expect((await deployer.run()).code).toBe(0);
  expect(deployer.waitedMs()).toBe(2 * (1_000 + 4_000));
  expect(read(deployer)).toEqual(WHOLE('second'));
});

test('what cannot be read back is not called deployed, and a second run proves it', async () => {
  const deployer = await makeDeployed();
  // Reading is ill from the moment the last function is stored.
  const stored = new Set<string>();
  const original = deployer.cloud.actions.set.bind(deployer.cloud.actions);
  deployer.cloud.actions.set = (name, action) => {
    stored.add(name);
    if (stored.size === FUNCTIONS.length) {
      deployer.cloud.faults.push({ kind: 'answer', to: 'trigger_list', status: 500, times: 5 });
    }
    return original(name, action);
  };

  const { code, err } = await deployer.run();
  deployer.cloud.actions.set = original;

  expect(code).toBe('DEPLOY_INCOMPLETE');
  expect(err).toContain('nobody knows whether control/sync is off the web');
  expect((await deployer.run()).code).toBe(0);
  expect(read(deployer)).toEqual(WHOLE('second'));
});

describe('what doctl cannot bring at all', () => {
  test('is answered by the deployment before, whole', async () => {
    const deployer = await makeDeployed();
    deployer.cloud.faults.push({ kind: 'store_other_code', functionName: 'control/webhook', times: 2 });

    const { code, out } = await deployer.run();

    expect(code).toBe(1);
    expect(read(deployer)).toEqual(WHOLE('first'));
    expectGolden(
      'deploy-rolled-back.txt',
      out.replace(/\b(?!0{11})[0-9a-f]{12}\b/g, '<id>').replace(/http\S+/, '<host>'),
    );
    expect((await deployer.run()).code).toBe(0);
    expect(read(deployer)).toEqual(WHOLE('second'));
  });

  test('nor return from is told per function, with what is on the web first, and a second run finishes', async () => {
    const deployer = await makeDeployed();
    deployer.cloud.faults.push(
      { kind: 'store_public', functionName: 'control/sync', times: 4 },
      { kind: 'answer', to: 'repair', status: 500, times: 20 },
      { kind: 'store_other_code', functionName: 'control/webhook', times: 3 },
    );

    const { code, out, err } = await deployer.run();

    expect(code).toBe(1);
    expectGolden(
      'deploy-half-done.txt',
      out.replace(/\b(?!0{11})[0-9a-f]{12}\b/g, '<id>').replace(/http\S+/, '<host>'),
    );
    expect(err).toContain('not put right');
    deployer.cloud.faults.length = 0;
    expect((await deployer.run()).code).toBe(0);
    expect(read(deployer)).toEqual(WHOLE('second'));
  });
});

test('nothing that a deployment prints, or its error, holds a secret', async () => {
  const deployer = await makeDeployed();
  deployer.cloud.faults.push(
    { kind: 'answer', to: 'store', status: 500, times: 1 },
    { kind: 'store_public', functionName: 'control/sync', times: 2 },
    { kind: 'answer', to: 'repair', status: 429, times: 20 },
    { kind: 'store_other_code', functionName: 'control/webhook', times: 4 },
  );

  const { out, err } = await deployer.run();

  for (const name of [
    'LITELLM_ADMIN_KEY',
    'GRAPH_CLIENT_STATE',
    'DO_FUNCTIONS_KEY',
    'DIGITALOCEAN_TOKEN',
    'CONTROL_DATABASE_URL',
  ]) {
    expect(`${out}${err}`).not.toContain(deployer.values[name]);
  }
});
