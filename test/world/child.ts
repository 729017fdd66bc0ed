// Starts a program that cannot outlive us: a shell beside it waits on our end of a pipe, and when that closes,
// by stop(), by a crash or by kill -9 of this process, it ends the program. Nothing in it asks a clock.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';

export type ChildOptions = {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly uid?: number;
  readonly gid?: number;
  /** Standard output and error are appended here. */
  readonly logFile: string;
  /** The signal that asks the program to end in good order. */
  readonly stopSignal: 'INT' | 'TERM' | 'KILL';
};

export type Child = {
  readonly pid: number;
  /** Settles when the program has ended, with its exit code, or null after a signal. */
  readonly exited: Promise<number | null>;
  hasExited(): boolean;
  /** Asks the program to end and waits until it has. */
  stop(): Promise<void>;
  /** Ends it as a power cut would, and waits until it has. */
  kill(): Promise<void>;
};

// $1 is the signal, the rest is the program. File descriptor 3 keeps our pipe, because a shell gives
// background jobs an empty standard input. The program itself gets none.
const GUARD = `
exec 3<&0 </dev/null
signal=$1; shift
"$@" 3<&- &
program=$!
( cat <&3 >/dev/null; kill -$signal $program 2>/dev/null ) &
watcher=$!
exec 3<&-
wait $program
status=$?
kill -KILL $watcher 2>/dev/null
exit $status
`;

/** Starts `command` in a process group of its own, so that Ctrl-C reaches us first and we stop things in order. */
export function startChild(options: ChildOptions): Child {
  const log = openSync(options.logFile, 'a');
  const shell = spawn('/bin/sh', ['-c', GUARD, 'sh', options.stopSignal, options.command, ...options.args], {
    detached: true,
    stdio: ['pipe', log, log],
    env: options.env,
    cwd: options.cwd,
    uid: options.uid,
    gid: options.gid,
  });
  closeSync(log);
  if (shell.pid === undefined || shell.stdin === null) {
    throw new Error(`${options.command} could not be started; see ${options.logFile}.`);
  }
  // The pipe reports EPIPE when the program went first: that is what `exited` says already.
  shell.stdin.on('error', () => undefined);
  const exited = once(shell, 'exit').then(([code]) => code as number | null);
  return {
    pid: shell.pid,
    exited,
    hasExited: () => shell.exitCode !== null || shell.signalCode !== null,
    stop: async () => {
      shell.stdin?.end();
      await exited;
    },
    kill: async () => {
      killGroup(shell);
      await exited;
    },
  };
}

function killGroup(shell: ChildProcess): void {
  if (shell.pid === undefined || shell.exitCode !== null || shell.signalCode !== null) return;
  try {
    process.kill(-shell.pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
