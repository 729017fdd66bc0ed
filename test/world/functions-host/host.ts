// The local stand-in for DigitalOcean Functions: reads project.yml as a deployment would, runs the built bundles in
// child processes under the platform's contract, and answers its REST API and its web addresses.

import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { serve } from '@hono/node-server';
import { type Clock, systemClock } from '../../../lib/clock.ts';
import { ControlError } from '../../../lib/errors.ts';
import type { Log } from '../../../lib/log.ts';
import { PLATFORM_LIMITS } from '../../../lib/platform/limits.ts';
import { type FunctionDeployment, readProject } from '../../../lib/platform/project.ts';
import { Secret } from '../../../lib/secret.ts';
import type { Activation, ActivationCause } from './activation.ts';
import { createApi } from './api.ts';
import { Invoker } from './invoker.ts';
import { scheduleTriggers } from './schedule.ts';

export type LocalFunctionsHostOptions = {
  readonly projectFile: string;
  /** Holds `<function>/index.js` for every function, as the build writes them. */
  readonly functionsDir: string;
  /** Values for the variables in project.yml. Its own address and key (DO_…) it knows itself, as
   *  `doctl serverless connect` would tell them. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Variables of the child processes themselves, such as NODE_EXTRA_CA_CERTS. */
  readonly extraChildEnv?: Readonly<Record<string, string>>;
  /** Whether the triggers of project.yml fire by themselves. */
  readonly schedule: boolean;
  /** Listens on this port of 127.0.0.1; any free one when left out. */
  readonly port?: number;
  /** Its name and key, for functions that call others and are told so before it listens; random when left out. */
  readonly namespace?: string;
  readonly key?: Secret;
  readonly clock?: Clock;
  readonly log?: Log;
  /** Activation records kept; the oldest go first. */
  readonly capacity?: number;
  /** Smaller limits than the platform's, for tests. */
  readonly limits?: Partial<HostLimits>;
};

export type HostLimits = {
  readonly perMinuteCount: number;
  readonly concurrentCount: number;
  readonly blockingMs: number;
  readonly idleMs: number;
};

export type LocalFunctionsHost = {
  readonly apiHost: string;
  readonly namespace: string;
  /** `id:secret`, for basic authentication. */
  readonly key: Secret;
  readonly functions: readonly FunctionDeployment[];
  /** The address of a web function. */
  webUrl(name: string): string;
  /** Starts a function (`control/sync`). @throws ControlError FUNCTION_REFUSED */
  invoke(
    name: string,
    event?: Readonly<Record<string, unknown>>,
  ): { readonly activationId: string; readonly ended: Promise<Activation> };
  /** Fires a trigger of project.yml now, as its schedule would. @throws ControlError FUNCTION_REFUSED */
  fireTrigger(triggerName: string): { readonly activationId: string; readonly ended: Promise<Activation> };
  /** When each trigger is due next, if it were running. */
  triggers(): {
    readonly triggerName: string;
    readonly functionName: string;
    readonly nextRunAt: Date | null;
  }[];
  /** The last activations that have ended, oldest first. */
  activations(): Activation[];
  /** Ids of those at work. */
  running(): string[];
  /** Waits for one to end; undefined if there never was one. */
  ended(activationId: string): Promise<Activation | undefined>;
  /** Kills the process at work on it (SIGKILL), as a crash would; whether there was one. */
  kill(activationId: string): boolean;
  /** Process ids of all containers. */
  pids(): number[];
  /** Ends all children and the server; leaves nothing behind. */
  stop(): Promise<void>;
};

