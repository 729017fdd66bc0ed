// The functions as `lcp doctor` reads them back, from a namespace that is right and from one that was left half-done.

import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import { runAreas } from '../../../lib/cli/doctor/check.ts';
import { functionsArea } from '../../../lib/cli/doctor/functions.ts';
import { systemClock } from '../../../lib/clock.ts';
import { readProject } from '../../../lib/platform/project.ts';
import { type FunctionsCloud, startFunctionsCloud } from '../../world/digitalocean/functions-cloud.ts';
import { makeThrowAwayFolder } from '../../world/throw-away-folder.ts';

const LIMIT_MS = 10_000;
const PROJECT = `packages:
  - name: control
    web: false
    functions:
      - name: sync
        runtime: nodejs:22
        main: main
        web: false
        limits: {timeout: 30000, memory: 256}
        environment: {LITELLM_BASE_URL: '\${LITELLM_BASE_URL}', LITELLM_ADMIN_KEY: '\${LITELLM_ADMIN_KEY}'}
        triggers:
          - {name: sync-every-5-minutes, type: SCHEDULED, scheduledDetails: {cron: '*/5 * * * *'}}
      - name: webhook
        runtime: nodejs:22
        main: main
        web: raw
        limits: {timeout: 30000, memory: 256}
        environment: {GRAPH_CLIENT_STATE: '\${GRAPH_CLIENT_STATE}'}
`;
const folder = makeThrowAwayFolder();
const projectFile = path.join(folder.path, 'project.yml');
let cloud: FunctionsCloud;
let variables: Record<string, string>;

beforeEach(async () => {
  writeFileSync(projectFile, PROJECT);
  cloud = await startFunctionsCloud();
  variables = {
    DO_API_HOST: cloud.url,
    DO_NAMESPACE: cloud.namespace,
    DO_FUNCTIONS_KEY: cloud.key,
    DIGITALOCEAN_TOKEN: cloud.token,
    DIGITALOCEAN_API_URL: cloud.url,
    LITELLM_BASE_URL: 'https://control.llm.example.com',
    LITELLM_ADMIN_KEY: 'sk-of-the-deployment',
    GRAPH_CLIENT_STATE: 'c'.repeat(64),
  };
  deploy();
});
afterAll(() => folder.remove());
afterEach(async () => {
  await cloud.stop();
});

/** What doctl leaves there. */
function deploy(): void {
  for (const one of readProject(PROJECT, variables)) {
    cloud.actions.set(one.name, {
      version: 1,
      exec: { kind: one.runtime, code: 'AAAA', binary: true, main: one.main },
      limits: { timeout: one.timeoutMs, memory: one.memoryMb },
      annotations: [
        { key: 'web-export', value: one.web !== false },
        { key: 'raw-http', value: one.web === 'raw' },
        { key: 'require-whisk-auth', value: false },
      ],
      parameters: Object.entries(one.environment).map(([key, value]) => ({ key, value, init: true })),
    });
    for (const { name, cron, body, isEnabled } of one.triggers) {
      const details = { is_enabled: isEnabled, scheduled_details: { cron, body } };
      cloud.triggers.set(name, { name, function: one.name, ...details });
    }
  }
}

async function look(isLocal = false) {
  const area = functionsArea({ variables, clock: systemClock }, { projectFile, isLocal });
  // The activation that the first check asks for is nothing that this double knows.
  const checks = area.checks.map((check) =>
    check.id === 'functions-api' ? { ...check, run: () => ({ status: 'well' as const }) } : check,
  );
  const [report] = await runAreas([{ ...area, checks }], LIMIT_MS);
  return Object.fromEntries((report?.results ?? []).map(({ check, finding }) => [check.id, finding]));
}

test('a namespace as project.yml says is well', async () => {
  expect(await look()).toMatchObject({
    'functions-deployed': { status: 'well', note: '2 functions' },
    'functions-triggers': { status: 'well', note: 'sync-every-5-minutes at */5 * * * *' },
  });
});

test('a function that is on the web and must not be, and another setting than ours, are seen without its value', async () => {
  const sync = cloud.actions.get('control/sync');
  sync?.annotations.splice(0, 1, { key: 'web-export', value: true });
  sync?.parameters.splice(1, 1, { key: 'LITELLM_ADMIN_KEY', value: 'sk-of-yesterday', init: true });

  const { 'functions-deployed': found } = await look();

  expect(found).toMatchObject({ status: 'failed', problem: expect.stringContaining('IT IS ON THE WEB') });
  expect(found).toMatchObject({ problem: expect.stringContaining('its LITELLM_ADMIN_KEY is another') });
  expect(JSON.stringify(found)).not.toMatch(/yesterday|of-the-deployment/);
});

test('a setting that this machine does not know is compared by its name alone', async () => {
  variables.LITELLM_ADMIN_KEY = '';

  expect((await look())['functions-deployed']).toMatchObject({ status: 'well' });
});

test('a stranger on the web in our namespace is seen', async () => {
  const webhook = cloud.actions.get('control/webhook');
  if (webhook) cloud.actions.set('control/forgotten', webhook);

  expect((await look())['functions-deployed']).toMatchObject({
    status: 'failed',
    problem: 'function control/forgotten (on the web) is not in project.yml',
  });
});

test('a schedule that is missing, and one that is off, are seen', async () => {
  const trigger = cloud.triggers.get('sync-every-5-minutes');
  if (trigger) trigger.is_enabled = false;
  const off = (await look())['functions-triggers'];
  cloud.triggers.clear();
  const missing = (await look())['functions-triggers'];

  expect(off).toMatchObject({ status: 'failed', problem: expect.stringContaining('switched off') });
  expect(missing).toMatchObject({ status: 'failed', problem: expect.stringContaining('is missing') });
});

test('without the token the schedules are not seen, and that is said; on this machine neither is anything', async () => {
  delete variables.DIGITALOCEAN_TOKEN;

  expect((await look())['functions-triggers']).toMatchObject({ status: 'not-checked' });
  expect((await look(true))['functions-deployed']).toMatchObject({ status: 'not-checked' });
});
