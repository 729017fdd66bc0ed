// A droplet as far as SSH shows it: a real sshd on a free port with a throw-away host key, and below it a folder in
// the place of the droplet's root, with the first boot's state and the program that prints the settings.

import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { userInfo } from 'node:os';
import path from 'node:path';
import { createSsh, type RunOverSsh } from '../../lib/provision/ssh.ts';
import { type Child, startChild } from '../world/child.ts';
import { findFreePort } from '../world/port.ts';
import { makeThrowAwayFolder } from '../world/throw-away-folder.ts';
import { waitUntil } from '../world/wait-until.ts';

export type DropletSshd = {
  readonly folder: string;
  readonly knownHostsFile: string;
  /** Writes a file of the droplet, such as /var/lib/litellm/first-boot/state. */
  place(file: string, content: string): void;
  /** A client as `lcp provision` has it; another key where one is named. */
  run(options?: { identityFile?: string; hostKeyAlias?: string }): RunOverSsh;
  /** Another host key under the same address. */
  changeHostKey(): Promise<void>;
  close(): Promise<void>;
};

export async function startDropletSshd(): Promise<DropletSshd> {
  const folder = makeThrowAwayFolder();
  const at = (name: string) => path.join(folder.path, name);
  const makeKey = (name: string) =>
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', at(name)], { stdio: 'pipe' });
  for (const name of ['host-key', 'operator', 'stranger']) makeKey(name);
  writeFileSync(at('authorized_keys'), readFileSync(at('operator.pub')));
  // The command that was asked for, in a root of its own.
  writeFileSync(
    at('in-root'),
    `#!/bin/sh\nexec sh -c "$(printf '%s' "$SSH_ORIGINAL_COMMAND" | sed 's#/opt/#${folder.path}/opt/#g; s#/var/#${folder.path}/var/#g')"\n`,
  );
  chmodSync(at('in-root'), 0o755);
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true });
  const port = await findFreePort();
  writeFileSync(
    at('sshd_config'),
    [
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${at('host-key')}`,
      `AuthorizedKeysFile ${at('authorized_keys')}`,
      `PidFile ${at('sshd.pid')}`,
      'PermitRootLogin prohibit-password',
      'PasswordAuthentication no',
      'KbdInteractiveAuthentication no',
      'UsePAM no',
      'StrictModes no',
      `ForceCommand ${at('in-root')}`,
      '',
    ].join('\n'),
  );
  let child = await start(at('sshd_config'), at('sshd.log'), port);
  const knownHostsFile = at('known hosts');

  return {
    folder: folder.path,
    knownHostsFile,
    place: (file, content) => {
      mkdirSync(path.dirname(at(file)), { recursive: true });
      writeFileSync(at(file), content);
      chmodSync(at(file), 0o755);
    },
    run: ({ identityFile = 'operator', hostKeyAlias = 'droplet-1' } = {}) =>
      createSsh(
        {
          host: '127.0.0.1',
          port,
          user: userInfo().username,
          hostKeyAlias,
          knownHostsFile,
          identityFile: at(identityFile),
        },
        new AbortController().signal,
      ),
    changeHostKey: async () => {
      await child.stop();
      execFileSync('rm', [at('host-key'), at('host-key.pub')]);
      makeKey('host-key');
      child = await start(at('sshd_config'), at('sshd.log'), port);
    },
    close: async () => {
      await child.stop();
      folder.remove();
    },
  };
}

async function start(configFile: string, logFile: string, port: number): Promise<Child> {
  const child = startChild({
    command: '/usr/sbin/sshd',
    args: ['-D', '-e', '-f', configFile],
    logFile,
    stopSignal: 'TERM',
  });
  await waitUntil(
    async () =>
      (await accepts(port)) || (child.hasExited() ? Promise.reject(new Error('sshd ended')) : false),
    {
      what: 'sshd listens',
      limitMs: 10_000,
      everyMs: 20,
      explain: () => readFileSync(logFile, 'utf8'),
    },
  );
  return child;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
