// No single bad read can remove people: whoever a plan would remove is asked about once more, each by name, with
// another question to Graph. Only where both agree the removal goes ahead.

import type { Access, Directory } from '../directory/directory.ts';
import type { Read } from '../directory/read.ts';
import type { EntraGroupId, EntraUserId } from '../ids.ts';
import type { Policy } from '../policy/schema.ts';
import { lostAccessCause } from './access.ts';
import { type Action, isRemoval } from './actions.ts';
import type { Refusal, Verdict } from './guard.ts';

/** `verdict` with every removal refused that Graph does not confirm. It asks nothing when nobody is removed. */
export async function confirmRemovals(
  verdict: Verdict,
  { policy, directory }: { readonly policy: Policy; readonly directory: Pick<Directory, 'readAccess'> },
  signal: AbortSignal,
): Promise<Verdict> {
  const mapped = new Set<EntraGroupId>(policy.groups.map((group) => group.entra_group));
  const byUser = Map.groupBy(
    verdict.allowed.filter(isRemoval).filter((action) => mapped.has(action.teamId)),
    (action) => action.userId,
  );
  if (byUser.size === 0) return verdict;
  const questions = [...byUser].map(([userId, actions]) => ({
    userId,
    groupIds: [...new Set(actions.map((action) => action.teamId))],
  }));
  return keepConfirmed(verdict, policy, await directory.readAccess(questions, signal));
}

/** The part of `verdict` that `access` confirms. Pure. */
export function keepConfirmed(
  verdict: Verdict,
  policy: Policy,
  access: ReadonlyMap<EntraUserId, Read<Access>>,
): Verdict {
  const groups = new Map<EntraGroupId, Policy['groups'][number]>(
    policy.groups.map((group) => [group.entra_group, group]),
  );
  const isConfirmed = ({ teamId, userId }: { teamId: EntraGroupId; userId: EntraUserId }) => {
    const group = groups.get(teamId);
    // A team that left the policy is not Graph's to confirm.
    return group === undefined || lostAccessCause(access.get(userId), group) !== undefined;
  };
  const unconfirmed = new Set(
    verdict.allowed
      .filter(isRemoval)
      .filter((action) => !isConfirmed(action))
      .map((action) => action.userId),
  );
  const reasonFor = (action: Action): Refusal['reason'] | undefined => {
    if (isRemoval(action)) return isConfirmed(action) ? undefined : 'not_confirmed';
    // A lower role follows a removal that did not happen.
    return action.kind === 'demote_user' && unconfirmed.has(action.userId)
      ? 'follows_held_removal'
      : undefined;
  };
  const refused = [...verdict.refused];
  const allowed = verdict.allowed.filter((action) => {
    const reason = reasonFor(action);
    if (reason !== undefined) refused.push({ action, reason });
    return reason === undefined;
  });
  return { ...verdict, allowed, refused };
}

/** Teams whose lists lacked somebody who is there: they are read again before anything is concluded from them. */
export function contradictedTeams(verdict: Verdict): ReadonlySet<EntraGroupId> {
  return new Set(
    verdict.refused.flatMap(({ action, reason }) =>
      reason === 'not_confirmed' && isRemoval(action) ? [action.teamId] : [],
    ),
  );
}
