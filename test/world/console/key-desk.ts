// Calls a model with a person's key. The key is revealed once, as its owner would do it, and from then on lives in
// this process's memory only: it is on no page, in no file and in no log. This is for the local world; the portal
// shows a key to its owner and forgets it.

import type { Clock } from '../../../lib/clock.ts';
import { isControlError } from '../../../lib/errors.ts';
import type { EntraGroupId, EntraUserId, KeyHash } from '../../../lib/ids.ts';
import { revealKeys } from '../../../lib/keys/reveal.ts';
import type { Secret } from '../../../lib/secret.ts';
import type { Database } from '../../../lib/store/database.ts';
import type { ModelAnswer } from '../call-model.ts';
import type { World } from '../world.ts';

export type KeyOwner = { readonly userId: EntraUserId; readonly teamId: EntraGroupId };

export type KeyCall =
  | ({ readonly kind: 'answered' } & ModelAnswer)
  /** There is no key that may be shown: none, not live, or shown before this console was started. */
  | { readonly kind: 'no-key' };

export type KeyDesk = {
  /** `keyHash` is the key that the person has in the team now, if any. */
  call(owner: KeyOwner, keyHash: KeyHash | undefined, model: string): Promise<KeyCall>;
};

export function createKeyDesk(world: World, database: Database, clock: Clock): KeyDesk {
  const shown = new Map<KeyHash, Secret>();
  const { escrowPublicKey: publicKey, escrowPrivateKey: privateKey } = world.secrets;

  async function reveal(owner: KeyOwner): Promise<void> {
    try {
      const request = { ...owner, actor: 'console:local', now: clock.now() };
      for (const { keyHash, plaintext } of await revealKeys(database, { publicKey, privateKey }, request)) {
        shown.set(keyHash, plaintext);
      }
    } catch (error) {
      if (!isControlError(error, 'KEY_NOT_FOUND')) throw error;
    }
  }

  return {
    async call(owner, keyHash, model) {
      if (keyHash === undefined) return { kind: 'no-key' };
      if (!shown.has(keyHash)) await reveal(owner);
      const key = shown.get(keyHash);
      if (key === undefined) return { kind: 'no-key' };
      return { kind: 'answered', ...(await world.callModel({ key, model })) };
    },
  };
}
