// Reads project.yml by the rules of DigitalOcean's deployer, with every problem at once where the deployer stops at
// the first: https://github.com/digitalocean/functions-deployer src/util.ts, validateDeployConfig

import { parse } from 'yaml';
import type * as z from 'zod';
import { describeProblems, type Problem, problemsError } from '../problems.ts';
import { PLATFORM_LIMITS } from './limits.ts';
import { PROJECT_KEYS, projectSchema } from './project-schema.ts';
import { type Environment, fillTemplate, hasForeignTemplate } from './template.ts';

export type FunctionTrigger = {
  readonly name: string;
  /** Five fields, UTC. */
  readonly cron: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly isEnabled: boolean;
};

export type FunctionDeployment = {
  /** Package and function, such as `control/sync`. */
  readonly name: string;
  readonly packageName: string;
  readonly functionName: string;
  readonly runtime: string;
  /** Name of the export that is called. */
  readonly main: string;
  /** `raw` hands over the request as it came, true hands over parsed parameters, false is not on the web. */
  readonly web: boolean | 'raw';
  /** The value callers must send as X-Require-Whisk-Auth, if any. */
  readonly webSecret: string | undefined;
  readonly timeoutMs: number;
  readonly memoryMb: number;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly environment: Readonly<Record<string, string>>;
  readonly triggers: readonly FunctionTrigger[];
};

const FILLED_IN: ReadonlySet<string> = new Set(['environment', 'parameters', 'webSecure', 'body']);

/** The functions a deployment of this project.yml would make, with `values` for its ${NAME}s.
 *  @throws ControlError CONFIG_INVALID with every problem. */
export function readProject(text: string, values: Environment): FunctionDeployment[] {
  const filled = fillTemplate(text, values);
  const problems: Problem[] = filled.missing.map((name) => ({
    path: name,
    message: 'It is unset or empty; give it a value in .env.',
  }));
  if (hasForeignTemplate(text)) {
    problems.push({
      path: '(template)',
      message: 'Only a variable name in dollar and braces is filled in here.',
    });
  }
  const value = parseYaml(filled.text, problems);
  const result = projectSchema.safeParse(value, { reportInput: true });
  if (!result.success && value !== undefined) {
    // What a variable may have filled in is a secret until proven otherwise.
    const isSecret = (path: readonly PropertyKey[]) => path.some((key) => FILLED_IN.has(String(key)));
    problems.push(...describeProblems(result.error, { knownKeys: PROJECT_KEYS, isSecret }));
  }
  if (!result.success || problems.length > 0) throw problemsError('project.yml', problems);
  return describeFunctions(result.data);
}

function parseYaml(text: string, problems: Problem[]): unknown {
  if (text.includes('\t')) problems.push({ path: '(syntax)', message: 'YAML may not contain tabs here.' });
  try {
    return parse(text);
  } catch (error) {
    // Only the place: the message of the parser quotes the line, and the line may hold a secret by now.
    const line = (error as { linePos?: [{ line: number }] }).linePos?.[0].line;
    const message = 'Not valid YAML; a variable on that line may hold a quote.';
    problems.push({ path: '(syntax)', message, ...(line === undefined ? {} : { line }) });
    return undefined;
  }
}

function describeFunctions(project: z.output<typeof projectSchema>): FunctionDeployment[] {
  return project.packages.flatMap((inPackage) =>
    (inPackage.functions ?? []).map((entry) => ({
      name: `${inPackage.name}/${entry.name}`,
      packageName: inPackage.name,
      functionName: entry.name,
      runtime: entry.runtime ?? 'nodejs:default',
      main: entry.main ?? 'main',
      // src/project-reader.ts, adjustWebExportFlags: what says nothing is public.
      web: entry.web ?? inPackage.web ?? true,
      webSecret: entry.webSecure === false ? undefined : entry.webSecure,
      timeoutMs: entry.limits?.timeout ?? PLATFORM_LIMITS.timeoutMs.whenOmitted,
      memoryMb: entry.limits?.memory ?? PLATFORM_LIMITS.memoryMb.whenOmitted,
      parameters: { ...project.parameters, ...inPackage.parameters, ...entry.parameters },
      environment: { ...project.environment, ...inPackage.environment, ...entry.environment },
      triggers: (entry.triggers ?? []).map((item) => ({
        name: item.name,
        cron: item.scheduledDetails.cron,
        body: item.scheduledDetails.body ?? {},
        isEnabled: item.enabled !== false,
      })),
    })),
  );
}
