// The answer before the story: whether a person has access now, where, with which key, since when and why; or since
// when and why not, and until when a return gives the same key back. Pure.

import type { KeyAccount, PersonRecords, TeamRecords } from '../store/access-records.ts';
import type { AuditRow } from '../store/audit-chain.ts';
import { inPlainWords, instant, printable, type StoryNames, shortHash, shortRun } from './story.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const GAVE_KEY = new Set(['key_minted', 'key_confirmed', 'key_restored']);

export type PresentOptions = {
  readonly names: StoryNames;
  /** How long a blocked key is kept; undefined where policy.yml is not at hand. */
  readonly graceDays: number | undefined;
};

/** Lines without their ends. */
export function describePersonAccess(records: PersonRecords, options: PresentOptions): string[] {
  const { memberships, keys, newest, held, entra } = records;
  const teamIds = [memberships, keys, newest, held].flatMap((rows) => rows.map((row) => row.teamId));
  const lines = [...new Set(teamIds.filter((teamId) => teamId !== null))]
    .sort()
    .flatMap((teamId) => describeTeam(teamId, records, options));
  if (lines.length === 0) lines.push('no access, and never any that we gave');
  return [...lines, describeEntra(entra, options.names)].map(printable);
}

function describeTeam(
  teamId: string,
  records: PersonRecords,
  { names, graceDays }: PresentOptions,
): string[] {
  const ofTeam = <T extends { readonly teamId: string | null }>(rows: readonly T[]) =>
    rows.filter((row) => row.teamId === teamId);
  const keys = ofTeam(records.keys);
  const newest = ofTeam(records.newest);
  const [membership] = ofTeam(records.memberships);
  const [held] = ofTeam(records.held);
  const hasWorkingKey = keys.some((key) => key.status === 'live');
  const added = findNewest(newest, (row) => row.event === 'member_added');
  const access = hasWorkingKey
    ? 'has access'
    : membership
      ? 'a member, but no key works'
      : lostAccess(newest, names);
  const member = membership
    ? `member since ${since(added, membership.addedAt, names)}${added ? '' : `, begun by run ${shortRun(membership.runId)}`}`
    : 'the membership is not ours';
  const lines = [
    `${nameOf(teamId, names)}: ${access}`,
    ...(membership || hasWorkingKey ? [`  ${member}`] : []),
    ...keys.map((key) => `  ${describeKey(key, newest, { names, graceDays })}`),
  ];
  if (held)
    lines.push(
      `  its removal is HELD for a decision since ${instant(held.since)}, ${held.quarantineId.slice(0, 12)}`,
    );
  return lines;
}

/** Access ends with the block; the membership follows. */
function lostAccess(newest: readonly AuditRow[], names: StoryNames): string {
  const ended =
    findNewest(newest, (row) => row.event === 'key_blocked') ??
    findNewest(newest, (row) => row.event === 'member_removed');
  return ended === undefined ? 'no access that we gave' : `no access since ${since(ended, null, names)}`;
}

function describeKey(
  key: KeyAccount,
  newest: readonly AuditRow[],
  { names, graceDays }: PresentOptions,
): string {
  const ofKey = (events: ReadonlySet<string>) =>
    findNewest(newest, (row) => events.has(row.event) && row.keyHash === key.keyHash);
  const title = `key ${shortHash(key.keyHash)}, generation ${key.generation},`;
  switch (key.status) {
    case 'escrowed':
      return `${title} is being made since ${at(key.escrowedAt)}; the next run finishes it`;
    case 'live':
      return `${title} works since ${since(ofKey(GAVE_KEY), key.liveAt, names)}${key.isRevealed ? '' : '; not picked up yet'}`;
    case 'retiring':
      return `${title} rotated: it works beside its successor until ${at(key.endsAt)}`;
    case 'blocked':
      return `${title} blocked since ${at(key.blockedAt)}: ${inPlainWords(key.blockedCause, names)}; ${fateOf(key, graceDays)}`;
    case 'released':
      return `${title} released ${at(key.endedAt)}: the team left policy.yml and is managed by hand`;
    case 'abandoned':
      return `${title} given up ${at(key.endedAt)}: it never worked`;
    case 'deleted': {
      const deleted = ofKey(new Set(['key_deleted']));
      return `${title} deleted ${deleted ? since(deleted, null, names) : `${at(key.endedAt)}: replaced`}`;
    }
  }
}

function fateOf({ blockedAt, heldByHand }: KeyAccount, graceDays: number | undefined): string {
  const byHand = heldByHand ? 'somebody had blocked it by hand, so a return does not unblock it; ' : '';
  if (blockedAt === null || graceDays === undefined)
    return `${byHand}kept for a return for the grace_days of policy.yml`;
  const lastDay = new Date(blockedAt.getTime() + graceDays * DAY_MS).toISOString().slice(0, 10);
  return `${byHand}kept for a return until its deletion on ${lastDay}`;
}

function describeEntra(entra: PersonRecords['entra'], names: StoryNames): string {
  if (entra === null) return 'Entra, when last read: in no group that leads to a team';
  const account = entra.accountEnabled ? 'account enabled' : 'account disabled';
  const groups = entra.groupIds.map((id) => nameOf(id, names)).sort();
  return `Entra, when last read: ${account}, in ${groups.join(', ') || 'no group that leads to a team'}`;
}

export function describeTeamAccess({ memberCount, keyCounts, held }: TeamRecords): string[] {
  const keys = Object.entries(keyCounts).map(([status, count]) => `${count} ${status}`);
  return [
    `members of ours: ${memberCount}; keys: ${keys.join(', ') || 'none'}`,
    ...held.map(
      ({ peopleCount, since: from, quarantineId }) =>
        `HELD for a decision since ${instant(from)}: ${peopleCount} ${peopleCount === 1 ? 'removal' : 'removals'}, ${quarantineId.slice(0, 12)}`,
    ),
  ];
}

function since(row: AuditRow | undefined, otherwise: Date | null, names: StoryNames): string {
  if (row === undefined) return at(otherwise);
  const run = row.runId === null ? '' : `, run ${shortRun(row.runId)}`;
  return `${instant(row.recordedAt)}: ${inPlainWords(row.cause, names)} (${row.actor}${run})`;
}

function at(date: Date | null): string {
  return date === null ? 'an unknown time' : instant(date);
}

function nameOf(teamId: string, names: StoryNames): string {
  const name = names.teams.get(teamId);
  return name === undefined ? teamId : `${name} (${teamId})`;
}

function findNewest(rows: readonly AuditRow[], isWanted: (row: AuditRow) => boolean): AuditRow | undefined {
  return rows
    .filter(isWanted)
    .reduce<AuditRow | undefined>(
      (best, row) => (best === undefined || BigInt(row.seq) > BigInt(best.seq) ? row : best),
      undefined,
    );
}
