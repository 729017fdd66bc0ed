// `lcp key test`: a key to try things with, which ends by itself.

import { randomUUID } from 'node:crypto';
import { parseEntraGroupId, parseEntraUserId, parseRunId } from '../ids.ts';
import { mintTestKey } from '../sync/mint-test-key.ts';
import { type CliEnvironment, withComposition } from './environment.ts';

export type TestKeyOptions = { readonly user: string; readonly team: string; readonly policy: string };

/** Prints the key, alone on its line, and on the error stream what it may do. */
export async function keyTestCommand(environment: CliEnvironment, options: TestKeyOptions): Promise<number> {
  const [userId, teamId] = [parseEntraUserId(options.user), parseEntraGroupId(options.team)];
  return withComposition(environment, options.policy, async (parts, { signal }) => {
    const runId = parseRunId(randomUUID());
    const key = await mintTestKey(parts, { userId, teamId, runId, actor: environment.actor, signal });
    const { hours, max_budget: budget } = parts.policy.test_keys;
    environment.printError(`Works for ${hours} hours, for at most ${budget} US dollars; shown this once.\n`);
    environment.print(`${key.reveal()}\n`);
    return 0;
  });
}
