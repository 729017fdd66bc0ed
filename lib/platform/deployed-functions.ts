// What really runs in a functions namespace, read by OpenWhisk's REST API, and the one thing that is changed by it:
// taking a function off the web. doctl deploys; this proves it.
// https://github.com/apache/openwhisk/blob/master/core/controller/src/main/resources/apiv1swagger.json

import { createHash } from 'node:crypto';
import * as z from 'zod';
import { callPlatform, type PlatformCall } from './platform-call.ts';

export type FoundFunction = {
  /** Package and function, such as `control/sync`. */
  readonly name: string;
  /** The platform's own count of deployments, such as `0.0.7`. */
  readonly version: string;
  readonly runtime: string;
  readonly main: string;
  readonly web: boolean | 'raw';
  readonly hasWebSecret: boolean;
  readonly timeoutMs: number;
  readonly memoryMb: number;
  /** Of the archive as it was uploaded; undefined when the platform does not hand it out. */
  readonly codeSha256: string | undefined;
  /** Variables by name; undefined where the platform keeps the value to itself. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly annotations: readonly { readonly key: string; readonly value: unknown }[];
};

export type DeployedFunctions = {
  /** Names of all functions in the namespace, sorted. @throws ControlError FUNCTION_UNAVAILABLE, FUNCTION_REFUSED */
  list(signal: AbortSignal): Promise<string[]>;
  /** @throws ControlError FUNCTION_UNAVAILABLE, FUNCTION_REFUSED */
  find(name: string, signal: AbortSignal): Promise<FoundFunction | undefined>;
  /** Leaves the code as it is. A repeat is harmless. @throws ControlError FUNCTION_UNAVAILABLE, FUNCTION_REFUSED */
  takeOffTheWeb(found: FoundFunction, signal: AbortSignal): Promise<void>;
};

/** OpenWhisk hands out at most 200 in one answer. */
const PAGE_SIZE = 200;

const pair = z.object({ key: z.string(), value: z.unknown() });
const listed = z.array(z.object({ name: z.string(), namespace: z.string() }));
const action = z.object({
  version: z.string(),
  exec: z.object({
    kind: z.string(),
    code: z.string().optional(),
    binary: z.boolean().optional(),
    main: z.string().optional(),
  }),
  limits: z.object({ timeout: z.number(), memory: z.number() }),
  annotations: z.array(pair).default([]),
  parameters: z
    .array(pair.extend({ init: z.boolean().optional(), encryption: z.string().nullish() }))
    .default([]),
});

export function createDeployedFunctions(options: {
  readonly namespace: string;
  readonly call: PlatformCall;
}): DeployedFunctions {
  const path = `/api/v1/namespaces/${encodeURIComponent(options.namespace)}/actions`;
  const pathOf = (name: string) => `${path}/${name.split('/').map(encodeURIComponent).join('/')}`;
  return {
    async list(signal) {
      const names: string[] = [];
      for (let skip = 0; ; skip += PAGE_SIZE) {
        const what = 'list the functions';
        const query = `?limit=${PAGE_SIZE}&skip=${skip}`;
        const page = await callPlatform(
          options.call,
          { method: 'GET', path: `${path}${query}`, what },
          signal,
        );
        const found = page.parse(listed);
        // The package stands behind the namespace; a function outside any package has none.
        names.push(...found.map((one) => [...one.namespace.split('/').slice(1), one.name].join('/')));
        if (found.length < PAGE_SIZE) return names.sort();
      }
    },
    async find(name, signal) {
      const request = { method: 'GET', path: `${pathOf(name)}?code=true`, what: `read ${name}` } as const;
      const answer = await callPlatform(options.call, request, signal);
      return answer.isFound ? describe(name, answer.parse(action)) : undefined;
    },
    async takeOffTheWeb(found, signal) {
      const annotations = [
        ...found.annotations.filter(({ key }) => key !== 'web-export' && key !== 'raw-http'),
        { key: 'web-export', value: false },
        { key: 'raw-http', value: false },
      ];
      const request = {
        method: 'PUT',
        path: `${pathOf(found.name)}?overwrite=true`,
        // Only what is named is replaced; the annotations are replaced as a whole.
        body: { annotations },
        what: `take ${found.name} off the web`,
      } as const;
      await callPlatform(options.call, request, signal);
    },
  };
}

function describe(name: string, found: z.output<typeof action>): FoundFunction {
  const annotation = (key: string) => found.annotations.find((one) => one.key === key)?.value;
  const isOnWeb = annotation('web-export') === true;
  const webSecret = annotation('require-whisk-auth');
  const variables = found.parameters.filter((one) => one.init === true);
  return {
    name,
    version: found.version,
    runtime: found.exec.kind,
    main: found.exec.main ?? 'main',
    web: isOnWeb && annotation('raw-http') === true ? 'raw' : isOnWeb,
    hasWebSecret: webSecret !== undefined && webSecret !== false,
    timeoutMs: found.limits.timeout,
    memoryMb: found.limits.memory,
    codeSha256:
      found.exec.code === undefined
        ? undefined
        : sha256(Buffer.from(found.exec.code, found.exec.binary === false ? 'utf8' : 'base64')),
    environment: Object.fromEntries(
      variables.map(({ key, value, encryption }) => [
        key,
        typeof value === 'string' && !encryption ? value : undefined,
      ]),
    ),
    annotations: found.annotations.map(({ key, value }) => ({ key, value })),
  };
}

export function sha256(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}
