// Shows a person their keys once. The ciphertext is destroyed in the same transaction that reads it, and the
// audit says who asked; the plaintext goes to the caller and nowhere else.

import type { EntraGroupId, EntraUserId, KeyHash } from '../ids.ts';
import type { Secret } from '../secret.ts';
import { recordAudit } from '../store/audit.ts';
import type { Database } from '../store/database.ts';
import { claimWaitingKeys, markKeyRevealed } from '../store/keys.ts';
import { openKey } from './escrow.ts';

export type RevealedKey = {
  readonly keyHash: KeyHash;
  readonly teamId: EntraGroupId;
  readonly plaintext: Secret;
};

export type RevealRequest = {
  readonly userId: EntraUserId;
  /** All teams when left out. */
  readonly teamId?: EntraGroupId | undefined;
  /** Who asks, for the audit: `cli:<login>`. */
  readonly actor: string;
  readonly now: Date;
};

/** Opens and destroys the waiting keys; nothing is destroyed when one of them does not open.
 *  @throws ControlError KEY_NOT_FOUND, ESCROW_INVALID */
export async function revealKeys(
  database: Database,
  keyPair: { publicKey: string; privateKey: Secret },
  { userId, teamId, actor, now }: RevealRequest,
): Promise<RevealedKey[]> {
  return database.transaction(async (transaction) => {
    const revealed: RevealedKey[] = [];
    for (const waiting of await claimWaitingKeys(transaction, userId, teamId)) {
      const plaintext = await openKey(waiting.jwe, keyPair);
      await markKeyRevealed(transaction, waiting.keyHash);
      revealed.push({ keyHash: waiting.keyHash, teamId: waiting.teamId, plaintext });
    }
    const entries = revealed.map(({ keyHash, teamId }) => ({
      actor,
      event: 'key_revealed',
      userId,
      teamId,
      keyHash,
    }));
    await recordAudit(transaction, entries, now);
    return revealed;
  });
}
