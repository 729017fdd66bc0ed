// A plan as a person reads it: what goes ahead, what is held and why, what is refused, what to know. Pure.
// Equal plans give equal text. Names are shown where they are known; identifiers always.

import type { Action } from './actions.ts';
import type { RefusalReason, Verdict } from './guard.ts';
import type { Plan } from './plan.ts';

const REFUSALS: Record<RefusalReason, string> = {
  group_read_incomplete: 'its group was not read completely',
  protected_user: 'protected by policy.yml',
  last_admin: 'nobody would be left in an admin group',
  rejected: 'a person looked at it and rejected it; see `lcp quarantine list`',
  not_confirmed: 'asked about the person alone, Graph did not confirm it',
  follows_held_removal: 'follows a removal that is held or refused',
};

/** Text with a final line break. `names` maps user ids to display names. */
export function renderPlan(plan: Plan, verdict: Verdict, names: ReadonlyMap<string, string>): string {
  const teams = new Map<string, string>(plan.teams.map((team) => [team.teamId, team.alias]));
  const line = (action: Action) => `  ${describeAction(action, names)}\n`;
  const sections: string[] = [];

  for (const [teamId, actions] of Map.groupBy(verdict.allowed, (action) =>
    'teamId' in action ? action.teamId : '',
  )) {
    const title = teamId === '' ? 'People' : `Team ${teams.get(teamId) ?? '(not in policy.yml)'}  ${teamId}`;
    sections.push(`${title}\n${actions.map(line).join('')}`);
  }
  for (const { scope, peopleCount, exceeded, actions, quarantineId } of verdict.quarantined) {
    const where = scope === 'overall' ? 'over all teams' : `from team ${teams.get(scope) ?? scope}`;
    const why = exceeded.map(({ limit, value, bound }) => `${limit} ${round(value)} > ${bound}`).join(', ');
    sections.push(
      `HELD for a decision: ${count(peopleCount, 'removal')} ${where}  ${quarantineId.slice(0, 12)}\n  limit: ${why}\n${actions.map(line).join('')}`,
    );
  }
  if (verdict.refused.length > 0) {
    const lines = verdict.refused.map(
      ({ action, reason }) => `  ${describeAction(action, names)}  (${REFUSALS[reason]})\n`,
    );
    sections.push(`REFUSED\n${lines.join('')}`);
  }
  if (plan.notices.length > 0) {
    const lines = plan.notices.map(({ code, teamId, userId, detail }) => {
      const who = userId === undefined ? '' : ` ${person(userId, names)}`;
      const where = teamId === undefined ? '' : ` ${teams.get(teamId) ?? teamId}`;
      return `  ${code}${where}${who}: ${detail}\n`;
    });
    sections.push(`To know\n${lines.join('')}`);
  }
  const total = plan.actions.length;
  const head =
    total === 0 ? 'No changes: LiteLLM is what Entra and policy.yml ask for.' : summarise(verdict, total);
  return `${[`${head}\nplan ${plan.digest}\n`, ...sections].join('\n')}`;
}

function summarise({ allowed, quarantined, refused }: Verdict, total: number): string {
  const held = quarantined.reduce((sum, quarantine) => sum + quarantine.actions.length, 0);
  const parts = [
    `${allowed.length} go ahead`,
    held > 0 ? `${held} held` : '',
    refused.length > 0 ? `${refused.length} refused` : '',
  ];
  return `${count(total, 'change')}: ${parts.filter((part) => part !== '').join(', ')}.`;
}

function describeAction(action: Action, names: ReadonlyMap<string, string>): string {
  const who = 'userId' in action ? person(action.userId, names) : '';
  switch (action.kind) {
    case 'block_key':
      return `- block key ${action.keyHash.slice(0, 8)} of ${who}: ${action.cause}`;
    case 'remove_member':
      return `- remove ${who}: ${action.cause}`;
    case 'demote_user':
      return `- role of ${who} from ${action.before ?? 'none'} to ${action.after}: ${action.cause}`;
    case 'retire_key':
      return `- end key ${action.keyHash.slice(0, 8)} of ${who}: ${action.cause}`;
    case 'delete_user':
      return `- delete user ${who}: ${action.cause}`;
    case 'delete_key':
      return `- delete key ${action.keyHash.slice(0, 8)} of ${who}: ${action.cause}`;
    case 'create_user':
      return `+ user ${who} as ${action.fields.role}`;
    case 'create_team':
      return `+ team ${action.settings.alias}: ${describeFields(action.settings)}`;
    case 'archive_team':
      return `- archive the team: ${action.cause}`;
    case 'restore_team':
      return `+ the team is in use again: ${action.cause}`;
    case 'release_team':
      return `~ release the team, its members and keys: ${action.cause}`;
    case 'update_team':
      return `~ settings: ${describeChange(action.before, action.after)}`;
    case 'add_member':
      return `+ member ${who}`;
    case 'update_user':
      return `~ user ${who}: ${Object.keys(action.after).length > 0 ? describeChange(action.before, action.after) : 'marked as ours'}`;
    case 'restore_key':
      return `+ give ${who} key ${action.keyHash.slice(0, 8)} back${action.unblock ? '' : ', still blocked by hand'}: ${action.cause}`;
    case 'confirm_key':
      return `~ record key ${action.keyHash.slice(0, 8)} of ${who} as live: ${action.cause}`;
    case 'mint_key':
      return `+ new key for ${who}${action.generation > 1 ? ` (generation ${action.generation}: ${action.cause})` : ''}`;
  }
}

function describeChange(
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
): string {
  return Object.entries(flat(after))
    .map(
      ([field, value]) =>
        `${field} ${JSON.stringify(flat(before)[field] ?? null)} -> ${JSON.stringify(value)}`,
    )
    .join(', ');
}

/** Limits of members as fields of their own: `member.rpmLimit`. */
function flat(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { memberLimits, ...rest } = fields;
  const limits = Object.entries(memberLimits ?? {}).map(([field, value]) => [`member.${field}`, value]);
  return { ...rest, ...Object.fromEntries(limits) };
}

function describeFields(fields: Readonly<Record<string, unknown>>): string {
  return Object.entries(flat(fields))
    .filter(([field, value]) => field !== 'alias' && value !== null)
    .map(([field, value]) => `${field} ${JSON.stringify(value)}`)
    .join(', ');
}

function person(userId: string, names: ReadonlyMap<string, string>): string {
  const name = names.get(userId);
  return name === undefined ? userId : `${name} (${userId})`;
}

function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? '' : 's'}`;
}

function round(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(1);
}
