// Takes an upgrade from its recorded phase to its end: record what comes next, do it, decide by how it went.

import { ControlError } from '../../errors.ts';
import { decideNext, type UpgradeEvent, type UpgradePhase, type UpgradeStep } from './decision.ts';
import type { UpgradeSession, UpgradeState } from './session.ts';

export type UpgradeOutcome =
  | { readonly status: 'upgraded' }
  | { readonly status: 'returned' | 'unchanged'; readonly reason: string };

/** Runs `state` to its end; a state that was found unfinished goes on from there.
 *  @throws ControlError UPGRADE_STUCK, DROPLET_UNREACHABLE: a repeat goes on */
export async function runUpgrade(
  session: UpgradeSession,
  begun: { readonly state: UpgradeState; readonly isFound: boolean },
  tell: (line: string) => void,
): Promise<UpgradeOutcome> {
  let { state } = begun;
  let step: UpgradeStep = begun.isFound
    ? decideNext(state.phase, 'interrupted')
    : { kind: 'run', phase: state.phase };
  while (step.kind === 'run') {
    state = { ...state, phase: step.phase };
    await session.recordState(state);
    tell(`${describePhase(state)} …`);
    const { isDone, words } = await session.runPhase(state.phase, state);
    tell(isDone ? `  ${words === '' ? 'done' : words}` : `  FAILED: ${words}`);
    const event: UpgradeEvent = isDone ? 'done' : 'failed';
    // The first failure is the reason; what fails on the way back must not hide it.
    if (!isDone && state.reason === '') state = { ...state, reason: `${describePhase(state)}: ${words}` };
    step = decideNext(state.phase, event);
  }
  if (step.kind === 'stuck') {
    await session.recordState({ ...state, phase: step.phase });
    throw stuck(state, step.phase);
  }
  await session.recordState({ ...state, status: step.outcome });
  return step.outcome === 'upgraded'
    ? { status: 'upgraded' }
    : { status: step.outcome, reason: state.reason };
}

/** What a phase does, in words. */
export function describePhase({ phase, from, to }: Pick<UpgradeState, 'phase' | 'from' | 'to'>): string {
  const words: Readonly<Record<UpgradePhase, string>> = {
    preparing: `resolve the digest of LiteLLM ${to} and fetch the image`,
    stopping: 'stop LiteLLM, so that nothing is written that a return would lose',
    backing_up: 'back up the database litellm and check the backup',
    migrating: `migrate the database with LiteLLM ${to}`,
    starting: `start LiteLLM ${to}`,
    checking: `check that LiteLLM ${to} serves`,
    restoring: 'bring the database back as it was before the migration',
    starting_previous: `start LiteLLM ${from}`,
    checking_previous: `check that LiteLLM ${from} serves`,
  };
  return words[phase];
}

function stuck(state: UpgradeState, phase: UpgradePhase): ControlError {
  const next =
    phase === 'restoring'
      ? 'The database is as the migration left it, LiteLLM is stopped, and the checked backup is /mnt/litellm-data/upgrade/litellm.dump on the droplet.'
      : `The database is the one LiteLLM ${state.from} had; it does not come up: \`docker compose -p litellm logs litellm\` there.`;
  return new ControlError(
    'UPGRADE_STUCK',
    `LiteLLM does not serve. The upgrade failed (${state.reason}) and the return stopped at: ${describePhase({ ...state, phase })}. ${next} Remove the cause, then run \`lcp upgrade\` again: it goes on with this step. docs/upgrade.md has the steps by hand.`,
  );
}