/** @throws ControlError CONFIG_INVALID for what is wrong in project.yml */
export async function createLocalFunctionsHost(
  options: LocalFunctionsHostOptions,
): Promise<LocalFunctionsHost> {
  const clock = options.clock ?? systemClock;
  const limits: HostLimits = { ...PLATFORM_LIMITS, idleMs: 10 * 60_000, ...options.limits };
  const namespace = options.namespace ?? `fn-${randomUUID()}`;
  const key = options.key ?? new Secret(`dof_v1_${randomHex()}:${randomHex()}`);

  // The functions are told the address, and the server needs them: so listen first, answer after.
  let answer: (request: Request) => Response | Promise<Response> = () => new Response(null, { status: 503 });
  const { server, port } = await listen((request) => answer(request), options.port ?? 0);
  const apiHost = `http://127.0.0.1:${port}`;
  const ownEnv = { DO_API_HOST: apiHost, DO_NAMESPACE: namespace, DO_FUNCTIONS_KEY: key.reveal() };
  const functions = await readProjectFile(options.projectFile, { ...ownEnv, ...options.env }).catch(
    (error) => {
      server.close();
      throw error;
    },
  );

  const invoker = new Invoker({
    functions,
    functionsDir: options.functionsDir,
    namespace,
    apiHost,
    extraChildEnv: options.extraChildEnv ?? {},
    clock,
    limits,
    capacity: options.capacity ?? 1000,
    onEnd: ({ functionName, activationId, status, durationMs, cause }) =>
      options.log?.info('activation_ended', {
        functionName,
        activationId,
        status,
        durationMs,
        cause: cause.kind,
      }),
  });
  answer = createApi({ invoker, namespace, key: key.reveal(), blockingMs: limits.blockingMs, clock }).fetch;

  const triggers = scheduleTriggers(functions, !options.schedule, (trigger) => {
    const started = invoker.start(trigger.functionName, trigger.body, causeOf(trigger.triggerName));
    if (started.kind === 'refused') {
      options.log?.warn('trigger_refused', { trigger: trigger.triggerName, reason: started.reason });
    }
  });

  const start = (name: string, event: Readonly<Record<string, unknown>>, cause: ActivationCause) => {
    const started = invoker.start(name, event, cause);
    if (started.kind === 'started') return started;
    throw new ControlError('FUNCTION_REFUSED', `${name} was not started: ${started.reason}`, {
      retryable: started.httpStatus === 429,
      details: { functionName: name, httpStatus: started.httpStatus },
    });
  };

  return {
    apiHost,
    namespace,
    key,
    functions,
    webUrl: (name) => `${apiHost}/api/v1/web/${namespace}/${name}`,
    invoke: (name, event = {}) => start(name, event, { kind: 'invoke' }),
    fireTrigger(triggerName) {
      const trigger = triggers.find((candidate) => candidate.triggerName === triggerName);
      return start(trigger?.functionName ?? triggerName, trigger?.body ?? {}, causeOf(triggerName));
    },
    triggers: () =>
      triggers.map(({ triggerName, functionName, nextRunAt }) => ({
        triggerName,
        functionName,
        nextRunAt: nextRunAt(),
      })),
    activations: () => invoker.store.list(),
    running: () => invoker.running(),
    ended: (activationId) => invoker.ended(activationId),
    kill: (activationId) => invoker.kill(activationId),
    pids: () => invoker.pids(),
    async stop() {
      for (const trigger of triggers) trigger.stop();
      await invoker.stop();
      const closed = new Promise((resolve) => server.close(resolve));
      if ('closeAllConnections' in server) server.closeAllConnections();
      await closed;
    },
  };
}

async function readProjectFile(file: string, env: LocalFunctionsHostOptions['env']) {
  return readProject(await readFile(file, 'utf8'), env);
}

function randomHex(): string {
  return randomUUID().replaceAll('-', '');
}

function causeOf(triggerName: string): ActivationCause {
  return { kind: 'trigger', triggerName };
}

function listen(fetch: (request: Request) => Response | Promise<Response>, port: number) {
  return new Promise<{ server: ReturnType<typeof serve>; port: number }>((resolve, reject) => {
    const server = serve({ fetch, port, hostname: '127.0.0.1' }, (info: AddressInfo) =>
      resolve({ server, port: info.port }),
    );
    server.once('error', reject);
  });
}
