// Makes teams, keeps their settings, and adds members: one team after the other is not needed, but writes to one
// team never overlap, and what LiteLLM says it added is read back (it answers 200 and loses concurrent additions,
// BerriAI/litellm#25951).

import pLimit from 'p-limit';
import { ControlError } from '../errors.ts';
import type { EntraGroupId, EntraUserId } from '../ids.ts';
import type { Action } from './actions.ts';
import type { ApplyContext, Attempt } from './apply-context.ts';
import { isManaged, markedMetadata } from './marker.ts';

/** People in one call: 100 take LiteLLM about two seconds (56 a second, facts). */
const MEMBERS_PER_CALL = 100;

type Addition = Extract<Action, { kind: 'add_member' }>;
type TeamWork = {
  readonly teamId: EntraGroupId;
  readonly create: Extract<Action, { kind: 'create_team' }> | undefined;
  readonly update: Extract<Action, { kind: 'update_team' }> | undefined;
  readonly additions: readonly Addition[];
};

export async function applyTeams(
  allowed: readonly Action[],
  context: ApplyContext,
  steps: Attempt,
): Promise<void> {
  const limit = pLimit(context.concurrency);
  await limit.map(groupByTeam(allowed), (work) => applyTeam(work, context, steps));
}

async function applyTeam(
  { teamId, create, update, additions }: TeamWork,
  context: ApplyContext,
  steps: Attempt,
): Promise<void> {
  let rest = additions;
  if (create) {
    const first = additions.slice(0, MEMBERS_PER_CALL);
    rest = additions.slice(MEMBERS_PER_CALL);
    if (!(await steps.attempt([create, ...first], () => createTeam(create, first, context, steps)))) return;
  }
  if (update) {
    await steps.attempt([update], async () => {
      await context.gateway.updateTeam(teamId, update.after, context.signal);
      const details = { before: update.before, after: update.after };
      await context.journal.record([{ event: 'team_updated', teamId, cause: update.cause, details }]);
    });
  }
  for (let i = 0; i < rest.length; i += MEMBERS_PER_CALL) {
    const chunk = rest.slice(i, i + MEMBERS_PER_CALL);
    await steps.attempt(chunk, () => addMembers(teamId, chunk, context, steps));
  }
}

async function createTeam(
  create: Extract<Action, { kind: 'create_team' }>,
  additions: readonly Addition[],
  context: ApplyContext,
  steps: Attempt,
): Promise<void> {
  const { gateway, journal, signal } = context;
  const { teamId, settings, cause } = create;
  const memberUserIds = additions.map((action) => action.userId);
  await journal.beginMembers(teamId, memberUserIds);
  const outcome = await gateway.createTeam(
    { teamId, ...settings, metadata: markedMetadata(), memberUserIds },
    signal,
  );
  if (outcome === 'already-exists') {
    // Ours from a run whose answer was lost, or made by hand since we looked: then it is not ours to fill.
    const existing = await gateway.readTeam(teamId, signal);
    if (!existing || !isManaged(existing)) {
      throw new ControlError(
        'GATEWAY_REFUSED',
        `Team ${teamId} was made by hand meanwhile; nothing in it is touched.`,
        { details: { teamId } },
      );
    }
  } else {
    await journal.record([{ event: 'team_created', teamId, cause, details: { after: settings } }]);
  }
  await confirmMembers(teamId, additions, context, steps);
}

async function addMembers(
  teamId: EntraGroupId,
  additions: readonly Addition[],
  context: ApplyContext,
  steps: Attempt,
): Promise<void> {
  const userIds = additions.map((action) => action.userId);
  await context.journal.beginMembers(teamId, userIds);
  await context.gateway.addTeamMembers(teamId, userIds, context.signal);
  await confirmMembers(teamId, additions, context, steps);
}

/** Reads the team back; asks once more for who is missing; who is missing then has failed, the others are done. */
async function confirmMembers(
  teamId: EntraGroupId,
  additions: readonly Addition[],
  context: ApplyContext,
  steps: Attempt,
): Promise<void> {
  const { gateway, journal, signal } = context;
  if (additions.length === 0) return;
  let missing = await findMissing(teamId, additions, context);
  if (missing.length > 0) {
    await gateway.addTeamMembers(
      teamId,
      missing.map((action) => action.userId),
      signal,
    );
    missing = await findMissing(teamId, additions, context);
  }
  const lost = new Set(missing);
  await journal.record(
    additions
      .filter((action) => !lost.has(action))
      .map(({ userId, cause }) => ({ event: 'member_added', teamId, userId, cause })),
  );
  for (const action of missing) {
    const message = `LiteLLM answered 200 but team ${teamId} lacks the member; the next run tries again.`;
    steps.fail(
      action,
      new ControlError('GATEWAY_WRITE_LOST', message, {
        retryable: true,
        details: { teamId, userId: action.userId },
      }),
    );
  }
}

async function findMissing(
  teamId: EntraGroupId,
  additions: readonly Addition[],
  { gateway, signal }: ApplyContext,
): Promise<Addition[]> {
  const team = await gateway.readTeam(teamId, signal);
  const present = new Set<string>(team?.members.map((member) => member.userId));
  return additions.filter((action) => !present.has(action.userId satisfies EntraUserId));
}

function groupByTeam(allowed: readonly Action[]): TeamWork[] {
  const relevant = allowed.filter(
    (action) =>
      action.kind === 'create_team' || action.kind === 'update_team' || action.kind === 'add_member',
  );
  return [...Map.groupBy(relevant, (action) => action.teamId)].map(([teamId, actions]) => ({
    teamId,
    create: actions.find((action) => action.kind === 'create_team'),
    update: actions.find((action) => action.kind === 'update_team'),
    additions: actions.filter((action) => action.kind === 'add_member'),
  }));
}
