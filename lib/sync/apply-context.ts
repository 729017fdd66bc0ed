// What the steps of apply are given, and how they report what became of each action.

import type { ControlError } from '../errors.ts';
import type { EntraGroupId, EntraUserId, KeyHash } from '../ids.ts';
import type { Secret } from '../secret.ts';
import type { Action } from './actions.ts';
import type { ApplyGateway } from './gateway-port.ts';
import type { Journal } from './journal.ts';

/** Makes a key and its ciphertext (lib/keys/mint.ts); nothing has it yet but the caller. */
export type MintKey = (owner: {
  readonly userId: EntraUserId;
  readonly teamId: EntraGroupId;
  readonly generation: number;
}) => Promise<{
  readonly plaintext: Secret;
  readonly keyHash: KeyHash;
  readonly alias: string;
  readonly jwe: string;
}>;

export type ApplyContext = {
  readonly gateway: ApplyGateway;
  readonly journal: Journal;
  readonly mintKey: MintKey;
  /** Calls to LiteLLM at the same time. Writes to one team never overlap. */
  readonly concurrency: number;
  /** Aborts when the lease is lost or the run must end now. */
  readonly signal: AbortSignal;
  /** False when too little time is left to begin another action. */
  readonly hasTime: () => boolean;
};

/** What the steps of apply share: each action is attempted at most once and its outcome kept. */
export type Attempt = {
  /** Runs `work` for `actions` together; false when it failed or was left. */
  attempt(actions: readonly Action[], work: () => Promise<void>): Promise<boolean>;
  /** An outcome decided by the step itself, for single members of a batch. */
  fail(action: Action, error: ControlError): void;
};
