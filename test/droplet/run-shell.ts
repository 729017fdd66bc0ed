// Runs one of the droplet's shell programs as the droplet would, in a throw-away root and with stand-ins first on the
// path for what this machine lacks.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

export type ShellResult = {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
};

export type ShellOptions = {
  readonly args?: readonly string[];
  readonly environment?: NodeJS.ProcessEnv;
  readonly input?: string;
  /** Folders that come first on the path. */
  readonly path?: readonly string[];
};

/** Runs `program` to its end. Nothing of our own environment reaches it but the path. */
export async function runShell(program: string, options: ShellOptions = {}): Promise<ShellResult> {
  const path = [...(options.path ?? []), process.env.PATH ?? ''].join(delimiter);
  const child = spawn(program, options.args ?? [], { env: { ...options.environment, PATH: path } });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk;
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
  });
  // A program that ended before it read everything is judged by its status.
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input ?? '');
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, stdout, stderr };
}

/** A program `name` in `folder` with this body for /bin/sh; returns the folder, for `path`. */
export function writeStandIn(folder: string, name: string, body: string): string {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, name);
  writeFileSync(file, `#!/bin/sh\n${body}\n`);
  chmodSync(file, 0o755);
  return folder;
}
