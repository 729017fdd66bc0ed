// The fake's team endpoints, with the real ones' traps. Each behaviour here has its case in the contract suite.

import { Hono } from 'hono';
import * as z from 'zod';
import { parsePageQuery, takePage } from './page.ts';
import { createAnswer, createDetail, createProblem } from './problem.ts';
import { ensureUser, type FakeMember, type FakeState, type FakeTeam } from './state.ts';

const CALLER = 'default_user_id'; // the user behind the master key
const DURATION = /^\d+(s|m|h|d|w|mo)$/;

const member = z.object({ user_id: z.string(), role: z.enum(['user', 'admin']) });
const settings = z.object({
  team_alias: z.string().nullish(),
  models: z.array(z.string()).nullish(),
  max_budget: z.number().nullish(),
  budget_duration: z.string().nullish(),
  tpm_limit: z.number().nullish(),
  rpm_limit: z.number().nullish(),
  metadata: z.record(z.string(), z.unknown()).nullish(),
  team_member_budget: z.number().nullish(),
  team_member_budget_duration: z.string().nullish(),
  team_member_tpm_limit: z.number().nullish(),
  team_member_rpm_limit: z.number().nullish(),
});
const newTeam = settings.extend({ team_id: z.string(), members_with_roles: z.array(member).default([]) });
const teamUpdate = settings.extend({ team_id: z.string() });
const memberAdd = z.object({ team_id: z.string(), member: z.union([member, z.array(member)]) });
const memberDelete = z.object({ team_id: z.string(), user_id: z.string() });

export function createTeamRoutes(state: FakeState): Hono {
  const app = new Hono();

  app.get('/v2/team/list', (context) => {
    const query = context.req.query();
    const page = parsePageQuery(query, 'page_size', 10);
    const rows = [...state.teams.values()].filter((team) => (query.team_id ?? team.team_id) === team.team_id);
    const { rows: teams, total, totalPages } = takePage(rows, query.sort_by, page);
    return context.json({ teams, total, page: page.page, page_size: page.size, total_pages: totalPages });
  });

  app.post('/team/new', async (context) => {
    const { members_with_roles: wanted, ...given } = parseBody(newTeam, await context.req.json());
    if (state.teams.has(given.team_id)) {
      const text = `Team id = ${given.team_id} already exists. Please use a different team id.`;
      throw createProblem(400, { message: `{'error': '${text}'}` });
    }
    checkDuration(given.budget_duration);
    const team: FakeTeam = {
      team_id: given.team_id,
      team_alias: given.team_alias ?? null,
      members_with_roles: [],
      metadata: given.metadata ?? {},
      tpm_limit: given.tpm_limit ?? null,
      rpm_limit: given.rpm_limit ?? null,
      max_budget: given.max_budget ?? null,
      budget_duration: given.budget_duration ?? null,
      models: given.models ?? [],
      blocked: false,
      spend: 0,
    };
    state.teams.set(team.team_id, team);
    keepMemberBudget(state, team, {
      ...given,
      // A new budget of members takes the team's duration where none is named, as measured.
      ...(hasMemberLimit(given) && {
        team_member_budget_duration: given.team_member_budget_duration ?? given.budget_duration ?? null,
      }),
    });
    addMembers(state, team, [...wanted, { user_id: CALLER, role: 'admin' }]);
    return context.json(team);
  });

  app.post('/team/update', async (context) => {
    const { team_id, ...changes } = parseBody(teamUpdate, await context.req.json());
    const team = state.teams.get(team_id);
    if (team === undefined) {
      throw createProblem(404, { message: `{'error': 'Team not found, passed team_id=${team_id}'}` });
    }
    checkDuration(changes.budget_duration);
    // Metadata is replaced whole, but for LiteLLM's own entry.
    const own = team.metadata.team_member_budget_id;
    if (changes.metadata && own !== undefined) changes.metadata.team_member_budget_id = own;
    const {
      team_member_budget,
      team_member_budget_duration,
      team_member_tpm_limit,
      team_member_rpm_limit,
      ...rest
    } = changes;
    Object.assign(team, rest);
    keepMemberBudget(state, team, changes);
    return context.json({ team_id, data: team });
  });

  for (const [path, blocked] of [
    ['/team/block', true],
    ['/team/unblock', false],
  ] as const) {
    app.post(path, async (context) => {
      const { team_id } = parseBody(z.object({ team_id: z.string() }), await context.req.json());
      const team = state.teams.get(team_id);
      if (team === undefined) throw createDetail(404, `Team not found, passed team_id=${team_id}`);
      team.blocked = blocked;
      return context.json(team);
    });
  }

  app.post('/budget/info', async (context) => {
    const { budgets } = parseBody(z.object({ budgets: z.array(z.string()) }), await context.req.json());
    return context.json(budgets.flatMap((id) => state.budgets.get(id) ?? []));
  });

  app.post('/team/member_add', async (context) => {
    const body = parseBody(memberAdd, await context.req.json());
    const team = state.teams.get(body.team_id);
    if (team === undefined) {
      throw createDetail(
        404,
        `Team doesn't exist in db. Team=${body.team_id}. Create team via \`/team/new\` call.`,
      );
    }
    const added = addMembers(state, team, [body.member].flat());
    if (added === 0) {
      const message = 'All users are already in team.';
      throw createProblem(400, { message, type: 'team_member_already_in_team', param: 'member' });
    }
    return context.json(team);
  });

  app.post('/team/member_delete', async (context) => {
    const body = parseBody(memberDelete, await context.req.json());
    const team = state.teams.get(body.team_id);
    if (team === undefined) throw createDetail(400, `Team id=${body.team_id} does not exist in db`);
    const isThere = team.members_with_roles.some(({ user_id }) => user_id === body.user_id);
    if (!isThere) throw createDetail(400, 'User not found in team');
    team.members_with_roles = team.members_with_roles.filter(({ user_id }) => user_id !== body.user_id);
    const user = ensureUser(state, body.user_id);
    user.teams = user.teams.filter((teamId) => teamId !== body.team_id);
    for (const key of [...state.keys.values()]) {
      if (key.user_id === body.user_id && key.team_id === body.team_id) state.keys.delete(key.token);
    }
    return context.json(team);
  });

  return app;
}

