// Puts the settings that the droplet made into .env: those that are missing or empty there are added, others stay as they
// are unless the Admin says so. The file is private, whole or unchanged, and the one before is kept beside it.
//
// Only names on a list are taken. `lcp` reads its environment from .env: a droplet that somebody took over must not
// be able to say NODE_OPTIONS, or to send the tokens of Entra to another host.

import { randomBytes } from 'node:crypto';
import { chmod, copyFile, open, readFile, rename } from 'node:fs/promises';
import path from 'node:path';
import { parseEnv } from 'node:util';
import { VARIABLES, type VariableName } from '../config.ts';
import { ControlError } from '../errors.ts';

export type Merge = {
  readonly text: string;
  readonly added: readonly string[];
  /** There already with another value; overwritten if that was asked for, else left. */
  readonly differing: readonly string[];
  /** Printed by the droplet, and nothing that a droplet may set here. */
  readonly ignored: readonly string[];
};

export const FROM_DROPLET =
  /^(PUBLIC_BASE_URL|LITELLM_BASE_URL|LITELLM_ADMIN_KEY|[A-Z]+_DATABASE_URL|DATA_PLANE_CA|[A-Z]+_CLIENT_IDENTITY|AGENT_[A-Z_]+)$/;

/** The next text of .env. `known` is what provisioning knows by itself, such as the way in, which is not for the droplet
 *  to say. Pure.
 *  @throws ControlError DROPLET_SETUP_FAILED when a value has not the form that its variable asks for */
export function mergeSettings(
  current: string,
  printed: string,
  options: { readonly known?: Partial<Record<VariableName, string>>; readonly isOverwriting: boolean },
): Merge {
  const received = Object.entries(parseEnv(printed));
  const isTaken = ([name]: readonly [string, unknown]) => FROM_DROPLET.test(name) && name in VARIABLES;
  const fromDroplet = received.filter(isTaken) as [VariableName, string][];
  const known = Object.entries(options.known ?? {}) as [VariableName, string][];
  const taken = [...fromDroplet, ...known];
  requireValid(taken);
  const present = parseEnv(current);
  // What .env.example says (`none` for most) is nobody's choice.
  const isMissing = (name: VariableName) =>
    ['', VARIABLES[name].example].includes(present[name]?.trim() ?? '');
  const changed = taken.filter(([name, value]) => present[name] !== value);
  const added = changed.filter(([name]) => isMissing(name));
  const differing = changed.filter(([name]) => !isMissing(name));
  const changes = new Map<string, string>(options.isOverwriting ? [...added, ...differing] : added);
  const names = (entries: readonly (readonly [string, unknown])[]) => entries.map(([name]) => name).sort();
  return {
    text: changes.size === 0 ? current : write(current, changes),
    added: names(added),
    differing: names(differing),
    ignored: names(received.filter((entry) => !isTaken(entry))),
  };
}

/** Replaces `file`, or makes it; mode 0600. @returns the copy of the file before, where there was one */
export async function writeSettingsFile(file: string, text: string, now: Date): Promise<string | undefined> {
  let backup: string | undefined;
  try {
    const copy = `${file}.before-${now.toISOString().replace(/[-:]/g, '').replace(/\..*/, 'Z')}`;
    await copyFile(file, copy);
    await chmod(copy, 0o600);
    backup = copy;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const unfinished = path.join(path.dirname(file), `.env.unfinished-${randomBytes(6).toString('hex')}`);
  const handle = await open(unfinished, 'wx', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(unfinished, file);
  return backup;
}

/** The text of the file, empty where there is none. */
export async function readSettingsFile(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}

function requireValid(entries: readonly [VariableName, string][]): void {
  const wrong = entries.filter(
    ([name, value]) => /['\t\n\r]/.test(value) || !VARIABLES[name].schema.safeParse(value).success,
  );
  if (wrong.length === 0) return;
  const names = wrong.map(([name]) => name).sort();
  throw new ControlError(
    'DROPLET_SETUP_FAILED',
    `The droplet printed values that cannot be right for ${names.join(', ')}; .env was not changed. Is the droplet of this version?`,
    { details: { names } },
  );
}

/** Lines that name a variable are replaced in their place, the rest is put at the end. */
function write(current: string, changes: Map<string, string>): string {
  const left = new Map(changes);
  const lines = current.split('\n').map((line) => {
    const name = /^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=/.exec(line)?.[1];
    const value = name === undefined ? undefined : changes.get(name);
    if (name === undefined || value === undefined) return line;
    left.delete(name);
    return `${name}=${quote(value)}`;
  });
  while (lines.at(-1) === '') lines.pop();
  const rest = [...left].map(([name, value]) => `${name}=${quote(value)}`);
  const heading = rest.length > 0 ? ['', '# From the droplet, by lcp provision.'] : [];
  return `${[...lines, ...heading, ...rest].join('\n').replace(/^\n+/, '')}\n`;
}

/** A value that is no plain word stands in single quotes, which it never holds itself. */
function quote(value: string): string {
  return /^[\w:/@.+=,?&%-]*$/.test(value) ? value : `'${value}'`;
}
