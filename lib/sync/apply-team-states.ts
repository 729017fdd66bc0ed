// Takes teams out of use and back, and gives teams back to the hands of others. Each step may be repeated: the marker
// in LiteLLM says last what is so.

import { ControlError } from '../errors.ts';
import type { Action } from './actions.ts';
import type { ApplyContext, Attempt } from './apply-context.ts';
import { markedMetadata, releasedMetadata } from './marker.ts';

type StateAction = Extract<Action, { kind: 'archive_team' | 'restore_team' | 'release_team' }>;

export async function applyTeamStates(
  actions: readonly StateAction[],
  context: ApplyContext,
  { attempt }: Attempt,
): Promise<void> {
  for (const action of actions) await attempt([action], () => applyTeamState(action, context));
}

async function applyTeamState({ kind, teamId, cause }: StateAction, context: ApplyContext): Promise<void> {
  const { gateway, journal, signal } = context;
  switch (kind) {
    case 'archive_team':
      await gateway.updateTeam(teamId, { metadata: markedMetadata({ archived: true }) }, signal);
      if ((await gateway.blockTeam(teamId, signal)) === 'absent') throw absent(teamId);
      return journal.record([{ event: 'team_archived', teamId, cause }]);
    case 'restore_team':
      if ((await gateway.unblockTeam(teamId, signal)) === 'absent') throw absent(teamId);
      await gateway.updateTeam(teamId, { metadata: markedMetadata() }, signal);
      return journal.record([{ event: 'team_restored', teamId, cause }]);
    case 'release_team':
      // Ours ends first: a run that is cut off here finds the team still marked, and releases it once more.
      await journal.recordTeamReleased(teamId, cause);
      await gateway.updateTeam(teamId, { metadata: releasedMetadata() }, signal);
      return;
  }
}

function absent(teamId: string): ControlError {
  const message = `Team ${teamId} is no longer in LiteLLM; the next run plans anew.`;
  return new ControlError('GATEWAY_REFUSED', message, { retryable: true, details: { teamId } });
}
