// Runs, plans and limits in words. Pure.

import type { Action, ActionKind } from '../../../lib/sync/actions.ts';
import type { ExceededLimit } from '../../../lib/sync/removal-limits.ts';
import type { RunReport } from '../../../lib/sync/report.ts';
import type { RunView } from './read-view.ts';

/** In the order they are shown; the sign says whether access is given, taken or changed. */
export const ACTION_TEXTS: Readonly<
  Record<
    ActionKind,
    { readonly sign: '+' | '−' | '~'; readonly todo: string; readonly one: string; readonly many: string }
  >
> = {
  block_key: { sign: '−', todo: 'block key', one: 'key blocked', many: 'keys blocked' },
  remove_member: { sign: '−', todo: 'remove member', one: 'member removed', many: 'members removed' },
  demote_user: { sign: '−', todo: 'lower role', one: 'role lowered', many: 'roles lowered' },
  retire_key: { sign: '−', todo: 'end key', one: 'key ended', many: 'keys ended' },
  delete_user: { sign: '−', todo: 'delete user', one: 'user deleted', many: 'users deleted' },
  delete_key: { sign: '−', todo: 'delete key', one: 'key deleted', many: 'keys deleted' },
  create_team: { sign: '+', todo: 'make team', one: 'team made', many: 'teams made' },
  create_user: { sign: '+', todo: 'make user', one: 'user made', many: 'users made' },
  add_member: { sign: '+', todo: 'add member', one: 'member added', many: 'members added' },
  mint_key: { sign: '+', todo: 'make key', one: 'key made', many: 'keys made' },
  restore_key: { sign: '+', todo: 'give key back', one: 'key given back', many: 'keys given back' },
  confirm_key: { sign: '~', todo: 'confirm key', one: 'key confirmed', many: 'keys confirmed' },
  archive_team: { sign: '−', todo: 'archive team', one: 'team archived', many: 'teams archived' },
  restore_team: { sign: '+', todo: 'restore team', one: 'team restored', many: 'teams restored' },
  release_team: { sign: '~', todo: 'release team', one: 'team released', many: 'teams released' },
  update_team: { sign: '~', todo: 'change team', one: 'team changed', many: 'teams changed' },
  update_user: { sign: '~', todo: 'change user', one: 'user changed', many: 'users changed' },
};

const KINDS = Object.keys(ACTION_TEXTS) as ActionKind[];

/** What a run did, in one line. */
export function describeRun(run: RunView): string {
  if (run.status === 'running') return 'at work';
  if (run.report === undefined) return run.errorMessage ?? 'ended without a report';
  const { done, failed, left, refused, quarantined, incompleteGroups } = run.report;
  const held = quarantined.reduce((sum, quarantine) => sum + quarantine.peopleCount, 0);
  const parts = [
    ...describeCounts(done),
    ...describeTotal(failed, 'failed'),
    ...describeTotal(left, 'left for the next run'),
    ...describeTotal(refused, 'refused'),
    held === 0 ? '' : `${held} ${held === 1 ? 'removal' : 'removals'} held`,
    incompleteGroups.length === 0
      ? ''
      : `${incompleteGroups.length} ${incompleteGroups.length === 1 ? 'group' : 'groups'} not read`,
  ].filter((part) => part !== '');
  return parts.length === 0 ? 'nothing to change' : parts.join(', ');
}

function describeCounts(counts: RunReport['done']): string[] {
  return KINDS.flatMap((kind) => {
    const count = counts[kind] ?? 0;
    const { one, many } = ACTION_TEXTS[kind];
    return count === 0 ? [] : [`${count} ${count === 1 ? one : many}`];
  });
}

function describeTotal(counts: Readonly<Partial<Record<string, number>>>, what: string): string[] {
  const total = Object.values(counts).reduce<number>((sum, count) => sum + (count ?? 0), 0);
  return total === 0 ? [] : [`${total} ${what}`];
}

/** One action of a plan as a line, with names where they are known. */
export function describeAction(action: Action, nameOf: (id: string) => string): string {
  const { sign, todo } = ACTION_TEXTS[action.kind];
  const who = 'userId' in action ? [nameOf(action.userId)] : [];
  const where =
    'teamId' in action ? [action.kind === 'create_team' ? action.settings.alias : nameOf(action.teamId)] : [];
  return `${sign} ${todo}: ${[...who, ...where].join(', ')} (${nameIds(action.cause, nameOf)})`;
}

/** Why the guard held something. */
export function describeLimit({
  limit,
  value,
  bound,
}: ExceededLimit | { limit: string; value: number; bound: number }): string {
  const period = limit.startsWith('day') ? 'in 24 hours' : 'in one run';
  const unit = limit.endsWith('percent') ? ' %' : ' people';
  return `${Math.round(value * 10) / 10}${unit} ${period}, the limit is ${bound}${unit}`;
}

/** A text with every known id replaced by its name. */
export function nameIds(text: string, nameOf: (id: string) => string): string {
  return text.replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, nameOf);
}

export function describeDuration(run: RunView): string {
  if (run.finishedAt === null) return '';
  return `${((run.finishedAt.getTime() - run.startedAt.getTime()) / 1000).toFixed(1)} s`;
}

export function describeTime(instant: Date): string {
  return instant.toLocaleTimeString('en-GB');
}
