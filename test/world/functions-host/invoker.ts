// Invokes functions under the platform's limits and turns what happened into an activation record.

import { randomUUID } from 'node:crypto';
import path from 'node:path';
import type { Clock } from '../../../lib/clock.ts';
import { PLATFORM_LIMITS } from '../../../lib/platform/limits.ts';
import type { FunctionDeployment } from '../../../lib/platform/project.ts';
import {
  type Activation,
  type ActivationCause,
  type ActivationStatus,
  ActivationStore,
} from './activation.ts';
import type { RunOutcome } from './container.ts';
import { ContainerPool, type PoolRun } from './pool.ts';

export type InvokerOptions = {
  readonly functions: readonly FunctionDeployment[];
  /** Holds `<function>/index.js` for every function. */
  readonly functionsDir: string;
  readonly namespace: string;
  readonly apiHost: string;
  readonly extraChildEnv: Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly limits: {
    readonly perMinuteCount: number;
    readonly concurrentCount: number;
    readonly idleMs: number;
  };
  /** How many activation records are kept. */
  readonly capacity: number;
  readonly onEnd: (activation: Activation) => void;
};

export type Started =
  | { readonly kind: 'started'; readonly activationId: string; readonly ended: Promise<Activation> }
  | { readonly kind: 'refused'; readonly httpStatus: 404 | 413 | 429 | 503; readonly reason: string };

export class Invoker {
  readonly #options: InvokerOptions;
  readonly #pools: ReadonlyMap<string, ContainerPool>;
  readonly #running = new Map<string, Promise<Activation>>();
  readonly store: ActivationStore;
  #startedAtMs: number[] = [];
  #isStopped = false;

  constructor(options: InvokerOptions) {
    this.#options = options;
    this.store = new ActivationStore(options.capacity);
    this.#pools = new Map(
      options.functions.map((spec) => {
        const bundleFile = path.resolve(options.functionsDir, spec.functionName, 'index.js');
        return [spec.name, new ContainerPool({ ...options, spec, bundleFile }, options.limits.idleMs)];
      }),
    );
  }

  find(name: string): FunctionDeployment | undefined {
    return this.#options.functions.find((spec) => spec.name === name);
  }

  /** Starts the function at once, or says why not. */
  start(name: string, event: Readonly<Record<string, unknown>>, cause: ActivationCause): Started {
    const spec = this.find(name);
    const pool = this.#pools.get(name);
    if (spec === undefined || pool === undefined) {
      return { kind: 'refused', httpStatus: 404, reason: 'The requested resource does not exist.' };
    }
    const parameters = { ...spec.parameters, ...event };
    const refusal = this.#refuse(Buffer.byteLength(JSON.stringify(parameters)));
    if (refusal !== undefined) return refusal;

    const activationId = randomUUID().replaceAll('-', '');
    const ended = pool
      .run(activationId, parameters)
      .then((run) => this.#record(spec, activationId, cause, run));
    this.#running.set(activationId, ended);
    return { kind: 'started', activationId, ended };
  }

  /** The activation when it has ended; undefined if there never was one, or it is forgotten. */
  async ended(activationId: string): Promise<Activation | undefined> {
    return this.#running.get(activationId) ?? this.store.find(activationId);
  }

  running(): string[] {
    return [...this.#running.keys()];
  }

  kill(activationId: string): boolean {
    return [...this.#pools.values()].some((pool) => pool.kill(activationId));
  }

  pids(): number[] {
    return [...this.#pools.values()].flatMap((pool) => pool.pids());
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all([...this.#pools.values()].map((pool) => pool.stop()));
    await Promise.all(this.#running.values());
  }

  #refuse(sizeBytes: number): Started | undefined {
    const { limits, clock } = this.#options;
    if (this.#isStopped)
      return { kind: 'refused', httpStatus: 503, reason: 'The functions host is stopping.' };
    if (sizeBytes > PLATFORM_LIMITS.payloadBytes) {
      const reason = `Request larger than allowed: ${sizeBytes} > ${PLATFORM_LIMITS.payloadBytes} bytes.`;
      return { kind: 'refused', httpStatus: 413, reason };
    }
    if (this.#running.size >= limits.concurrentCount) {
      const count = this.#running.size + 1;
      const reason = `Too many concurrent requests in flight (count: ${count}, allowed: ${limits.concurrentCount}).`;
      return { kind: 'refused', httpStatus: 429, reason };
    }
    const now = clock.now().getTime();
    this.#startedAtMs = this.#startedAtMs.filter((at) => at > now - 60_000);
    if (this.#startedAtMs.length >= limits.perMinuteCount) {
      const count = this.#startedAtMs.length + 1;
      const reason = `Too many requests in the last minute (count: ${count}, allowed: ${limits.perMinuteCount}).`;
      return { kind: 'refused', httpStatus: 429, reason };
    }
    this.#startedAtMs.push(now);
    return undefined;
  }

  #record(spec: FunctionDeployment, activationId: string, cause: ActivationCause, run: PoolRun): Activation {
    const endedAt = this.#options.clock.now();
    const activation: Activation = {
      activationId,
      functionName: spec.name,
      cause,
      startedAt: run.startedAt,
      endedAt,
      durationMs: endedAt.getTime() - run.startedAt.getTime(),
      initMs: run.initMs,
      isTimedOut: run.outcome.kind === 'timed-out',
      logs: run.logs,
      ...judge(run.outcome, spec),
    };
    this.#running.delete(activationId);
    this.store.record(activation);
    this.#options.onEnd(activation);
    return activation;
  }
}

/** Status and result as the platform words them. */
function judge(
  outcome: RunOutcome,
  spec: FunctionDeployment,
): { status: ActivationStatus; result: Record<string, unknown> } {
  const broken = (error: string) => ({ status: 'action developer error' as const, result: { error } });
  switch (outcome.kind) {
    case 'timed-out':
      return broken(`The action exceeded its time limits of ${spec.timeoutMs} milliseconds.`);
    case 'out-of-memory':
      return broken('The action exhausted its memory and was aborted.');
    case 'exited':
      return broken('The action did not produce a valid response and exited unexpectedly.');
    case 'answered': {
      const { result, error } = outcome.answer;
      if (error !== undefined) return broken(error);
      if (typeof result !== 'object' || result === null || Array.isArray(result)) {
        return broken('The action did not return a dictionary.');
      }
      const sizeBytes = Buffer.byteLength(JSON.stringify(result));
      if (sizeBytes > PLATFORM_LIMITS.payloadBytes) {
        return broken(
          `The action produced a response that exceeded the allowed length: ${sizeBytes} > ${PLATFORM_LIMITS.payloadBytes} bytes.`,
        );
      }
      const status = 'error' in result ? 'application error' : 'success';
      return { status, result: result as Record<string, unknown> };
    }
  }
}
