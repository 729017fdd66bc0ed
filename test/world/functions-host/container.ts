// One child process that holds one function, as the platform's container does: started cold, initialised once with
// the function's environment, then one run at a time until it is idle too long, too big, too slow or dead.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Clock } from '../../../lib/clock.ts';
import type { FunctionDeployment } from '../../../lib/platform/project.ts';
import { collectLogs, type LogCollector } from './log-collector.ts';

/** How often the size of a busy process is looked at; its peak is read, so a short one in between counts too. */
const MEMORY_CHECK_MS = 100;

export type RunOutcome =
  | { readonly kind: 'answered'; readonly answer: { readonly result?: unknown; readonly error?: string } }
  | { readonly kind: 'timed-out' }
  | { readonly kind: 'out-of-memory' }
  | { readonly kind: 'exited' };

export type ContainerOptions = {
  readonly spec: FunctionDeployment;
  readonly bundleFile: string;
  readonly namespace: string;
  readonly apiHost: string;
  /** Variables the process itself needs (such as NODE_EXTRA_CA_CERTS); nothing else of ours is passed on. */
  readonly extraChildEnv: Readonly<Record<string, string>>;
  readonly clock: Clock;
};

export class Container {
  readonly #options: ContainerOptions;
  readonly #child: ChildProcess;
  readonly #replies: AsyncIterator<string>;
  readonly #logs: LogCollector;
  /** Settles when the process is gone and its output read. */
  readonly exited: Promise<unknown>;
  #isTooBig = false;

  constructor(options: ContainerOptions) {
    this.#options = options;
    const { spec } = options;
    const launcher = new URL('./launcher.js', import.meta.url).pathname;
    this.#child = spawn(process.execPath, [`--max-old-space-size=${spec.memoryMb}`, launcher], {
      stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
      env: { ...options.extraChildEnv, __OW_API_HOST: options.apiHost },
    });
    this.exited = once(this.#child, 'close');
    // Writing to a process that has just died is not an error of ours: its end is noticed by the missing reply.
    this.#child.stdin?.on('error', () => {});
    const [, stdout, stderr, replies] = this.#child.stdio as unknown as [
      unknown,
      Readable,
      Readable,
      Readable,
    ];
    this.#logs = collectLogs({ stdout, stderr }, options.clock);
    this.#replies = createInterface({ input: replies })[Symbol.asyncIterator]();
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get logs(): readonly string[] {
    return this.#logs.lines();
  }

  /** Waits for the process, then loads the function in it. */
  async initialise(): Promise<RunOutcome> {
    this.#logs.begin();
    const { spec, bundleFile } = this.#options;
    const value = { file: bundleFile, main: spec.main, env: spec.environment };
    return this.#within(async () => {
      await this.#replies.next();
      return this.#ask({ value });
    });
  }

  /** Runs the function once. */
  async run(activationId: string, parameters: unknown): Promise<RunOutcome> {
    this.#logs.begin();
    const { spec, namespace, apiHost, clock } = this.#options;
    const message = {
      value: parameters,
      activation_id: activationId,
      action_name: `/${namespace}/${spec.name}`,
      action_version: '0.0.1',
      // The platform hands no key to a function.
      api_key: '',
      api_host: apiHost,
      namespace,
      transaction_id: activationId,
      deadline: String(clock.now().getTime() + spec.timeoutMs),
    };
    const outcome = await this.#within(() => this.#ask(message));
    // Whoever did not answer is dead or is killed here: the platform never uses such a container again.
    if (outcome.kind !== 'answered') await this.kill();
    await this.#logs.complete();
    return outcome;
  }

  /** Ends the process at once and waits until it is gone. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.exited;
  }

  async #ask(message: object): Promise<RunOutcome> {
    this.#child.stdin?.write(`${JSON.stringify(message)}\n`);
    const reply = await this.#replies.next();
    if (reply.done) {
      await this.exited;
      // V8 aborts by itself when its heap is full.
      const isHeapFull = this.#child.signalCode === 'SIGABRT' || this.#child.exitCode === 134;
      return { kind: this.#isTooBig || isHeapFull ? 'out-of-memory' : 'exited' };
    }
    return { kind: 'answered', answer: JSON.parse(reply.value) };
  }

  /** The work's outcome, or the limit it ran into first. */
  async #within(work: () => Promise<RunOutcome>): Promise<RunOutcome> {
    const done = new AbortController();
    const { clock, spec } = this.#options;
    const timeout = clock
      .sleep(spec.timeoutMs, done.signal)
      .then((): RunOutcome => ({ kind: 'timed-out' }))
      .catch((): RunOutcome => ({ kind: 'exited' }));
    const watch = this.#watchMemory(done.signal);
    try {
      return await Promise.race([work(), timeout]);
    } finally {
      done.abort();
      await watch;
    }
  }

  async #watchMemory(signal: AbortSignal): Promise<void> {
    const { clock, spec } = this.#options;
    while (!signal.aborted) {
      if ((await readPeakMb(this.pid)) > spec.memoryMb) {
        this.#isTooBig = true;
        this.#child.kill('SIGKILL');
        return;
      }
      await clock.sleep(MEMORY_CHECK_MS, signal).catch(() => {});
    }
  }
}

/** The largest resident size the process ever had; 0 where there is no /proc, where the heap limit alone counts. */
async function readPeakMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) / 1024;
}
