// A throw-away root for the installation's steps: what /etc/litellm, the Volume and the state would be.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { makeThrowAwayFolder } from '../world/throw-away-folder.ts';
import { DROPLET } from './paths.ts';
import { runShell, type ShellResult, writeStandIn } from './run-shell.ts';

export type InstallRoot = {
  readonly etc: string;
  readonly data: string;
  readonly state: string;
  /** Programs that answer without doing anything: systemctl. */
  readonly standIns: string;
  /** Runs a program of droplet/install by its path in there. */
  run(program: string, environment?: NodeJS.ProcessEnv, path?: readonly string[]): Promise<ShellResult>;
  /** The variables of one of its env files. */
  readVariables(file: string): Record<string, string>;
  remove(): void;
};

export const PUBLIC_HOST = 'llm.example.com';

export function makeInstallRoot(): InstallRoot {
  const folder = makeThrowAwayFolder();
  const [etc, data, state] = ['etc', 'data', 'state'].map((name) => join(folder.path, name)) as [
    string,
    string,
    string,
  ];
  const units = join(folder.path, 'units');
  const standIns = writeStandIn(join(folder.path, 'stand-ins'), 'systemctl', 'exit 0');
  for (const path of [etc, join(data, 'postgres'), state, units]) mkdirSync(path, { recursive: true });
  writeFileSync(join(etc, 'droplet.env'), `PUBLIC_HOST=${PUBLIC_HOST}\n`);
  return {
    etc,
    data,
    state,
    standIns,
    run: (program, environment = {}, path = []) =>
      runShell(join(DROPLET, 'install', program), {
        path,
        environment: {
          LITELLM_ETC: etc,
          LITELLM_DATA: data,
          LITELLM_STATE: state,
          LITELLM_HOME: DROPLET,
          // The embedded PostgreSQL of the tests runs as nobody.
          POSTGRES_GROUP: 'nogroup',
          SYSTEMD_UNITS: units,
          ...agentEnvironment(folder.path),
          ...environment,
        },
      }),
    readVariables: (file) =>
      Object.fromEntries(
        readFileSync(join(etc, file), 'utf8')
          .split('\n')
          .filter((line) => line !== '')
          .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
      ),
    remove: folder.remove,
  };
}

/** Where install-agent puts the agent in a throw-away root, and as whom: no user is made. */
export function agentEnvironment(root: string): Record<string, string> {
  return {
    AGENT_HOME: join(root, 'agent-home'),
    AGENT_USER: userInfo().username,
    LITELLM_AGENT_HOME: join(root, 'agent'),
  };
}
