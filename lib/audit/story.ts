// Audit rows as a person reads them: one line an event, in plain words, with its time, cause, actor and run. Pure.
// What we have no words for is printed as it is: an event is never left out.

import type { AuditRow } from '../store/audit-chain.ts';

/** Display names by object id, team names by group id. */
export type StoryNames = {
  readonly people: ReadonlyMap<string, string>;
  readonly teams: ReadonlyMap<string, string>;
};

const GUID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;

type Words = {
  readonly text: string;
  /** The details that the text tells. */
  readonly told: readonly string[];
};

const plain = (text: string) => (): Words => ({ text, told: [] });
const WORDS = new Map<string, (key: string, details: AuditRow['details']) => Words | undefined>([
  ['user_created', plain('user made in LiteLLM')],
  [
    'user_updated',
    (_, { fields }) => told('fields', `user changed (${listOf(fields)})`, Array.isArray(fields)),
  ],
  [
    'user_demoted',
    (_, { before, after }) => ({
      text: `role lowered from ${before ?? 'none'} to ${after}`,
      told: ['before', 'after'],
    }),
  ],
  ['team_created', plain('team made')],
  ['team_updated', plain('team settings changed')],
  ['member_added', plain('became a member')],
  [
    'member_removed',
    (_, { outcome }) =>
      outcome === 'already-absent'
        ? { text: 'membership had ended already', told: ['outcome'] }
        : told('outcome', 'membership ended', outcome === 'removed'),
  ],
  ['key_minted', (key) => ({ text: `new key ${key} works`, told: [] })],
  ['key_confirmed', (key) => ({ text: `key ${key} found in LiteLLM and recorded as working`, told: [] })],
  ['key_restored', (key) => ({ text: `key ${key} given back`, told: [] })],
  [
    'key_blocked',
    (key, { heldByHand }) =>
      heldByHand === true
        ? { text: `key ${key} stays blocked, somebody had blocked it by hand`, told: ['heldByHand'] }
        : told('heldByHand', `key ${key} blocked`, heldByHand === false),
  ],
  ['key_deleted', (key) => ({ text: `key ${key} deleted`, told: [] })],
  ['key_revealed', (key) => ({ text: `key ${key} shown, its stored copy destroyed`, told: [] })],
  ['user_deleted', plain('user deleted in LiteLLM; spend stays in its history')],
  ['team_archived', plain('team archived: nobody uses it')],
  ['team_restored', plain('team in use again')],
  ['team_released', plain('team released, to be managed by hand')],
  [
    'key_rotation_begun',
    (key, { graceHours }) =>
      told('graceHours', `key ${key} rotated, works ${graceHours} hours more`, Number.isInteger(graceHours)),
  ],
  ['test_key_minted', (key) => ({ text: `test key ${key} made`, told: [] })],
  ['removals_approved', plain('held removals approved')],
  ['removals_rejected', plain('held removals rejected')],
  ['removals_released', plain('approved removals begin')],
  ['approval_applied', plain('approved removals are done')],
  ['approval_void', plain('approval void')],
  ['quarantine_lapsed', plain('held removals lapsed')],
  ['decision_refused', plain('a decision was refused')],
  [
    'drift_found',
    (key, { what, field, before, after, handling }) => ({
      text: `${what === 'key' ? `key ${key}` : what} changed by hand: ${field} from ${JSON.stringify(before)} to ${JSON.stringify(after)}, ${handling}`,
      told: ['what', 'field', 'before', 'after', 'handling'],
    }),
  ],
  [
    'removals_quarantined',
    (_, { peopleCount }) =>
      told(
        'peopleCount',
        `${peopleCount} ${peopleCount === 1 ? 'removal' : 'removals'} held for a decision`,
        Number.isInteger(peopleCount),
      ),
  ],
]);

/** One line without its end. `subject` is what all lines are about and none repeats. */
export function renderEvent(row: AuditRow, subject: 'person' | 'team', names: StoryNames): string {
  const { details } = row;
  const words = WORDS.get(row.event)?.(shortHash(row.keyHash), details) ?? unknownEvent(row);
  const rest = Object.fromEntries(Object.entries(details).filter(([field]) => !words.told.includes(field)));
  const run = row.runId === null ? '' : `, run ${shortRun(row.runId)}`;
  const line = [
    instant(row.recordedAt),
    whereOrWho(row, subject, names),
    `${words.text}${row.cause === null ? '' : `: ${inPlainWords(row.cause, names)}`}${hasFields(rest) ? ` ${JSON.stringify(rest)}` : ''}`,
    `(${row.actor}${run})`,
  ];
  return printable(line.filter((part) => part !== '').join('  '));
}

function whereOrWho(row: AuditRow, subject: 'person' | 'team', names: StoryNames): string {
  if (subject === 'person') return row.teamId === null ? '' : (names.teams.get(row.teamId) ?? row.teamId);
  if (row.userId === null) return '';
  const name = names.people.get(row.userId);
  return name === undefined ? row.userId : `${name} (${row.userId})`;
}

function unknownEvent({ event, keyHash }: AuditRow): Words {
  return { text: keyHash === null ? event : `${event} key ${shortHash(keyHash)}`, told: [] };
}

/** When the detail has a form we do not know, it is left to be printed as it is. */
function told(field: string, text: string, isKnown: boolean): Words {
  return { text, told: isKnown ? [field] : [] };
}

function listOf(value: unknown): string {
  return Array.isArray(value) && value.length > 0 ? value.join(', ') : 'marked as ours';
}

function hasFields(value: object): boolean {
  return Object.keys(value).length > 0;
}

/** A cause with the names of teams in place of their groups' ids. */
export function inPlainWords(cause: string | null, names: StoryNames): string {
  return (cause ?? 'no cause recorded').replace(GUID, (id) => names.teams.get(id) ?? id);
}

export function shortHash(keyHash: string | null): string {
  return keyHash?.slice(0, 8) ?? '(unknown)';
}

export function shortRun(runId: string): string {
  return runId.slice(0, 8);
}

/** UTC to the second. */
export function instant(at: Date | string): string {
  return (typeof at === 'string' ? at : at.toISOString()).slice(0, 19).replace('T', ' ');
}

/** The audit may hold what somebody typed; a terminal must not obey it. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return `\\u{${code.toString(16)}}`;
  });
}
