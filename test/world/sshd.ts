// A droplet as far as SSH shows it: a real sshd on a free port with throw-away keys, and an `ssh` that finds it whatever
// host is asked for. Who logs in is the user of the tests, also when root is asked for.

import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import path from 'node:path';
import { type Child, startChild } from './child.ts';
import { findFreePort } from './port.ts';
import { waitUntil } from './wait-until.ts';

export type Sshd = {
  /** user@host:port. */
  readonly address: string;
  /** For `lcp`: an ssh with the key of `operator`, whom the droplet lets in, or of a `stranger`, whom it does not. */
  variables(who?: 'operator' | 'stranger'): Record<string, string>;
  /** Another host key under the same address. */
  changeHostKey(): Promise<void>;
  stop(): Promise<void>;
};

export type SshdOptions = {
  /** Keys, configuration and log lie here. */
  readonly folder: string;
  /** What sessions see. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Run in place of what is asked for, which is in SSH_ORIGINAL_COMMAND. */
  readonly forceCommand?: string;
};

const START_LIMIT_MS = 20_000;

export async function startSshd({ folder, environment = {}, forceCommand }: SshdOptions): Promise<Sshd> {
  const at = (name: string) => path.join(folder, name);
  mkdirSync(folder, { recursive: true });
  const makeKey = (name: string) =>
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', at(name)], { stdio: 'pipe' });
  for (const name of ['host-key', 'operator', 'stranger']) makeKey(name);
  const port = await findFreePort();
  const settings = Object.entries(environment).map(([name, value]) => `"${name}=${value}"`);
  writeFileSync(
    at('sshd_config'),
    [
      `ListenAddress 127.0.0.1:${port}`,
      `HostKey ${at('host-key')}`,
      `AuthorizedKeysFile ${at('operator.pub')}`,
      'PermitRootLogin prohibit-password',
      'PasswordAuthentication no',
      'KbdInteractiveAuthentication no',
      'UsePAM no',
      'StrictModes no',
      'PidFile none',
      ...(settings.length === 0 ? [] : [`SetEnv ${settings.join(' ')}`]),
      ...(forceCommand === undefined ? [] : [`ForceCommand ${forceCommand}`]),
      '',
    ].join('\n'),
  );
  for (const who of ['operator', 'stranger']) writeClient(folder, who, port);
  let child = await start(folder, port);

  return {
    address: `${userInfo().username}@127.0.0.1:${port}`,
    variables: (who = 'operator') => ({ PATH: `${at(`client-${who}`)}:/usr/bin:/bin`, HOME: folder }),
    async changeHostKey() {
      await child.stop();
      for (const name of ['host-key', 'host-key.pub']) rmSync(at(name));
      makeKey('host-key');
      child = await start(folder, port);
    },
    stop: () => child.stop(),
  };
}

/** The operator's own ssh, with a file of known hosts that knows the key of the beginning. */
function writeClient(folder: string, who: string, port: number): void {
  const at = (name: string) => path.join(folder, name);
  const client = at(`client-${who}`);
  mkdirSync(client);
  writeFileSync(
    path.join(client, 'known_hosts'),
    `[127.0.0.1]:${port} ${readFileSync(at('host-key.pub'), 'utf8')}`,
  );
  writeFileSync(
    path.join(client, 'config'),
    `Host *
  HostName 127.0.0.1
  Port ${port}
  IdentityFile ${at(who)}
  IdentitiesOnly yes
  UserKnownHostsFile ${path.join(client, 'known_hosts')}
`,
  );
  writeFileSync(
    path.join(client, 'ssh'),
    `#!/bin/sh
for argument; do
  shift
  case $argument in root@*) argument="${userInfo().username}@\${argument#root@}" ;; esac
  set -- "$@" "$argument"
done
exec /usr/bin/ssh -F '${path.join(client, 'config')}' "$@"
`,
  );
  chmodSync(path.join(client, 'ssh'), 0o755);
}

async function start(folder: string, port: number): Promise<Child> {
  const logFile = path.join(folder, 'sshd.log');
  writeFileSync(logFile, '');
  // sshd wants it when it is root; a fresh machine has none until its own service ran.
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true });
  const child = startChild({
    command: '/usr/sbin/sshd',
    args: ['-D', '-e', '-f', path.join(folder, 'sshd_config')],
    logFile,
    stopSignal: 'TERM',
  });
  await waitUntil(
    async () => {
      if (child.hasExited()) throw new Error('sshd ended');
      return readFileSync(logFile, 'utf8').includes(`Server listening on 127.0.0.1 port ${port}`);
    },
    {
      what: 'sshd listens',
      limitMs: START_LIMIT_MS,
      everyMs: 20,
      explain: () => readFileSync(logFile, 'utf8'),
    },
  );
  return child;
}
