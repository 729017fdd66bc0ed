// Takes access away. First every leaver's keys are blocked by hash, for all teams at once: that is what ends
// access, and it does not depend on membership. Then, one after the other within a team, the keys are detached
// (leaving a team makes LiteLLM delete the keys that carry it, and a rejoin must find them) and the membership ends.

import pLimit from 'p-limit';
import type { EntraGroupId, EntraUserId } from '../ids.ts';
import { type Action, isRemoval } from './actions.ts';
import type { ApplyContext, Attempt } from './apply-context.ts';

type KeyBlockAction = Extract<Action, { kind: 'block_key' }>;
type Removal = {
  readonly person: { readonly teamId: EntraGroupId; readonly userId: EntraUserId };
  readonly blocks: readonly KeyBlockAction[];
  readonly membership: Extract<Action, { kind: 'remove_member' }> | undefined;
};

export async function applyRemovals(
  allowed: readonly Action[],
  context: ApplyContext,
  { attempt }: Attempt,
): Promise<void> {
  const limit = pLimit(context.concurrency);
  const removals = groupRemovals(allowed);

  const blocked = await limit.map(removals, (removal) => {
    const actions =
      removal.blocks.length > 0
        ? removal.blocks
        : [removal.membership].filter((action) => action !== undefined);
    return attempt(actions, () => blockKeys(removal, context));
  });

  const byTeam = Map.groupBy(
    removals.filter((_, i) => blocked[i]),
    (removal) => removal.person.teamId,
  );
  await limit.map([...byTeam.values()], async (ofTeam) => {
    for (const removal of ofTeam) {
      const actions = removal.membership ? [...removal.blocks, removal.membership] : removal.blocks;
      await attempt(actions, () => endMembership(removal, context));
    }
  });
}

async function blockKeys(
  { person, blocks }: Removal,
  { gateway, journal, signal }: ApplyContext,
): Promise<void> {
  await journal.beginRemoval(person, blocks);
  await Promise.all(
    blocks.filter((block) => !block.heldByHand).map((block) => gateway.blockKey(block.keyHash, signal)),
  );
  await journal.recordBlocked(person, blocks);
}

async function endMembership(
  { person, blocks, membership }: Removal,
  { gateway, journal, signal }: ApplyContext,
): Promise<void> {
  await Promise.all(blocks.map((block) => gateway.moveKey(block.keyHash, null, signal)));
  if (!membership) return;
  const outcome = await gateway.removeTeamMember(person.teamId, person.userId, signal);
  await journal.recordMemberRemoved(person, membership.cause, outcome);
}

function groupRemovals(allowed: readonly Action[]): Removal[] {
  const groups = Map.groupBy(allowed.filter(isRemoval), (action) => `${action.teamId}/${action.userId}`);
  return [...groups.values()].flatMap((actions) => {
    const first = actions[0];
    if (!first) return [];
    return {
      person: { teamId: first.teamId, userId: first.userId },
      blocks: actions.filter((action) => action.kind === 'block_key'),
      membership: actions.find((action) => action.kind === 'remove_member'),
    };
  });
}
