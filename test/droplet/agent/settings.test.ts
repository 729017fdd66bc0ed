import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { readAgentSettings } from '../../../droplet/agent/settings.ts';
import { makeThrowAwayFolder } from '../../world/throw-away-folder.ts';

const folder = makeThrowAwayFolder();
afterAll(() => folder.remove());
const file = (name: string, text: string) => {
  writeFileSync(join(folder.path, name), text);
  return join(folder.path, name);
};
const COMPLETE = {
  AGENT_URL: 'https://faas.example.com/api/v1/web/fn-1/control/agent',
  DROPLET_ID: 'droplet-1',
  AGENT_IDENTITY_FILE: '/var/lib/litellm-agent/identity.pem',
};

test('what a droplet usually has need not be said', () => {
  expect(readAgentSettings(COMPLETE)).toEqual({
    url: COMPLETE.AGENT_URL,
    dropletId: 'droplet-1',
    identityFile: COMPLETE.AGENT_IDENTITY_FILE,
    databaseUrl: undefined,
    snapshotFile: '/run/litellm/snapshot.jsonl',
    dataPath: '/mnt/litellm-data',
    reportIntervalMs: 60_000,
    jobIntervalMs: 5_000,
  });
});

test('the database’s URL comes from a file', () => {
  const url = 'postgres://droplet_agent:x@%2Frun%2Flitellm-postgres/control';

  const settings = readAgentSettings({ ...COMPLETE, AGENT_DATABASE_URL_FILE: file('url', `${url}\n`) });

  expect(settings.databaseUrl).toBe(url);
});

test.each([
  ['AGENT_URL', 'http://faas.example.com/agent'],
  ['AGENT_URL', 'https://user:plaintext@faas.example.com/agent'],
  ['AGENT_URL', 'https://faas.example.com/agent?key=plaintext'],
  ['DROPLET_ID', ''],
  ['DROPLET_ID', 'plain text'],
  ['AGENT_IDENTITY_FILE', 'identity.pem'],
  ['REPORT_INTERVAL_MS', '0'],
  ['JOB_INTERVAL_MS', '1e9'],
  ['AGENT_DATABASE_URL_FILE', '/nowhere'],
])('%s may not be %j, which is said without the value', (name, value) => {
  const read = () => readAgentSettings({ ...COMPLETE, [name]: value });

  expect(read).toThrow(name);
  expect(read).not.toThrow('plain');
});

test('a file that holds no URL of PostgreSQL is refused without showing what it holds', () => {
  const read = () => readAgentSettings({ ...COMPLETE, AGENT_DATABASE_URL_FILE: file('wrong', 'plaintext') });

  expect(read).toThrow('AGENT_DATABASE_URL_FILE');
  expect(read).not.toThrow('plaintext');
});
