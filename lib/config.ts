// Settings from the environment: each variable documented and checked where it is declared (lib/settings/), parsed once
// at the edge and passed down as values. The only file that knows process.env's form.

import * as z from 'zod';
import { describeProblems, problemsError } from './problems.ts';
import { AGENT_VARIABLES } from './settings/agent.ts';
import { DATA_PLANE_VARIABLES } from './settings/data-plane.ts';
import { ENTRA_VARIABLES } from './settings/entra.ts';
import { PEOPLE_VARIABLES } from './settings/people.ts';
import { PLATFORM_VARIABLES } from './settings/platform.ts';
import type { Variable } from './settings/shapes.ts';
import { SPACES_VARIABLES } from './settings/spaces.ts';

/** Every variable there is. */
export const VARIABLES = {
  ...ENTRA_VARIABLES,
  ...DATA_PLANE_VARIABLES,
  ...PEOPLE_VARIABLES,
  ...PLATFORM_VARIABLES,
  ...AGENT_VARIABLES,
  ...SPACES_VARIABLES,
} as const;

export type VariableName = keyof typeof VARIABLES;
export type Settings<Name extends VariableName> = {
  readonly [K in Name]: z.output<(typeof VARIABLES)[K]['schema']>;
};

/** What control/webhook may know: nothing of Entra, LiteLLM or the keys. */
export const WEBHOOK_SETTINGS = [
  'GRAPH_CLIENT_STATE',
  'WEBHOOK_DATABASE_URL',
  'DATA_PLANE_CA',
  'WEBHOOK_CLIENT_IDENTITY',
  'DO_API_HOST',
  'DO_NAMESPACE',
  'DO_FUNCTIONS_KEY',
] as const satisfies readonly VariableName[];

/** What control/portal may know: nothing that reads Graph or changes LiteLLM. */
export const PORTAL_SETTINGS = [
  'PUBLIC_BASE_URL',
  'PORTAL_CLIENT_ID',
  'PORTAL_CLIENT_SECRET',
  'PORTAL_SESSION_KEY',
  'PORTAL_DATABASE_URL',
  'DATA_PLANE_CA',
  'PORTAL_CLIENT_IDENTITY',
  'APPROVAL_LINK_KEY',
  'AZURE_TENANT_ID',
  'AZURE_AUTHORITY_HOST',
  'DO_API_HOST',
  'DO_NAMESPACE',
  'DO_FUNCTIONS_KEY',
] as const satisfies readonly VariableName[];

/** What control/agent may know: whose reports to believe, and where to leave them. */
export const AGENT_SETTINGS = [
  'AGENT_PUBLIC_KEY',
  'AGENT_DATABASE_URL',
  'DATA_PLANE_CA',
  'AGENT_CLIENT_IDENTITY',
  'DO_API_HOST',
  'DO_NAMESPACE',
] as const satisfies readonly VariableName[];

/** What opens the bucket in Spaces. */
export const SPACES_SETTINGS = [
  'SPACES_ENDPOINT',
  'SPACES_REGION',
  'SPACES_BUCKET',
  'SPACES_ACCESS_KEY_ID',
  'SPACES_SECRET_ACCESS_KEY',
] as const satisfies readonly VariableName[];

/** What control/backup may know: the bucket, and a role that reads the audit. */
export const BACKUP_SETTINGS = [
  'BACKUP_DATABASE_URL',
  'DATA_PLANE_CA',
  'BACKUP_CLIENT_IDENTITY',
  ...SPACES_SETTINGS,
] as const satisfies readonly VariableName[];

/** The named settings from `environment`; an empty value is a missing one.
 *  @throws ControlError CONFIG_INVALID that lists every problem, secrets redacted. */
export function parseSettings<Name extends VariableName>(
  names: readonly Name[],
  environment: Readonly<Record<string, string | undefined>>,
): Settings<Name> {
  const shape = Object.fromEntries(names.map((name) => [name, VARIABLES[name].schema]));
  const input = Object.fromEntries(names.map((name) => [name, environment[name]?.trim() || undefined]));
  const result = z.object(shape).safeParse(input, { reportInput: true });
  if (result.success) return result.data as Settings<Name>;
  const problems = describeProblems(result.error, {
    knownKeys: names,
    isSecret: (path) => isSecretName(String(path[0])),
  });
  throw problemsError(
    'The environment',
    problems.map((problem) => ({
      ...problem,
      message: `${problem.message} ${remedy(problem.path as VariableName)}`,
    })),
  );
}

function isSecretName(name: string): boolean {
  const variable: Variable | undefined = (VARIABLES as Record<string, Variable>)[name];
  return variable?.secret === true;
}

function remedy(name: VariableName): string {
  return `Set it in .env or in the environment: ${VARIABLES[name].about}`;
}
