// One command on the droplet, by the machine's own ssh with its keys and agent. The droplet's host key is trusted the
// first time it is seen and pinned in a file of its own, under the droplet's id and not its address: another droplet with
// the same address is another host, and the same droplet with another key is refused.
//
// The host keys could be known beforehand only if their private halves went through user_data, which every program on the
// droplet can read.

import { spawn } from 'node:child_process';
import { ControlError } from '../errors.ts';

export type SshTarget = {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Under this name the host key is kept. */
  readonly hostKeyAlias: string;
  readonly knownHostsFile: string;
  /** A private key file; the machine's own keys and agent when left out. */
  readonly identityFile?: string;
};

export type SshOutcome = {
  /** Of the command; 255 when ssh itself failed (ssh(1)), null when it was ended at its time limit. */
  readonly exitCode: number | null;
  readonly output: string;
  /** The last line that ssh or the command said, for people. */
  readonly lastWord: string;
};

export type RunOverSsh = (command: string, timeoutMs: number) => Promise<SshOutcome>;

const CONNECT_TIMEOUT_SECONDS = 15;
const LONGEST_OUTPUT_BYTES = 1024 * 1024;

/** Each call throws the signal's reason, or ControlError DROPLET_UNREACHABLE where this machine has no ssh. */
export function createSsh(target: SshTarget, signal: AbortSignal): RunOverSsh {
  return (command, timeoutMs) =>
    new Promise((resolve, reject) => {
      const limit = AbortSignal.timeout(timeoutMs);
      const child = spawn('ssh', [...toArguments(target), '--', command], {
        stdio: ['ignore', 'pipe', 'pipe'],
        signal: AbortSignal.any([signal, limit]),
      });
      const [output, errors] = [collect(child.stdout), collect(child.stderr)];
      child.on('error', (cause) => {
        if (signal.aborted) reject(signal.reason);
        else if (!limit.aborted) {
          const message = 'ssh cannot be started; install it (openssh-client), then run the command again.';
          reject(new ControlError('DROPLET_UNREACHABLE', message, { cause }));
        }
      });
      child.on('close', (exitCode) => {
        const lastWord = errors().trim().split('\n').at(-1)?.trim() ?? '';
        // ssh ends itself with 255 when it is told to stop.
        resolve({ exitCode: limit.aborted ? null : exitCode, output: output(), lastWord });
      });
    });
}

function toArguments(target: SshTarget): string[] {
  const options = {
    BatchMode: 'yes',
    ConnectTimeout: CONNECT_TIMEOUT_SECONDS,
    ServerAliveInterval: 15,
    StrictHostKeyChecking: 'accept-new',
    UserKnownHostsFile: quote(target.knownHostsFile),
    GlobalKnownHostsFile: '/dev/null',
    HostKeyAlias: target.hostKeyAlias,
    // The file is for people too, and a droplet's id is no secret.
    HashKnownHosts: 'no',
    ForwardAgent: 'no',
    LogLevel: 'ERROR',
    ...(target.identityFile === undefined
      ? {}
      : { IdentityFile: quote(target.identityFile), IdentitiesOnly: 'yes' }),
  };
  return [
    ...Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]),
    '-p',
    String(target.port),
    `${target.user}@${target.host}`,
  ];
}

/** ssh takes several files in one option, parted by blanks, unless they are quoted (ssh_config(5)). */
function quote(file: string): string {
  return `"${file}"`;
}

/** What the stream says, up to a limit. */
function collect(stream: NodeJS.ReadableStream): () => string {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  stream.on('data', (chunk: Buffer) => {
    sizeBytes += chunk.length;
    if (sizeBytes <= LONGEST_OUTPUT_BYTES) chunks.push(chunk);
  });
  return () => Buffer.concat(chunks).toString('utf8');
}
