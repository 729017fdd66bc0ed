// The scheduler triggers of a functions namespace, in DigitalOcean's API. They can be made and corrected here; nothing
// is ever deleted. The deployer's own way, delete and make anew, leaves none when it is cut off in between.
// https://github.com/digitalocean/openapi specification/resources/functions/operations ; answers as doctl reads them
// (github.com/digitalocean/doctl do/serverless.go, ServerlessTrigger)

import * as z from 'zod';
import { ControlError } from '../errors.ts';
import { callPlatform, type PlatformCall } from './platform-call.ts';
import type { FunctionTrigger } from './project.ts';

/** A trigger and the function it starts, such as `control/sync`. */
export type BoundTrigger = FunctionTrigger & { readonly functionName: string };

export type Triggers = {
  /** Sorted by name. @throws ControlError PLATFORM_UNAVAILABLE, DEPLOY_REFUSED */
  list(signal: AbortSignal): Promise<BoundTrigger[]>;
  /** @throws ControlError PLATFORM_UNAVAILABLE, DEPLOY_REFUSED (also when one of this name exists) */
  create(trigger: BoundTrigger, signal: AbortSignal): Promise<void>;
  /** Its schedule, body and whether it is on; the function stays. A repeat is harmless.
   *  @throws ControlError PLATFORM_UNAVAILABLE, DEPLOY_REFUSED */
  correct(trigger: BoundTrigger, signal: AbortSignal): Promise<void>;
};

const answer = z.object({
  triggers: z
    .array(
      z.object({
        name: z.string(),
        function: z.string(),
        is_enabled: z.boolean(),
        scheduled_details: z.object({
          cron: z.string(),
          body: z.record(z.string(), z.unknown()).nullish(),
        }),
      }),
    )
    .nullish(),
});

export function createTriggers(options: {
  readonly namespace: string;
  readonly call: PlatformCall;
}): Triggers {
  const path = `/v2/functions/namespaces/${encodeURIComponent(options.namespace)}/triggers`;
  const details = ({ isEnabled, cron, body }: BoundTrigger) => ({
    is_enabled: isEnabled,
    scheduled_details: { cron, body },
  });
  return {
    async list(signal) {
      const request = { method: 'GET', path, what: 'list the triggers' } as const;
      const found = await callPlatform(options.call, request, signal);
      if (!found.isFound) {
        const message = `DigitalOcean knows no namespace ${options.namespace} of this token; correct DO_NAMESPACE or the token.`;
        throw new ControlError(options.call.codes.refused, message);
      }
      const { triggers } = found.parse(answer);
      return (triggers ?? [])
        .map((one) => ({
          name: one.name,
          functionName: one.function,
          cron: one.scheduled_details.cron,
          body: one.scheduled_details.body ?? {},
          isEnabled: one.is_enabled,
        }))
        .sort((a, b) => (a.name < b.name ? -1 : 1));
    },
    async create(trigger, signal) {
      const { name, functionName } = trigger;
      const body = { name, function: functionName, type: 'SCHEDULED', ...details(trigger) };
      await callPlatform(
        options.call,
        { method: 'POST', path, body, what: `make the trigger ${name}` },
        signal,
      );
    },
    async correct(trigger, signal) {
      const { name } = trigger;
      const request = { path: `${path}/${encodeURIComponent(name)}`, body: details(trigger) };
      await callPlatform(
        options.call,
        { method: 'PUT', ...request, what: `correct the trigger ${name}` },
        signal,
      );
    },
  };
}
