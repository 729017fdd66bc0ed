// LiteLLM's team endpoints. Beside each: whether a repeat is harmless, its trap, and where we know that from.
// Measurements are of LiteLLM 1.106.2; test/gateway/gateway.contract.ts repeats them.

import * as z from 'zod';
import { ControlError } from '../errors.ts';
import { PAGE_SIZE, readAllPages } from './paging.ts';
import { budgetRow, memberBudgetId, teamRow, toGatewayTeam } from './rows.ts';
import type { GatewayTeam } from './state.ts';
import type { Transport } from './transport.ts';

export type TeamSettings = Pick<
  GatewayTeam,
  | 'alias'
  | 'models'
  | 'maxBudgetUsd'
  | 'budgetDuration'
  | 'tpmLimit'
  | 'rpmLimit'
  | 'memberLimits'
  | 'metadata'
>;

export type NewTeam = TeamSettings & { readonly teamId: string; readonly memberUserIds: readonly string[] };

/** What is absent stays; null removes a limit. */
export type TeamChanges = Partial<TeamSettings>;

// One call adds about 56 members a second, and must end well within the timeout of an attempt.
const MEMBERS_A_CALL = 100;

const anyAnswer = z.object({});

/** GET /v2/team/list. Ordered by id, because by date, the default, rows of one instant may change places. */
export async function listTeams(transport: Transport, signal: AbortSignal): Promise<GatewayTeam[]> {
  const answer = z.object({ teams: z.array(teamRow), total: z.number() });
  const rows = await readAllPages({
    what: 'teams',
    readPage: async (page) => {
      const query = { page: `${page}`, page_size: `${PAGE_SIZE}`, sort_by: 'team_id', sort_order: 'asc' };
      const reply = await transport.call(
        { method: 'GET', path: '/v2/team/list', query, answer, isRepeatHarmless: true },
        signal,
      );
      if (reply.status === 'refused') throw reply.toError();
      return { rows: reply.value.teams, totalCount: reply.value.total };
    },
    idOf: (row) => row.team_id,
  });
  const budgets = await readMemberBudgets(transport, rows, signal);
  return rows.map((row) => toGatewayTeam(row, budgets.get(memberBudgetId(row) ?? '')));
}

/** GET /v2/team/list with an exact team_id: /team/info would read all keys and members' budgets as well. */
export async function readTeam(
  transport: Transport,
  teamId: string,
  signal: AbortSignal,
): Promise<GatewayTeam | undefined> {
  const answer = z.object({ teams: z.array(teamRow) });
  const query = { team_id: teamId, page: '1', page_size: '2' };
  const reply = await transport.call(
    { method: 'GET', path: '/v2/team/list', query, answer, isRepeatHarmless: true },
    signal,
  );
  if (reply.status === 'refused') throw reply.toError();
  const row = reply.value.teams.find((team) => team.team_id === teamId);
  if (row === undefined) return undefined;
  const budgets = await readMemberBudgets(transport, [row], signal);
  return toGatewayTeam(row, budgets.get(memberBudgetId(row) ?? ''));
}

/** POST /budget/info with a list, which reads: one call for a hundred teams, none where no team has such a budget. Ids
 *  that are gone are left out of the answer (measured). */
