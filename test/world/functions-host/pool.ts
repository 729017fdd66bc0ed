// The containers of one function: a warm one where there is one, else a cold one; those idle too long are ended.

import type { Clock } from '../../../lib/clock.ts';
import { Container, type ContainerOptions, type RunOutcome } from './container.ts';

export type PoolRun = {
  readonly outcome: RunOutcome;
  readonly startedAt: Date;
  readonly initMs: number | undefined;
  readonly logs: readonly string[];
};

export class ContainerPool {
  readonly #options: ContainerOptions;
  readonly #clock: Clock;
  readonly #idleMs: number;
  readonly #busy = new Map<string, Container>();
  readonly #idle = new Map<Container, AbortController>();

  constructor(options: ContainerOptions, idleMs: number) {
    this.#options = options;
    this.#clock = options.clock;
    this.#idleMs = idleMs;
  }

  /** Runs the function once in a container of its own. */
  async run(activationId: string, parameters: unknown): Promise<PoolRun> {
    const warm = this.#takeIdle();
    const container = warm ?? new Container(this.#options);
    this.#busy.set(activationId, container);
    try {
      const createdAt = this.#clock.now();
      let initMs: number | undefined;
      let initLogs: readonly string[] = [];
      if (warm === undefined) {
        const outcome = await container.initialise();
        initLogs = container.logs;
        if (outcome.kind !== 'answered' || outcome.answer.error !== undefined) {
          await container.kill();
          return { outcome, startedAt: createdAt, initMs: undefined, logs: container.logs };
        }
        initMs = this.#clock.now().getTime() - createdAt.getTime();
      }
      const startedAt = this.#clock.now();
      const outcome = await container.run(activationId, parameters);
      if (outcome.kind === 'answered') this.#keepIdle(container);
      return { outcome, startedAt, initMs, logs: [...initLogs, ...container.logs] };
    } finally {
      this.#busy.delete(activationId);
    }
  }

  /** Kills the process that runs this activation, as a crash would. Whether there was one. */
  kill(activationId: string): boolean {
    const container = this.#busy.get(activationId);
    void container?.kill();
    return container !== undefined;
  }

  /** Process ids, for tests. */
  pids(): number[] {
    return [...this.#busy.values(), ...this.#idle.keys()].map((container) => container.pid);
  }

  async stop(): Promise<void> {
    for (const reaping of this.#idle.values()) reaping.abort();
    await Promise.all([...this.#busy.values(), ...this.#idle.keys()].map((container) => container.kill()));
    this.#idle.clear();
  }

  #takeIdle(): Container | undefined {
    const [last] = [...this.#idle].slice(-1);
    if (last === undefined) return undefined;
    const [container, reaping] = last;
    this.#idle.delete(container);
    reaping.abort();
    return container;
  }

  #keepIdle(container: Container): void {
    const reaping = new AbortController();
    this.#idle.set(container, reaping);
    // One that ends by itself while idle must not be given the next invocation.
    void container.exited.then(() => {
      this.#idle.delete(container);
      reaping.abort();
    });
    this.#clock.sleep(this.#idleMs, reaping.signal).then(
      () => container.kill(),
      () => {}, // taken again, or the pool stopped
    );
  }
}
