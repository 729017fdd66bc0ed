// The form of project.yml by the rules of DigitalOcean's deployer, made stricter by the platform's limits.
// https://github.com/digitalocean/functions-deployer src/util.ts, validateDeployConfig

import * as z from 'zod';
import { NODE_RUNTIMES, PLATFORM_LIMITS } from './limits.ts';

const dictionary = z.record(z.string(), z.unknown());
const environment = z.record(z.string(), z.string({ error: 'Expected a string; put the value in quotes.' }));
const web = z.union([z.boolean(), z.literal('raw')], { error: "Expected true, false or 'raw'." });
const whole = (unit: string, { smallest, largest }: { smallest: number; largest: number }) =>
  z
    .int({ error: `Expected ${unit} as a whole number.` })
    .min(smallest, { error: `Expected at least ${smallest} ${unit}.` })
    .max(largest, { error: `Expected at most ${largest} ${unit}.` });

const trigger = z.strictObject({
  name: z.string(),
  type: z
    .string({ error: 'Expected SCHEDULED.' })
    .refine((value) => value.toUpperCase() === 'SCHEDULED', { error: 'Expected SCHEDULED.' }),
  enabled: z.boolean().optional(),
  scheduledDetails: z.strictObject({
    // The five fields of crontab; the functions host has croner judge the values.
    cron: z
      .string({ error: 'Expected a cron expression.' })
      .regex(/^[\dA-Za-z*,/-]+(\s+[\dA-Za-z*,/-]+){4}$/, {
        error: 'Expected a cron expression of five fields.',
      }),
    body: dictionary.optional(),
  }),
});

const deployedFunction = z.strictObject({
  name: z.string(),
  runtime: z.enum(NODE_RUNTIMES, { error: `Expected one of ${NODE_RUNTIMES.join(', ')}.` }).optional(),
  main: z.string().optional(),
  web: web.optional(),
  webSecure: z.union([z.literal(false), z.string()], { error: 'Expected false or a string.' }).optional(),
  annotations: dictionary.optional(),
  parameters: dictionary.optional(),
  environment: environment.optional(),
  limits: z
    .strictObject({
      timeout: whole('milliseconds', PLATFORM_LIMITS.timeoutMs).optional(),
      memory: whole('megabytes', PLATFORM_LIMITS.memoryMb).optional(),
      logs: z.number().optional(),
    })
    .optional(),
  triggers: z.array(trigger).optional(),
});

/** project.yml as the deployer accepts it, and what the platform would refuse after it. */
export const projectSchema = z
  .strictObject({
    targetNamespace: z.string().optional(),
    parameters: dictionary.optional(),
    environment: environment.optional(),
    packages: z.array(
      z.strictObject({
        name: z.string(),
        shared: z.boolean().optional(),
        web: web.optional(),
        annotations: dictionary.optional(),
        parameters: dictionary.optional(),
        environment: environment.optional(),
        functions: z.array(deployedFunction).optional(),
      }),
    ),
  })
  .superRefine((project, context) => {
    const triggers = project.packages.flatMap((p) => p.functions ?? []).flatMap((f) => f.triggers ?? []);
    if (triggers.length > PLATFORM_LIMITS.triggerCount) {
      const message = `The platform allows ${PLATFORM_LIMITS.triggerCount} triggers in a namespace.`;
      context.addIssue({ code: 'custom', path: ['packages'], input: triggers.length, message });
    }
    const twice = triggers.map((t) => t.name).find((name, i, names) => names.indexOf(name) !== i);
    if (twice !== undefined) {
      const message = 'A trigger name must be unique in the namespace.';
      context.addIssue({ code: 'custom', path: ['packages'], input: twice, message });
    }
  });

/** Every key of project.yml, for "did you mean". */
export const PROJECT_KEYS = [
  ...Object.keys(projectSchema.shape),
  ...Object.keys(projectSchema.shape.packages.element.shape),
  ...Object.keys(deployedFunction.shape),
  ...Object.keys(trigger.shape),
  ...['timeout', 'memory', 'logs', 'cron', 'body'],
];
