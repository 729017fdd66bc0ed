// One invocation of a function: why it ran, how it ended, what it logged. Kept in memory, newest last.

import type { FunctionDeployment } from '../../../lib/platform/project.ts';

export type ActivationCause =
  | { readonly kind: 'invoke' }
  | { readonly kind: 'trigger'; readonly triggerName: string }
  | { readonly kind: 'web'; readonly method: string; readonly path: string };

/** In OpenWhisk's words: the function's own error, the function broke its contract, or the host failed. */
export type ActivationStatus =
  | 'success'
  | 'application error'
  | 'action developer error'
  | 'whisk internal error';

export type Activation = {
  readonly activationId: string;
  /** Such as `control/sync`. */
  readonly functionName: string;
  readonly cause: ActivationCause;
  readonly startedAt: Date;
  readonly endedAt: Date;
  /** From the parameters' arrival at the handler to its answer. */
  readonly durationMs: number;
  /** Starting and initialising the process; undefined when a warm one took it. */
  readonly initMs: number | undefined;
  readonly status: ActivationStatus;
  readonly isTimedOut: boolean;
  readonly result: Readonly<Record<string, unknown>>;
  /** `<instant> stdout: <line>` or stderr, in the order received. */
  readonly logs: readonly string[];
};

/** The last `capacity` activations that have ended, by id and in order. */
export class ActivationStore {
  readonly #capacity: number;
  readonly #ended = new Map<string, Activation>();

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  record(activation: Activation): void {
    this.#ended.set(activation.activationId, activation);
    for (const oldest of this.#ended.keys()) {
      if (this.#ended.size <= this.#capacity) return;
      this.#ended.delete(oldest);
    }
  }

  find(activationId: string): Activation | undefined {
    return this.#ended.get(activationId);
  }

  list(): Activation[] {
    return [...this.#ended.values()];
  }
}

/** The record as the platform's API gives it:
 *  https://docs.digitalocean.com/products/functions/reference/activation-records/ */
export function renderActivation(
  activation: Activation,
  namespace: string,
  spec: FunctionDeployment,
): object {
  return {
    activationId: activation.activationId,
    annotations: [
      { key: 'path', value: `${namespace}/${activation.functionName}` },
      { key: 'entry', value: spec.main },
      { key: 'kind', value: spec.runtime },
      { key: 'timeout', value: activation.isTimedOut },
      { key: 'limits', value: { concurrency: 1, logs: 16, memory: spec.memoryMb, timeout: spec.timeoutMs } },
      ...(activation.initMs === undefined ? [] : [{ key: 'initTime', value: activation.initMs }]),
    ],
    duration: activation.durationMs,
    end: activation.endedAt.getTime(),
    logs: activation.logs,
    name: spec.functionName,
    namespace,
    publish: false,
    response: {
      result: activation.result,
      size: Buffer.byteLength(JSON.stringify(activation.result)),
      status: activation.status,
      success: activation.status === 'success',
    },
    start: activation.startedAt.getTime(),
    version: '0.0.1',
  };
}