async function readMemberBudgets(
  transport: Transport,
  rows: readonly z.infer<typeof teamRow>[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, z.infer<typeof budgetRow>>> {
  const ids = rows.map(memberBudgetId).filter((id) => id !== undefined);
  const found = new Map<string, z.infer<typeof budgetRow>>();
  for (let start = 0; start < ids.length; start += PAGE_SIZE) {
    const body = { budgets: ids.slice(start, start + PAGE_SIZE) };
    const answer = z.array(budgetRow);
    const reply = await transport.call(
      { method: 'POST', path: '/budget/info', body, answer, isRepeatHarmless: true },
      signal,
    );
    if (reply.status === 'refused') throw reply.toError();
    for (const budget of reply.value) found.set(budget.budget_id, budget);
  }
  return found;
}

/**
 * POST /team/new. A repeat is harmless: it is refused and changes nothing, hence `already-exists`; the team that
 * exists may be another than this one, so the caller reads it.
 * Traps (measured): makes the caller (`default_user_id`) an admin member; makes users that do not exist, but
 * without email and sso_user_id, which can never be set later, so call createUsers first. Member number
 * MEMBERS_A_CALL + 1 and on follow by /team/member_add, so that one call never outlasts its timeout.
 */
export async function createTeam(
  transport: Transport,
  team: NewTeam,
  signal: AbortSignal,
): Promise<'created' | 'already-exists'> {
  const members = team.memberUserIds.slice(0, MEMBERS_A_CALL).map(toMember);
  const { memberLimits, ...settings } = team;
  const body = {
    team_id: team.teamId,
    ...toFields(settings),
    ...memberFields(memberLimits, true),
    members_with_roles: members,
  };
  const reply = await transport.call(
    { method: 'POST', path: '/team/new', body, answer: anyAnswer, isRepeatHarmless: true },
    signal,
  );
  if (reply.status === 'refused') {
    // 400 stands for a taken id and for a mistake alike; only the list tells them apart.
    if (reply.httpStatus === 400 && (await readTeam(transport, team.teamId, signal)) !== undefined) {
      return 'already-exists';
    }
    throw reply.toError();
  }
  await addTeamMembers(transport, team.teamId, team.memberUserIds.slice(MEMBERS_A_CALL), signal);
  return 'created';
}

/**
 * POST /team/update. A repeat is harmless. Limits of members reach those who are there, too (measured; LiteLLM issue
 * 25506 told otherwise of older versions), but not a member to whom somebody gave limits of their own.
 * Trap: metadata is replaced whole, and LiteLLM keeps its own team_member_budget_id there, so it is read first and
 * merged. Two writers would lose each other's metadata: the caller serialises writes to a team.
 */
export async function updateTeam(
  transport: Transport,
  teamId: string,
  changes: TeamChanges,
  signal: AbortSignal,
): Promise<'updated' | 'absent'> {
  let fields = toFields(changes);
  if (changes.metadata !== undefined) {
    const current = await readTeam(transport, teamId, signal);
    if (current === undefined) return 'absent';
    fields = { ...fields, metadata: { ...current.metadata, ...changes.metadata } };
  }
  const body = { team_id: teamId, ...fields };
  const reply = await transport.call(
    { method: 'POST', path: '/team/update', body, answer: anyAnswer, isRepeatHarmless: true },
    signal,
  );
  if (reply.status === 'answered') return 'updated';
  if (reply.httpStatus === 404) return 'absent';
  throw reply.toError();
}

/** POST /team/block. A repeat is harmless. Trap (measured; LiteLLM issue 35565): a team in LiteLLM's cache still answers
 *  for a while, so the caller blocks the keys themselves first. */
export function blockTeam(transport: Transport, teamId: string, signal: AbortSignal) {
  return changeTeam(transport, '/team/block', teamId, 'blocked', signal);
}

/** POST /team/unblock. A repeat is harmless. */
export function unblockTeam(transport: Transport, teamId: string, signal: AbortSignal) {
  return changeTeam(transport, '/team/unblock', teamId, 'unblocked', signal);
}

async function changeTeam<Outcome extends string>(
  transport: Transport,
  path: string,
  teamId: string,
  outcome: Outcome,
  signal: AbortSignal,
): Promise<Outcome | 'absent'> {
  const body = { team_id: teamId };
  const reply = await transport.call(
    { method: 'POST', path, body, answer: anyAnswer, isRepeatHarmless: true },
    signal,
  );
  if (reply.status === 'answered') return outcome;
  if (reply.httpStatus === 404) return 'absent';
  throw reply.toError();
}

/**
 * POST /team/member_add with a list. A repeat is harmless: members that are there stay as they are, and when all
 * are there LiteLLM refuses with its own error type (measured).
 * Traps: makes users that do not exist (see createTeam); concurrent calls on one team have lost members and yet
 * answered 200 (LiteLLM issue 25951), so the caller serialises a team's writes and reads it again afterwards.
 */
export async function addTeamMembers(
  transport: Transport,
  teamId: string,
  userIds: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  for (let start = 0; start < userIds.length; start += MEMBERS_A_CALL) {
    const member = userIds.slice(start, start + MEMBERS_A_CALL).map(toMember);
    const body = { team_id: teamId, member };
    const reply = await transport.call(
      { method: 'POST', path: '/team/member_add', body, answer: anyAnswer, isRepeatHarmless: true },
      signal,
    );
    if (reply.status === 'answered' || reply.problem.type === 'team_member_already_in_team') continue;
    throw reply.toError();
  }
}

/**
 * POST /team/member_delete. A repeat is harmless: an absent member is refused with 400, hence `already-absent`.
 * Trap: it DELETES that user's keys that have this team_id, blocked ones too (measured; LiteLLM's documentation).
 * The caller blocks them and moves them out of the team first (moveKey to null), so a rejoin can have them back.
 */
export async function removeTeamMember(
  transport: Transport,
  teamId: string,
  userId: string,
  signal: AbortSignal,
): Promise<'removed' | 'already-absent'> {
  const body = { team_id: teamId, user_id: userId };
  const reply = await transport.call(
    { method: 'POST', path: '/team/member_delete', body, answer: anyAnswer, isRepeatHarmless: true },
    signal,
  );
  if (reply.status === 'answered') return 'removed';
  if (reply.httpStatus !== 400) throw reply.toError();
  const team = await readTeam(transport, teamId, signal);
  if (team?.members.some((member) => member.userId === userId)) throw reply.toError();
  return 'already-absent';
}

/** Nothing where nothing is limited: LiteLLM would make a budget of nulls. */
function memberFields(limits: TeamChanges['memberLimits'], isNew = false): Record<string, unknown> {
  if (limits === undefined) return {};
  const fields = {
    team_member_budget: limits.maxBudgetUsd,
    team_member_budget_duration: limits.budgetDuration,
    team_member_tpm_limit: limits.tpmLimit,
    team_member_rpm_limit: limits.rpmLimit,
  };
  return isNew ? Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null)) : fields;
}

function toMember(userId: string) {
  return { user_id: userId, role: 'user' };
}

function toFields(settings: TeamChanges): Record<string, unknown> {
  const fields = {
    team_alias: settings.alias,
    models: settings.models,
    max_budget: settings.maxBudgetUsd,
    budget_duration: settings.budgetDuration,
    tpm_limit: settings.tpmLimit,
    rpm_limit: settings.rpmLimit,
    metadata: settings.metadata,
    ...memberFields(settings.memberLimits),
  };
  if (settings.models?.length === 0) {
    // LiteLLM reads an empty list as every model: an access nobody granted.
    throw new ControlError(
      'GATEWAY_REFUSED',
      'A team needs at least one model; an empty list would grant all.',
      {
        details: { reason: 'models-empty' },
      },
    );
  }
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
