// Held removals as a person reads them before deciding. Pure. Names where they are known, identifiers always.

import type { QuarantineRow, QuarantineStatus } from '../store/quarantines.ts';

const STATES: Record<QuarantineStatus, string> = {
  waiting: 'waits for a decision',
  approved: 'approved, to be carried out by the next run',
  applying: 'approved, being carried out',
  applied: 'approved and carried out',
  rejected: 'rejected',
  lapsed: 'lapsed: other removals are planned than were held',
};

/** One line. */
export function renderQuarantine(row: QuarantineRow): string {
  const why = describeReasons(row.reasons);
  return `${row.quarantineId.slice(0, 12)}  ${row.peopleCount} removals  ${row.scope}  ${describeState(row)}  (${why})  since ${row.waitingSince.toISOString()}`;
}

/** Everything a decision is about; the plan's digest and the id say that it is exactly this. */
export function renderQuarantineWhole(row: QuarantineRow, names: ReadonlyMap<string, string>): string {
  const people = [
    ...Map.groupBy(row.actions, (action) => `${action.teamId}/${action.userId}`).values(),
  ].flatMap(([first]) =>
    first ? [`  ${names.get(first.userId) ?? 'name unknown'} (${first.userId}): ${first.cause}`] : [],
  );
  return [
    `Removals held: ${row.peopleCount}, ${row.scope === 'overall' ? 'over all teams' : `team ${row.scope}`}`,
    `  ${describeState(row)}, since ${row.waitingSince.toISOString()}`,
    `  limit: ${describeReasons(row.reasons)}`,
    `  id ${row.quarantineId}`,
    `  plan ${row.planDigest}`,
    'Approved, these people lose the team, and their keys for it are blocked:',
    ...people.sort(),
    '',
  ].join('\n');
}

const LIMITS: Readonly<Record<string, (value: number, bound: number) => string>> = {
  'run.max_count': (value, bound) => `${value} at once, ${bound} allowed`,
  'run.max_percent': (value, bound) => `${Math.round(value)} % at once, ${bound} % allowed`,
  'day.max_count': (value, bound) => `${value} in 24 hours, ${bound} allowed`,
  'day.max_percent': (value, bound) => `${Math.round(value)} % in 24 hours, ${bound} % allowed`,
};

/** Which limits the removals exceed, in words. */
export function describeReasons(reasons: QuarantineRow['reasons']): string {
  return reasons
    .map(({ limit, value, bound }) => LIMITS[limit]?.(value, bound) ?? `${limit} ${value} > ${bound}`)
    .join('; ');
}

function describeState({ status, decidedBy, decidedAt, decisionExpiresAt }: QuarantineRow): string {
  const who = decidedBy && decidedAt ? ` by ${decidedBy} at ${decidedAt.toISOString()}` : '';
  const until =
    status === 'rejected' && decisionExpiresAt ? `, stands until ${decisionExpiresAt.toISOString()}` : '';
  return `${STATES[status]}${status === 'lapsed' || status === 'waiting' ? '' : who}${until}`;
}
