// By which pinned host key an address of a droplet is known. `ssh` keeps the key under the droplet's id in the file
// known_hosts beside droplet.yml; provisioning adds a comment there that says which addresses were that droplet's. Where
// a droplet was made again, the later line holds: it stands there only because somebody provisioned it.

import { readFile, writeFile } from 'node:fs/promises';
import type { HostPin } from './ssh.ts';

/** The file beside droplet.yml; it is committed, so that colleagues and pipelines pin the same key. */
export const KNOWN_HOSTS = 'known_hosts';

/** Notes that `hosts` are the droplet known as `alias`. A repeat changes nothing. */
export async function recordHostPin(
  { knownHostsFile, alias }: HostPin,
  hosts: readonly string[],
): Promise<void> {
  const text = await read(knownHostsFile);
  if (hosts.every((host) => findAlias(text, host) === alias)) return;
  const separator = text === '' || text.endsWith('\n') ? '' : '\n';
  await writeFile(knownHostsFile, `${text}${separator}# ${alias} is ${hosts.join(' ')}\n`);
}

/** Undefined where `address` (user@host, user@host:port) is none that was provisioned with this file. */
export async function findHostPin(knownHostsFile: string, address: string): Promise<HostPin | undefined> {
  const host = address.replace(/^.*@/, '').replace(/:\d+$/, '');
  const alias = findAlias(await read(knownHostsFile), host);
  return alias === undefined ? undefined : { knownHostsFile, alias };
}

function findAlias(text: string, host: string): string | undefined {
  return text
    .split('\n')
    .map((line) => /^# (droplet-\d+) is (.+)$/.exec(line))
    .findLast((match) => match?.[2]?.split(' ').includes(host))?.[1];
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}
