// `lcp key reveal`: stands in for the portal until that exists. Shows a person's waiting keys once.

import { parseSettings } from '../config.ts';
import { parseEntraGroupId, parseEntraUserId } from '../ids.ts';
import { revealKeys } from '../keys/reveal.ts';
import { isConfirmed } from './confirm.ts';
import { type CliEnvironment, openControlDatabase } from './environment.ts';

export type RevealOptions = { readonly user: string; readonly team?: string; readonly yes: boolean };

/** Prints `team key` lines; each key is destroyed in the store as it is shown. 1 when the answer was no. */
export async function keyRevealCommand(environment: CliEnvironment, options: RevealOptions): Promise<number> {
  const settings = parseSettings(['KEY_ESCROW_PUBLIC_KEY', 'KEY_ESCROW_PRIVATE_KEY'], environment.variables);
  const userId = parseEntraUserId(options.user);
  const teamId = options.team === undefined ? undefined : parseEntraGroupId(options.team);
  if (
    !options.yes &&
    !(await isConfirmed('This shows each waiting key once and destroys the stored copy. Show it now? [y/N] '))
  ) {
    environment.printError('Nothing was shown. Answer y, or pass --yes where there is no terminal.\n');
    return 1;
  }
  const database = openControlDatabase(environment);
  try {
    const pair = { publicKey: settings.KEY_ESCROW_PUBLIC_KEY, privateKey: settings.KEY_ESCROW_PRIVATE_KEY };
    const request = { userId, teamId, actor: environment.actor, now: environment.clock.now() };
    for (const key of await revealKeys(database, pair, request))
      environment.print(`${key.teamId} ${key.plaintext.reveal()}\n`);
    return 0;
  } finally {
    await database.close();
  }
}
