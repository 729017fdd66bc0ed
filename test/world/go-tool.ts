// Installs a command from its pinned Go module into the cache, once a checkout. The module proxy is all it needs.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { join, resolve } from 'node:path';

export type GoCommand = {
  /** The package of the command, such as sigs.k8s.io/kustomize/kustomize/v5. */
  readonly module: string;
  readonly version: string;
  /** What `go install` calls the binary, and we too. */
  readonly binary: string;
  /** The Go that its go.mod asks for, for the message to whom has none. */
  readonly needsGo: string;
};

/** Newest that Go 1.26 builds; v5.8.3 asks for Go 1.27. About half a minute on two cores. */
export const KUSTOMIZE: GoCommand = {
  module: 'sigs.k8s.io/kustomize/kustomize/v5',
  version: 'v5.8.2',
  binary: 'kustomize',
  needsGo: '1.26',
};

const INSTALL_LIMIT_MS = 300_000;

/** The path of the command in the cache, which is built first when it is not there.
 *  @throws Error with what to install when there is no Go. */
export function installGoCommand(cacheDir: string, command: GoCommand): string {
  const folder = join(resolve(cacheDir), `${command.binary}-${command.version}`);
  const installed = join(folder, command.binary);
  if (existsSync(installed)) return installed;
  const building = join(folder, `building-${process.pid}`);
  mkdirSync(building, { recursive: true });
  const { status, error, stderr } = spawnSync('go', ['install', `${command.module}@${command.version}`], {
    env: { ...process.env, GOBIN: building },
    encoding: 'utf8',
    timeout: INSTALL_LIMIT_MS,
  });
  if (status !== 0) {
    throw new Error(
      `${command.binary} ${command.version} could not be built: ${error?.message ?? stderr}\n` +
        `It needs Go ${command.needsGo} or newer on the path: see https://go.dev/dl.`,
    );
  }
  // The whole file at once, so that a build that was cut short is not taken for one.
  renameSync(join(building, command.binary), installed);
  return installed;
}
