// The world's PostgreSQL dies with its parent, however that dies, and comes back with its data.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Client } from 'pg';
import { afterEach, expect, test } from 'vitest';
import { startPostgres } from '../world/postgres.ts';
import { waitUntil } from '../world/wait-until.ts';

const MODULE = join(import.meta.dirname, '..', 'world', 'postgres.ts');
const TIMEOUT_MS = 60_000;
const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

test(
  'a world killed with -9 leaves no server, and the next one has its data',
  async () => {
    const dir = makeFolder();
    const { parent, url } = await startInAnotherProcess(dir);
    await ask(url, 'create table kept as select 42 as answer');

    parent.kill('SIGKILL');

    await waitUntil(async () => !(await answers(url)), {
      what: 'The server is still there',
      limitMs: 10_000,
    });
    const postgres = await startPostgres({ dir, log: () => undefined });
    try {
      expect(await ask(postgres.url('postgres'), 'select answer from kept')).toEqual([{ answer: 42 }]);
    } finally {
      await postgres.stop();
    }
    expect(await answers(postgres.url('postgres'))).toBe(false);
  },
  TIMEOUT_MS,
);

test(
  'nobody comes in without the password',
  async () => {
    const dir = makeFolder();
    const postgres = await startPostgres({ dir, log: () => undefined });
    try {
      const url = new URL(postgres.url('postgres'));
      expect(await answers(url.toString())).toBe(true);
      url.password = 'guessed';

      // SQLSTATE 28P01: invalid_password
      await expect(ask(url.toString(), 'select 1')).rejects.toMatchObject({ code: '28P01' });
    } finally {
      await postgres.stop();
    }
  },
  TIMEOUT_MS,
);

/** One that everybody may enter, so that PostgreSQL's data lies in it also when root runs the tests. */
function makeFolder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'control-plane-test-'));
  chmodSync(dir, 0o755);
  folders.push(dir);
  return dir;
}

async function startInAnotherProcess(dir: string): Promise<{ parent: ChildProcess; url: string }> {
  const script = `
    const { startPostgres } = await import(${JSON.stringify(MODULE)});
    const postgres = await startPostgres({ dir: ${JSON.stringify(dir)}, log: () => {} });
    process.stdout.write(postgres.url('postgres') + '\\n');
    setInterval(() => {}, 1_000);`;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (parent.stdout === null) throw new Error('The other process has no output.');
  const [url] = await once(createInterface(parent.stdout), 'line');
  return { parent, url };
}

async function ask(url: string, text: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

async function answers(url: string): Promise<boolean> {
  return ask(url, 'select 1').then(
    () => true,
    () => false,
  );
}
