// Carries out what the guard allowed, exactly that, revocations first. Every action ends as done, failed or left
// for the next run; one that fails holds up only what depends on it.

import { type ControlError, isControlError } from '../errors.ts';
import type { EntraGroupId, EntraUserId, KeyHash } from '../ids.ts';
import type { Secret } from '../secret.ts';
import type { Action } from './actions.ts';
import { applyKeys } from './apply-keys.ts';
import { applyRemovals } from './apply-removals.ts';
import { applyTeams } from './apply-teams.ts';
import { changeUsers, createUsers } from './apply-users.ts';
import type { ApplyGateway } from './gateway-port.ts';
import type { Journal } from './journal.ts';

export type Outcome =
  | { readonly status: 'done' }
  | { readonly status: 'failed'; readonly error: ControlError }
  /** Not attempted: the time ran out, the lease was lost, or what it depends on failed. */
  | { readonly status: 'left' };

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

/** The outcome of every action of `allowed`. Throws nothing but what is a defect of ours. */
export async function applyPlan(
  allowed: readonly Action[],
  context: ApplyContext,
): Promise<ReadonlyMap<Action, Outcome>> {
  const outcomes = new Map<Action, Outcome>(allowed.map((action) => [action, { status: 'left' }]));
  let leaseLost = false;
  const attempt: Attempt = {
    async attempt(actions, work) {
      if (leaseLost || context.signal.aborted || !context.hasTime()) return false;
      try {
        for (const action of actions) outcomes.set(action, { status: 'done' });
        await work();
        return true;
      } catch (error) {
        leaseLost ||= isControlError(error, 'LEASE_LOST');
        for (const action of actions) outcomes.set(action, outcomeOf(error, context.signal));
        return false;
      }
    },
    fail: (action, error) => outcomes.set(action, { status: 'failed', error }),
  };

  await applyRemovals(allowed, context, attempt);
  await changeUsers(ofKind(allowed, 'demote_user'), context, attempt);
  await createUsers(ofKind(allowed, 'create_user'), context, attempt);
  await applyTeams(allowed, context, attempt);
  await changeUsers(ofKind(allowed, 'update_user'), context, attempt);
  const missing = ofKind(allowed, 'add_member').filter((action) => outcomes.get(action)?.status !== 'done');
  await applyKeys(allowed, missing, context, attempt);
  return outcomes;
}

function ofKind<Kind extends Action['kind']>(
  actions: readonly Action[],
  kind: Kind,
): Extract<Action, { kind: Kind }>[] {
  return actions.filter((action): action is Extract<Action, { kind: Kind }> => action.kind === kind);
}

function outcomeOf(error: unknown, signal: AbortSignal): Outcome {
  if (isControlError(error, 'LEASE_LOST') || signal.aborted) return { status: 'left' };
  if (isControlError(error)) return { status: 'failed', error };
  throw error;
}
