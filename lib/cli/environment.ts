// What a command is given from outside: variables, files, output, the time. Tests give their own.

import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { type Clock, systemClock } from '../clock.ts';
import { type Composition, composeSync, OPERATOR_SETTINGS } from '../composition.ts';
import { parseSettings, SPACES_SETTINGS } from '../config.ts';
import { ControlError } from '../errors.ts';
import { createLog, type Log } from '../log.ts';
import { joinMutualTls, type MutualTls } from '../mutual-tls.ts';
import type { Bucket } from '../objects/bucket.ts';
import { createSpacesBucket } from '../objects/spaces.ts';
import { parsePolicyText } from '../policy/policy.ts';
import type { Policy } from '../policy/schema.ts';
import type { Secret } from '../secret.ts';
import { createDatabase, type Database } from '../store/database.ts';
import { requireSchema } from '../store/schema.ts';

export type CliEnvironment = {
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** Results. */
  readonly print: (text: string) => void;
  /** Progress, logs and errors. */
  readonly printError: (text: string) => void;
  /** Who acts, for the audit. */
  readonly actor: string;
};

/** How long a command may take; a run leaves the rest to the next. */
const COMMAND_TIMEOUT_MS = 15 * 60_000;

export function systemEnvironment(): CliEnvironment {
  return {
    variables: process.env,
    clock: systemClock,
    print: (text) => process.stdout.write(text),
    printError: (text) => process.stderr.write(text),
    actor: `cli:${userInfo().username}`,
  };
}

/** The text of a file that a person wrote. @throws ControlError CONFIG_INVALID with `remedy` */
export function readInputFile(file: string, remedy: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new ControlError('CONFIG_INVALID', `Cannot read ${file}; ${remedy}`, { cause });
  }
}

/** @throws ControlError CONFIG_INVALID */
export function readPolicyFile(file: string): Policy {
  return parsePolicyText(readInputFile(file, 'run lcp where policy.yml is, or name it with --policy.'));
}

/** Runs `work` with the parts of a run and ends their connections after it. */
export async function withComposition<T>(
  environment: CliEnvironment,
  policyFile: string,
  work: (parts: Composition, run: { readonly deadlineAt: Date; readonly signal: AbortSignal }) => Promise<T>,
): Promise<T> {
  const settings = parseSettings(OPERATOR_SETTINGS, environment.variables);
  const policy = readPolicyFile(policyFile);
  const deadlineAt = new Date(environment.clock.now().getTime() + COMMAND_TIMEOUT_MS);
  const parts = composeSync({
    settings,
    tls: joinMutualTls(settings.DATA_PLANE_CA, settings.OPERATOR_CLIENT_IDENTITY),
    policy,
    clock: environment.clock,
    log: createCliLog(environment),
    codeVersion: 'cli',
    deadlineAt,
  });
  try {
    return await work(parts, { deadlineAt, signal: AbortSignal.timeout(COMMAND_TIMEOUT_MS) });
  } finally {
    await parts.close();
  }
}

/** The bucket in Spaces.
 *  @throws ControlError CONFIG_INVALID */
export function openBucket({ variables, clock }: CliEnvironment): Bucket {
  return createSpacesBucket(parseSettings(SPACES_SETTINGS, variables), clock);
}

export function createCliLog(environment: CliEnvironment): Log {
  return createLog({}, { write: environment.printError });
}

/** The control database, reached with the operator's own certificate. The caller closes it.
 *  @throws ControlError CONFIG_INVALID */
export function openControlDatabase({ variables }: CliEnvironment): Database {
  return createDatabase(controlDatabaseSettings(variables));
}

/** @throws ControlError CONFIG_INVALID */
export function controlDatabaseSettings(variables: CliEnvironment['variables']): {
  readonly url: Secret;
  readonly tls: MutualTls | undefined;
} {
  const names = ['CONTROL_DATABASE_URL', 'DATA_PLANE_CA', 'OPERATOR_CLIENT_IDENTITY'] as const;
  const settings = parseSettings(names, variables);
  return {
    url: settings.CONTROL_DATABASE_URL,
    tls: joinMutualTls(settings.DATA_PLANE_CA, settings.OPERATOR_CLIENT_IDENTITY),
  };
}

/** Runs `work` on the control database, when it is at the level of this code, and ends its connections after it. */
export async function withControlDatabase<T>(
  environment: CliEnvironment,
  work: (database: Database) => Promise<T>,
): Promise<T> {
  const database = openControlDatabase(environment);
  try {
    await requireSchema(database);
    return await work(database);
  } finally {
    await database.close();
  }
}
