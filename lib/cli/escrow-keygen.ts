// `lcp escrow keygen`: makes the pair that protects keys between their making and their being shown.

import { createEscrowKeyPair } from '../keys/escrow.ts';
import type { CliEnvironment } from './environment.ts';

/** Prints two lines for .env. The private half belongs where keys are shown, never to control/sync. */
export async function escrowKeygenCommand(environment: CliEnvironment): Promise<number> {
  const pair = await createEscrowKeyPair();
  environment.print(
    `KEY_ESCROW_PUBLIC_KEY=${pair.publicKey}\nKEY_ESCROW_PRIVATE_KEY=${pair.privateKey.reveal()}\n`,
  );
  environment.printError(
    'Keep a copy of the private key where you keep other recovery secrets: keys that wait to be shown cannot be opened without it.\n',
  );
  return 0;
}
