// `lcp key rotate`: new keys beside the old ones, which work on for the grace of policy.yml.

import { randomUUID } from 'node:crypto';
import { ControlError } from '../errors.ts';
import { parseEntraGroupId, parseEntraUserId, parseRunId } from '../ids.ts';
import { listRotatable, type RotationSelection } from '../store/key-rotation.ts';
import { beginRotation } from '../sync/rotate.ts';
import { isConfirmed } from './confirm.ts';
import { type CliEnvironment, createCliLog, readPolicyFile, withControlDatabase } from './environment.ts';

export type RotateOptions = {
  readonly user?: string;
  readonly team?: string;
  readonly olderThan?: string;
  readonly policy: string;
  readonly dryRun: boolean;
  readonly yes: boolean;
};

const TIMEOUT_MS = 60_000;

/** 0 also when there is nothing to rotate; 1 when the answer was no. */
export async function keyRotateCommand(environment: CliEnvironment, options: RotateOptions): Promise<number> {
  const selection = parseSelection(options);
  const policy = readPolicyFile(options.policy);
  return withControlDatabase(environment, async (database) => {
    const due = await listRotatable(database, selection);
    const count = due.length === 1 ? '1 key' : `${due.length} keys`;
    if (due.length === 0 || options.dryRun) {
      const lines = due.map((key) => `  ${key.keyHash.slice(0, 8)}  ${key.userId}  ${key.teamId}\n`);
      environment.print(
        due.length === 0
          ? 'Nothing to rotate: no live key is meant, or each was rotated and its predecessor still works.\n'
          : `would rotate ${count}:\n${lines.join('')}`,
      );
      return 0;
    }
    const question = `Rotate ${count}? Each works for ${policy.rotation.grace_hours} more hours. [y/N] `;
    if (!options.yes && !(await isConfirmed(question))) {
      environment.printError('Nothing was rotated. Answer y, or pass --yes where there is no terminal.\n');
      return 1;
    }
    const { clock, actor } = environment;
    const request = { runId: parseRunId(randomUUID()), actor, signal: AbortSignal.timeout(TIMEOUT_MS) };
    const parts = { database, policy, clock, log: createCliLog(environment) };
    const rotated = await beginRotation(parts, selection, request);
    environment.print(
      `Rotation of ${rotated.length} begun. The next run makes the new keys, within five minutes; \`lcp apply\` does at once. Their owners pick them up and have ${policy.rotation.grace_hours} hours to change over.\n`,
    );
    return 0;
  });
}

/** Everything at once only when it is said: --older-than 0. */
function parseSelection({ user, team, olderThan }: RotateOptions): RotationSelection {
  if (user === undefined && team === undefined && olderThan === undefined) {
    const message = 'Say whose keys: --user, --team or --older-than <days>; together they narrow it.';
    throw new ControlError('CONFIG_INVALID', message);
  }
  if (olderThan !== undefined && !/^\d{1,5}$/.test(olderThan))
    throw new ControlError('CONFIG_INVALID', '--older-than must be a whole number of days.');
  return {
    userId: user === undefined ? undefined : parseEntraUserId(user),
    teamId: team === undefined ? undefined : parseEntraGroupId(team),
    olderThanDays: olderThan === undefined ? undefined : Number(olderThan),
  };
}
