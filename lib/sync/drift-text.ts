// Changes by hand as a person reads them. Pure.

import type { LastChange } from '../gateway/last-change.ts';
import type { DriftItem } from './drift.ts';

export function renderDrift(
  { what, teamId, userId, keyHash, field, before, after, handling }: DriftItem,
  { at, by }: LastChange,
  names: ReadonlyMap<string, string>,
): string {
  const name = (id: string | undefined) => (id === undefined ? '' : ` ${names.get(id) ?? id}`);
  const subject = {
    team: `team${name(teamId)}`,
    user: `user${name(userId)}`,
    member: `member${name(userId)} of${name(teamId)}`,
    key: `key ${keyHash?.slice(0, 8)} of${name(userId)} in${name(teamId)}`,
  }[what];
  const who = [by === null ? '' : `by ${by}`, at === null ? '' : `no later than ${at}`]
    .filter(Boolean)
    .join(', ');
  const fate = handling === 'fixed' ? 'the next run puts it right' : 'left as it is';
  return `${subject}: ${field} ${JSON.stringify(before)} -> ${JSON.stringify(after)}; ${who || 'nobody knows by whom'}; ${fate}\n`;
}
