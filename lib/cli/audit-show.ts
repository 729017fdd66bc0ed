// `lcp audit show`: why a person has access or not, or what a team has, now; then how it came to that.

import { existsSync } from 'node:fs';
import { describePersonAccess, describeTeamAccess } from '../audit/present-access.ts';
import { instant, printable, renderEvent, type StoryNames } from '../audit/story.ts';
import { ControlError } from '../errors.ts';
import { type EntraGroupId, isGuid, parseEntraGroupId, parseEntraUserId } from '../ids.ts';
import type { Policy } from '../policy/schema.ts';
import { findPeopleByName, readPersonRecords, readTeamRecords } from '../store/access-records.ts';
import type { Database } from '../store/database.ts';
import { listNames } from '../store/directory-snapshot.ts';
import {
  type AuditSelection,
  type AuditSubject,
  findNewestStart,
  listSubjectAudit,
} from '../store/subject-audit.ts';
import { type CliEnvironment, readPolicyFile, withControlDatabase } from './environment.ts';
import { parseTimeOption } from './time-option.ts';

export type ShowOptions = {
  readonly person?: string;
  readonly team?: string;
  readonly since?: string;
  readonly until?: string;
  readonly limit: string;
  readonly policy?: string;
};

const DEFAULT_POLICY = 'policy.yml';
const MOST_EVENTS = 1_000_000;
const PAGE_SIZE = 500;
const MOST_NAMESAKES = 5;

/** Always 0: no access is an answer. @throws ControlError NAME_UNKNOWN, ID_INVALID, CONFIG_INVALID */
export async function auditShowCommand(environment: CliEnvironment, options: ShowOptions): Promise<number> {
  const now = environment.clock.now();
  const period = {
    since: options.since === undefined ? null : parseTimeOption('--since', options.since, now),
    until:
      options.until === undefined ? null : parseTimeOption('--until', options.until, now, { endOfDay: true }),
  };
  const limit = parseLimit(options.limit);
  const policy = findPolicy(options.policy);
  const teams = new Map<string, string>(policy?.groups.map((group) => [group.entra_group, group.team]));
  return withControlDatabase(environment, async (database) => {
    const subject = await resolveSubject(database, options, policy);
    await printPresent(environment, database, subject, { teams, now, policy });
    await printStory(environment, database, { subject, ...period }, { teams, limit });
    return 0;
  });
}

async function printPresent(
  { print }: CliEnvironment,
  database: Database,
  subject: AuditSubject,
  { teams, now, policy }: { teams: StoryNames['teams']; now: Date; policy: Policy | undefined },
): Promise<void> {
  const isPerson = subject.kind === 'person';
  const id = isPerson ? subject.userId : subject.teamId;
  const people = isPerson ? await listNames(database, [id]) : new Map<string, string>();
  const name = (isPerson ? people : teams).get(id);
  const graceDays = policy?.offboarding.grace_days;
  const lines = isPerson
    ? describePersonAccess(await readPersonRecords(database, subject.userId), {
        names: { people, teams },
        graceDays,
      })
    : describeTeamAccess(await readTeamRecords(database, subject.teamId));
  print(`${printable(name === undefined ? id : `${name}  ${id}`)}\n\n`);
  print(`Now, ${instant(now)} UTC\n${lines.map((line) => `  ${line}\n`).join('')}\n`);
}

/** Printed page by page: memory does not grow with the story. */
async function printStory(
  { print }: CliEnvironment,
  database: Database,
  selection: AuditSelection,
  { teams, limit }: { teams: StoryNames['teams']; limit: number },
): Promise<void> {
  const { kind } = selection.subject;
  const start = await findNewestStart(database, selection, limit);
  print('What happened, newest last, UTC\n');
  if (start.hasOlder) print(`  (older events are not shown: the newest ${limit} are; --limit shows more)\n`);
  let [fromSeq, left] = [start.fromSeq, limit];
  while (left > 0) {
    const rows = await listSubjectAudit(database, selection, fromSeq, Math.min(PAGE_SIZE, left));
    const last = rows.at(-1);
    if (last === undefined) break;
    const userIds = rows.map((row) => row.userId).filter((id) => id !== null);
    const people = kind === 'team' ? await listNames(database, userIds) : new Map<string, string>();
    print(rows.map((row) => `  ${renderEvent(row, kind, { people, teams })}\n`).join(''));
    fromSeq = String(BigInt(last.seq) + 1n);
    left -= rows.length;
  }
  if (left === limit) print('  nothing is recorded\n');
}

async function resolveSubject(
  database: Database,
  { person, team }: ShowOptions,
  policy: Policy | undefined,
): Promise<AuditSubject> {
  if (person !== undefined) {
    if (isGuid(person)) return { kind: 'person', userId: parseEntraUserId(person) };
    const [userId, ...others] = await findPeopleByName(database, person, MOST_NAMESAKES);
    if (userId !== undefined && others.length === 0) return { kind: 'person', userId };
    // Without what was typed: it is a name or an address.
    const message =
      userId === undefined
        ? 'Nobody in the groups as last read from Entra has this mail address or name; who left has none here any more. Give the Object ID (Entra admin centre, Users).'
        : `Several people have this name or address; give one of their Object IDs: ${[userId, ...others].join(', ')}.`;
    throw new ControlError('NAME_UNKNOWN', message);
  }
  if (team !== undefined) return { kind: 'team', teamId: resolveTeam(team, policy) };
  throw new ControlError(
    'CONFIG_INVALID',
    'Name whom to show: --person <Object ID or mail> or --team <group>.',
  );
}

function resolveTeam(team: string, policy: Policy | undefined): EntraGroupId {
  if (isGuid(team)) return parseEntraGroupId(team);
  const named = policy?.groups.find((group) => group.team.toLowerCase() === team.toLowerCase());
  if (named) return named.entra_group;
  const message =
    policy === undefined
      ? 'Team names are in policy.yml, which is not here: name it with --policy, or give the Object ID of the group.'
      : 'No team of policy.yml has this name; give the Object ID of its Entra group.';
  throw new ControlError('NAME_UNKNOWN', message);
}

/** Without --policy the answer does without, where there is none: the database may be all that is at hand. */
function findPolicy(file: string | undefined): Policy | undefined {
  return file === undefined && !existsSync(DEFAULT_POLICY)
    ? undefined
    : readPolicyFile(file ?? DEFAULT_POLICY);
}

function parseLimit(text: string): number {
  const limit = /^\d{1,7}$/.test(text) ? Number(text) : 0;
  if (limit >= 1 && limit <= MOST_EVENTS) return limit;
  throw new ControlError('CONFIG_INVALID', `--limit must be a number from 1 to ${MOST_EVENTS}.`);
}
