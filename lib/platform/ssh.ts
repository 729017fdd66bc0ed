// Runs one command on the droplet with the system's ssh, so that keys, agents and known hosts are the operator's own.
// Nothing secret is ever part of a command: what the droplet needs of that kind it has itself.

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { ControlError } from '../errors.ts';

export type SshTarget = {
  /** user@host or user@host:port. */
  readonly address: string;
  /** Where ssh itself is looked up, and the agent's socket. */
  readonly variables: Readonly<Record<string, string | undefined>>;
};

export type SshResult = { readonly code: number; readonly out: string; readonly err: string };

/** ssh's own exit code for "could not connect, or the connection broke". */
export const SSH_FAILED = 255;

const HANDED_ON = ['PATH', 'HOME', 'USER', 'LOGNAME', 'SSH_AUTH_SOCK', 'LANG', 'TMPDIR'];

/** Starts `command` there; the caller owns its streams. */
export function startOverSsh(
  { address, variables }: SshTarget,
  command: string,
  signal: AbortSignal,
): ChildProcessWithoutNullStreams {
  const [, host = address, port = '22'] = /^(.*?)(?::(\d+))?$/.exec(address) ?? [];
  const env: Record<string, string | undefined> = {};
  for (const name of HANDED_ON) if (variables[name] !== undefined) env[name] = variables[name];
  const options = [
    // It must never wait for a person who is not asked.
    ...['-o', 'BatchMode=yes', '-o', 'ConnectTimeout=15'],
    // A line that died is noticed after a minute; the step there goes on by itself.
    ...['-o', 'ServerAliveInterval=15', '-o', 'ServerAliveCountMax=4'],
  ];
  return spawn('ssh', [...options, '-p', port, '--', host, command], { env, signal });
}

/** Runs `command` there to its end with `input` as its standard input.
 *  @throws ControlError DROPLET_UNREACHABLE */
export function runOverSsh(
  target: SshTarget,
  command: string,
  input: Buffer | string,
  signal: AbortSignal,
): Promise<SshResult> {
  return new Promise((resolve, reject) => {
    const child = startOverSsh(target, command, signal);
    let [out, err] = ['', ''];
    child.stdout.on('data', (chunk) => (out += chunk));
    child.stderr.on('data', (chunk) => (err += chunk));
    // Its end says why; a broken pipe only says that it ended.
    child.stdin.on('error', () => undefined);
    child.on('error', (cause) => reject(unreachable(target, cause.message)));
    child.on('close', (code) => {
      if (code === null || code === SSH_FAILED) reject(unreachable(target, err));
      else resolve({ code, out, err });
    });
    child.stdin.end(input);
  });
}

export function unreachable({ address }: SshTarget, words: string): ControlError {
  const lines = words.trim().split('\n').slice(-3).join(' ');
  return new ControlError(
    'DROPLET_UNREACHABLE',
    `${address} did not answer over SSH, or the connection broke${lines === '' ? '' : ` (${lines})`}. Try \`ssh ${address}\` by hand, then run the command again; a repeat is harmless.`,
    { retryable: true },
  );
}

/** One word for a POSIX shell. */
export function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
