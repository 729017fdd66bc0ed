// One command on the droplet, by the machine's own ssh with the operator's keys and agent; provisioning, deployments and
// upgrades all reach it here. Nothing secret is ever part of a command: what the droplet needs of that kind it has itself.
//
// A droplet that was provisioned here is known by the host key that was pinned then, under its id and not its address:
// another droplet with the same address is another host, and the same droplet with another key is refused. Only
// provisioning trusts a key the first time it is seen. One that was not provisioned here is known as the operator knows it.
//
// The host keys could be known beforehand only if their private halves went through user_data, which every program on the
// droplet can read.

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { ControlError } from '../errors.ts';

export type SshTarget = {
  /** user@host or user@host:port. */
  readonly address: string;
  /** Undefined where the operator's own known hosts say who it is. */
  readonly pin: HostPin | undefined;
  /** Where ssh itself is looked up, and the agent's socket. */
  readonly variables: Readonly<Record<string, string | undefined>>;
};

export type HostPin = {
  readonly knownHostsFile: string;
  /** Under this name the host key is kept. */
  readonly alias: string;
  /** A key that is not there yet is taken and kept. */
  readonly isFirstContact?: boolean;
};

export type SshOutcome = {
  /** Of the command; 255 when ssh itself failed (ssh(1)), null when it was ended at its time limit. */
  readonly exitCode: number | null;
  readonly output: string;
  readonly errors: string;
};

/** ssh's own exit code for "could not connect, or the connection broke". */
export const SSH_FAILED = 255;

/** As much of each stream is kept; the rest is read and dropped. */
const LONGEST_OUTPUT_BYTES = 1024 * 1024;
const HANDED_ON = ['PATH', 'HOME', 'USER', 'LOGNAME', 'SSH_AUTH_SOCK', 'LANG', 'TMPDIR'];

/** Starts `command` there; the caller owns its streams and listens to its `error`. */
export function startOverSsh(
  target: SshTarget,
  command: string,
  signal: AbortSignal,
): ChildProcessWithoutNullStreams {
  const env: Record<string, string | undefined> = {};
  for (const name of HANDED_ON) if (target.variables[name] !== undefined) env[name] = target.variables[name];
  return spawn('ssh', [...toArguments(target), command], { env, signal });
}

/** Runs `command` there to its end, or to its time limit, with `input` as its standard input.
 *  @throws ControlError DROPLET_UNREACHABLE where this machine has no ssh; the signal's reason */
export function runOverSsh(
  target: SshTarget,
  command: string,
  options: { readonly input?: Buffer; readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<SshOutcome> {
  const limit = AbortSignal.timeout(options.timeoutMs);
  return new Promise((resolve, reject) => {
    const child = startOverSsh(target, command, AbortSignal.any([options.signal, limit]));
    const [output, errors] = [collect(child.stdout), collect(child.stderr)];
    // Its end says why; a broken pipe only says that it ended.
    child.stdin.on('error', () => undefined);
    child.on('error', (cause) => {
      if (options.signal.aborted) reject(options.signal.reason);
      else if (!limit.aborted) reject(notStarted(cause));
    });
    child.on('close', (exitCode) => {
      // ssh ends itself with 255 when it is told to stop.
      resolve({ exitCode: limit.aborted ? null : exitCode, output: output(), errors: errors() });
    });
    child.stdin.end(options.input);
  });
}

export function notStarted(cause: Error): ControlError {
  const message = 'ssh cannot be started; install it (openssh-client), then run the command again.';
  return new ControlError('DROPLET_UNREACHABLE', message, { cause });
}

/** `errors`: what ssh said, for people. */
export function unreachable({ address, pin }: SshTarget, errors: string): ControlError {
  const [host = address, port] = splitPort(address);
  const hand = `ssh ${port === undefined ? '' : `-p ${port} `}${host}`;
  const lines = errors.trim().split('\n').slice(-3).join(' ');
  const said = lines === '' ? '' : ` (${lines})`;
  const known = pin === undefined ? '' : ` Its host key is the one of ${pin.alias} in ${pin.knownHostsFile}.`;
  return new ControlError(
    'DROPLET_UNREACHABLE',
    `${address} did not answer over SSH, or the connection broke${said}.${known} Try \`${hand}\` by hand, then run the command again; a repeat is harmless.`,
    { retryable: true },
  );
}

/** One word for a POSIX shell. */
export function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

function toArguments({ address, pin }: SshTarget): string[] {
  const [host = address, port] = splitPort(address);
  const options = {
    // It must never wait for a person who is not asked.
    BatchMode: 'yes',
    ConnectTimeout: 15,
    // A line that died is noticed after a minute; what was begun there goes on by itself.
    ServerAliveInterval: 15,
    ServerAliveCountMax: 4,
    // Whatever the operator's own configuration lends to other hosts, this one gets nothing of it.
    ForwardAgent: 'no',
    ClearAllForwardings: 'yes',
    LogLevel: 'ERROR',
    ...(pin === undefined ? {} : pinOptions(pin)),
  };
  return [
    ...Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]),
    ...(port === undefined ? [] : ['-p', port]),
    '--',
    host,
  ];
}

function pinOptions({ knownHostsFile, alias, isFirstContact = false }: HostPin) {
  return {
    StrictHostKeyChecking: isFirstContact ? 'accept-new' : 'yes',
    // ssh takes several files in one option, parted by blanks, unless they are quoted (ssh_config(5)).
    UserKnownHostsFile: `"${knownHostsFile}"`,
    GlobalKnownHostsFile: '/dev/null',
    HostKeyAlias: alias,
    // The file is for people too, and a droplet's id is no secret.
    HashKnownHosts: 'no',
  };
}

function splitPort(address: string): (string | undefined)[] {
  return /^(.*?)(?::(\d+))?$/.exec(address)?.slice(1) ?? [];
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
