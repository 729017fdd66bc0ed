// The shipped installation whole, in a throw-away root: stand-ins for Docker, systemd and certbot write down what they were
// asked, everything else is real.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { packArchive, readDropletFiles } from '../../lib/provision/archive.ts';
import { agentEnvironment } from './install-root.ts';
import { DROPLET } from './paths.ts';
import { runShell, type ShellResult, writeStandIn } from './run-shell.ts';

export type WholeInstall = {
  /** What every program of the droplet is told, so that it keeps to the root. */
  readonly environment: Readonly<Record<string, string>>;
  readonly standIns: string;
  /** Runs install.sh; `home` holds the files of droplet/ by now. */
  run(): Promise<ShellResult>;
  /** What the stand-ins were asked by the last run. */
  asked(): string[];
};

/** Brings the files that a new droplet is given to `home`, as its user_data does. */
export async function unpackDroplet(home: string): Promise<void> {
  mkdirSync(home, { recursive: true });
  const archive = packArchive(await readDropletFiles(DROPLET));
  execFileSync('tar', ['-xzf', '-', '-C', home], { input: Buffer.from(archive, 'base64') });
}

const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`;

export function prepareWholeInstall(root: string, home = join(root, 'opt')): WholeInstall {
  const at = (name: string) => join(root, name);
  for (const name of ['units', 'etc', 'data', 'state']) mkdirSync(at(name), { recursive: true });
  const standIns = writeStandIn(
    at('bin'),
    'docker',
    `echo "docker $*" >>'${at('asked')}'
     case "$*" in
       *imagetools*) echo '${DIGEST}' ;;
       *' exec '*|'exec '*) cat >/dev/null ;;
     esac`,
  );
  writeStandIn(standIns, 'systemctl', `echo "systemctl $*" >>'${at('asked')}'`);
  writeStandIn(standIns, 'certbot', 'exit 0');
  // The accounts of a new droplet: nobody has 999 before somebody was given it.
  writeStandIn(standIns, 'getent', `[ "$1 $2" = 'passwd 999' ] && cat '${at('accounts')}' 2>/dev/null`);
  writeStandIn(standIns, 'groupadd', 'exit 0');
  writeStandIn(
    standIns,
    'useradd',
    `echo "useradd $*" >>'${at('asked')}'; echo 'litellm-postgres:x:999:999::/:/x' >'${at('accounts')}'`,
  );
  // The checks ask for a machine of 8 GB with free ports.
  writeStandIn(at('empty'), '10-none', 'exit 0');
  const environment = {
    CHECKS: at('empty'),
    LITELLM_HOME: home,
    LITELLM_ETC: at('etc'),
    LITELLM_DATA: at('data'),
    LITELLM_STATE: at('state'),
    POSTGRES_GROUP: 'nogroup',
    POSTGRES_SOCKETS: at('sockets'),
    TMPFILES: at('tmpfiles.d'),
    LETSENCRYPT: at('letsencrypt'),
    LETSENCRYPT_DIR: at('letsencrypt'),
    SYSTEMD_UNITS: at('units'),
    DOCKER_ETC: at('docker'),
    ...agentEnvironment(root),
  };
  return {
    environment,
    standIns,
    run: () => {
      rmSync(at('asked'), { force: true });
      return runShell(join(home, 'install', 'install.sh'), { path: [standIns], environment });
    },
    asked: () =>
      existsSync(at('asked')) ? readFileSync(at('asked'), 'utf8').split('\n').filter(Boolean) : [],
  };
}
