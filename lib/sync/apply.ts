// Carries out what the guard allowed, exactly that, revocations first. Every action ends as done, failed or left
// for the next run; one that fails holds up only what depends on it.

import { type ControlError, isControlError } from '../errors.ts';
import { type Action, isRemoval } from './actions.ts';
import type { ApplyContext, Attempt } from './apply-context.ts';
import { applyKeys } from './apply-keys.ts';
import { applyRemovals } from './apply-removals.ts';
import { applyTeamStates } from './apply-team-states.ts';
import { applyTeams } from './apply-teams.ts';
import { changeUsers, createUsers, deleteUsers } from './apply-users.ts';

export type Outcome =
  | { readonly status: 'done' }
  | { readonly status: 'failed'; readonly error: ControlError }
  /** Not attempted: the time ran out, the lease was lost, or what it depends on failed. */
  | { readonly status: 'left' };

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
  const isDone = (action: Action) => outcomes.get(action)?.status === 'done';
  const unfinished = new Set(
    allowed.filter(isRemoval).flatMap((action) => (isDone(action) ? [] : action.teamId)),
  );
  const archived = ofKind(allowed, 'archive_team').filter((action) => !unfinished.has(action.teamId));
  const states = [...archived, ...ofKind(allowed, 'release_team'), ...ofKind(allowed, 'restore_team')];
  await applyTeamStates(states, context, attempt);
  await createUsers(ofKind(allowed, 'create_user'), context, attempt);
  await applyTeams(allowed, context, attempt);
  await changeUsers(ofKind(allowed, 'update_user'), context, attempt);
  const missing = ofKind(allowed, 'add_member').filter((action) => outcomes.get(action)?.status !== 'done');
  await applyKeys(allowed, missing, context, attempt);
  await deleteUsers(ofKind(allowed, 'delete_user'), context, attempt);
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
