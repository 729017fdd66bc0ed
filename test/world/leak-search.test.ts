import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { useControlDatabases } from '../store/database-fixture.ts';
import { findInFiles, findInTables } from './leak-search.ts';

const createControlDatabase = useControlDatabases();

test('a secret in a file is found, whatever else the file holds', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'lcp-leak-'));
  await writeFile(path.join(folder, 'clean.log'), 'nothing here');
  await writeFile(
    path.join(folder, 'leaky.bin'),
    Buffer.concat([Buffer.from([0, 255]), Buffer.from('…the-secret…')]),
  );

  expect(findInFiles(folder, ['other', 'the-secret'])).toEqual(['leaky.bin']);
  await rm(folder, { recursive: true });
});

test('a secret in a row is found in any column, and none where there is none', async () => {
  const { url, database } = await createControlDatabase();
  expect(await findInTables(url.reveal(), ['the-secret'])).toEqual([]);
  await database.query(`insert into plans (digest, plan) values ('x', '{"deep": ["the-secret"]}')`);

  expect(await findInTables(url.reveal(), ['the-secret'])).toEqual(['public.plans']);
});