function hasMemberLimit(given: z.infer<typeof settings>): boolean {
  return [given.team_member_budget, given.team_member_tpm_limit, given.team_member_rpm_limit].some(
    (value) => value != null,
  );
}

const MEMBER_FIELDS = {
  max_budget: 'team_member_budget',
  budget_duration: 'team_member_budget_duration',
  tpm_limit: 'team_member_tpm_limit',
  rpm_limit: 'team_member_rpm_limit',
} as const;

/** One budget that the members share, made with the first limit and named in the metadata; what is absent stays. */
function keepMemberBudget(state: FakeState, team: FakeTeam, given: z.infer<typeof settings>): void {
  const fields = Object.entries(MEMBER_FIELDS).filter(([, field]) => given[field] !== undefined);
  if (fields.length === 0) return;
  checkDuration(given.team_member_budget_duration);
  const budget_id = String(
    team.metadata.team_member_budget_id ?? `team-${team.team_alias}-budget-${team.team_id}`,
  );
  team.metadata = { ...team.metadata, team_member_budget_id: budget_id };
  const before = state.budgets.get(budget_id);
  const none = { max_budget: null, budget_duration: null, tpm_limit: null, rpm_limit: null };
  const now = Object.fromEntries(fields.map(([column, field]) => [column, given[field] ?? null]));
  state.budgets.set(budget_id, { ...none, ...before, ...now, budget_id });
}

function addMembers(state: FakeState, team: FakeTeam, wanted: readonly z.infer<typeof member>[]): number {
  const before = team.members_with_roles.length;
  for (const { user_id, role } of wanted) {
    if (team.members_with_roles.some((present) => present.user_id === user_id)) continue;
    const user = ensureUser(state, user_id);
    if (!user.teams.includes(team.team_id)) user.teams.push(team.team_id);
    const entry: FakeMember = { user_id, user_email: user.user_email, role };
    team.members_with_roles.push(entry);
  }
  return team.members_with_roles.length - before;
}

function checkDuration(value: string | null | undefined): void {
  if (value === null || value === undefined || DURATION.test(value)) return;
  const text = `Invalid budget_duration '${value}'. Use a format like '1h', '24h', '7d', or '30d'.`;
  throw createProblem(400, { message: `{'error': "${text}"}` });
}

export function parseBody<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw createAnswer(422, {
    detail: parsed.error.issues.map(({ path, message }) => ({ loc: path, msg: message })),
  });
}
