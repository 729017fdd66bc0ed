// A droplet of the first boot's end: an sshd whose commands find /opt and /var in a folder that is in the place of the
// droplet's root.

import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { runOverSsh } from '../../lib/platform/ssh.ts';
import type { RunOverSsh } from '../../lib/provision/first-boot.ts';
import { type Sshd, startSshd } from '../world/sshd.ts';
import { makeThrowAwayFolder } from '../world/throw-away-folder.ts';

export type DropletSshd = {
  readonly folder: string;
  readonly knownHostsFile: string;
  /** Writes a program or file of the droplet, such as /var/lib/litellm/first-boot/state. */
  place(file: string, content: string): void;
  /** A client as `lcp provision` has it; with another key where one is named. */
  run(options?: { who?: 'operator' | 'stranger'; alias?: string }): RunOverSsh;
  readonly sshd: Sshd;
  close(): Promise<void>;
};

/** `environment`: what the droplet's programs are told. */
export async function startDropletSshd(
  environment: (root: string) => Readonly<Record<string, string>> = () => ({}),
): Promise<DropletSshd> {
  const folder = makeThrowAwayFolder();
  const at = (name: string) => path.join(folder.path, name);
  const inRoot = at('in-root');
  // The functions are reached over TLS; their double has none.
  writeFileSync(
    inRoot,
    `#!/bin/sh\nexec sh -c "$(printf '%s' "$SSH_ORIGINAL_COMMAND" | sed 's#/opt/litellm/#${folder.path}/opt/litellm/#g; s#/var/lib/#${folder.path}/var/lib/#g; s#http://127#https://127#g')"\n`,
  );
  chmodSync(inRoot, 0o755);
  const sshd = await startSshd({
    folder: at('ssh'),
    forceCommand: inRoot,
    environment: environment(folder.path),
  });
  const knownHostsFile = at('known hosts');

  return {
    folder: folder.path,
    knownHostsFile,
    sshd,
    place: (file, content) => {
      mkdirSync(path.dirname(at(file)), { recursive: true });
      writeFileSync(at(file), content);
      chmodSync(at(file), 0o755);
    },
    run:
      ({ who, alias = 'droplet-1' } = {}) =>
      (command, timeoutMs) =>
        runOverSsh(
          {
            address: sshd.address,
            pin: { knownHostsFile, alias, isFirstContact: true },
            variables: sshd.variables(who),
          },
          command,
          { timeoutMs, signal: new AbortController().signal },
        ),
    close: async () => {
      await sshd.stop();
      folder.remove();
    },
  };
}
