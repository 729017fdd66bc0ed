// Keeps what was deployed as folders that doctl can deploy again: project.yml, and of each function the archive and the
// line that names it. No setting is in them; values come from the file of the day. The newest that was proven to run is
// what a failed deployment returns to.

import { cp, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import { digestOf } from '../canonical.ts';
import { sha256 } from './deployed-functions.ts';

export type Deployment = {
  /** The beginning of the digest of everything in it: equal contents, equal id. */
  readonly id: string;
  readonly folder: string;
  readonly projectText: string;
  /** Of each function's archive, by name. */
  readonly codeSha256: Readonly<Record<string, string>>;
};

const KEPT = 5;
const manifest = z.object({ version: z.string(), codeSha256: z.record(z.string(), z.string()) });
const proven = z.object({ ids: z.array(z.string()) });

/** Copies what was built below `root` into a folder of its own below `store`. A repeat finds the same folder.
 *  `version` is this code's, for people who look into it. */
export async function keepDeployment(options: {
  readonly root: string;
  readonly store: string;
  readonly functionNames: readonly string[];
  readonly version: string;
}): Promise<Deployment> {
  const projectText = await readFile(path.join(options.root, 'project.yml'), 'utf8');
  const archives = await Promise.all(
    options.functionNames.map(async (name) => {
      const archive = await readFile(path.join(options.root, 'packages', name, 'bundle', 'function.zip'));
      return [name, sha256(archive)] as const;
    }),
  );
  const codeSha256 = Object.fromEntries(archives);
  const id = digestOf({ projectText, codeSha256 }).slice(0, 12);
  const folder = path.join(options.store, id);
  if (!(await exists(path.join(folder, 'manifest.json')))) {
    // Beside its place first: a folder that is there is whole.
    const unfinished = `${folder}.unfinished`;
    await rm(unfinished, { recursive: true, force: true });
    for (const name of options.functionNames) {
      for (const file of ['.include', 'bundle/function.zip']) {
        const target = path.join(unfinished, 'packages', name, file);
        await mkdir(path.dirname(target), { recursive: true });
        await cp(path.join(options.root, 'packages', name, file), target);
      }
    }
    await writeFile(path.join(unfinished, 'project.yml'), projectText);
    await writeFile(
      path.join(unfinished, 'manifest.json'),
      JSON.stringify({ version: options.version, codeSha256 }),
    );
    await rename(unfinished, folder);
  }
  return { id, folder, projectText, codeSha256 };
}

/** The newest deployment that was proven to run and is not `exceptId`. */
export async function findProven(store: string, exceptId: string): Promise<Deployment | undefined> {
  for (const id of await readProven(store)) {
    const folder = path.join(store, id);
    if (id === exceptId || !(await exists(path.join(folder, 'manifest.json')))) continue;
    const { codeSha256 } = manifest.parse(
      JSON.parse(await readFile(path.join(folder, 'manifest.json'), 'utf8')),
    );
    const projectText = await readFile(path.join(folder, 'project.yml'), 'utf8');
    return { id, folder, projectText, codeSha256 };
  }
  return undefined;
}

/** Records that `id` runs as it should, and lets go of all but the newest few. */
export async function recordProven(store: string, id: string): Promise<void> {
  const ids = [id, ...(await readProven(store)).filter((other) => other !== id)].slice(0, KEPT);
  const file = path.join(store, 'proven.json');
  await writeFile(`${file}.new`, JSON.stringify({ ids }));
  await rename(`${file}.new`, file);
  for (const entry of await readdir(store, { withFileTypes: true })) {
    if (entry.isDirectory() && !ids.includes(entry.name)) {
      await rm(path.join(store, entry.name), { recursive: true, force: true });
    }
  }
}

async function readProven(store: string): Promise<readonly string[]> {
  const text = await readFile(path.join(store, 'proven.json'), 'utf8').catch(() => undefined);
  return text === undefined ? [] : proven.parse(JSON.parse(text)).ids;
}

async function exists(file: string): Promise<boolean> {
  return readFile(file).then(
    () => true,
    () => false,
  );
}
