// The fake's user endpoints, with the real ones' traps. Each behaviour here has its case in the contract suite.

import { Hono } from 'hono';
import * as z from 'zod';
import { parsePageQuery, takePage } from './page.ts';
import { createAnswer, createDetail } from './problem.ts';
import { ensureUser, type FakeState, type FakeUser } from './state.ts';
import { parseBody } from './teams.ts';

const change = z.object({
  user_id: z.string(),
  user_email: z.string().nullish(),
  user_alias: z.string().nullish(),
  user_role: z.enum(['proxy_admin', 'proxy_admin_viewer', 'internal_user', 'internal_user_viewer']).nullish(),
  metadata: z.record(z.string(), z.unknown()).nullish(),
});
const newUser = change.extend({ sso_user_id: z.string().nullish(), auto_create_key: z.boolean().optional() });

export function createUserRoutes(state: FakeState): Hono {
  const app = new Hono();

  app.get('/user/list', (context) => {
    const query = context.req.query();
    const page = parsePageQuery(query, 'page_size', 25);
    const rows = [...state.users.values()].filter((user) => isWanted(user, query.user_ids));
    const { rows: users, total, totalPages } = takePage(rows, query.sort_by, page);
    return context.json({ users, total, page: page.page, page_size: page.size, total_pages: totalPages });
  });

  app.post('/management/v1/users/bulk', async (context) => {
    const { users } = parseBody(z.object({ users: z.array(newUser) }), await context.req.json());
    if (users.length < 1 || users.length > 500) {
      const detail = `users: Value should have at least 1 and at most 500 items, not ${users.length}`;
      throw createAnswer(422, { type: 'urn:litellm:error:invalid-request-body', status: 422, detail });
    }
    const before = [...state.users.values()];
    const data = users.map((user, index) => {
      const earlier = users.slice(0, index);
      const error = findConflict(user, before, earlier);
      const { user_id, user_email = null } = user;
      if (error !== undefined) return { user_id, user_email, success: false, teams: null, key: null, error };
      Object.assign(ensureUser(state, user_id), dropAbsent({ ...user, auto_create_key: undefined }));
      return { user_id, user_email, success: true, teams: [], key: null, error: null };
    });
    const created = data.filter((row) => row.success).length;
    const meta = { total_requested: users.length, created, failed: users.length - created };
    return context.json({ data, meta });
  });

  app.post('/user/bulk_update', async (context) => {
    const { users } = parseBody(z.object({ users: z.array(change) }), await context.req.json());
    const results = users.map((user) => {
      if (!state.users.has(user.user_id)) ensureUser(state, user.user_id).user_role = null;
      Object.assign(ensureUser(state, user.user_id), dropAbsent(user));
      return { user_id: user.user_id, user_email: user.user_email ?? null, success: true, error: null };
    });
    const counts = { total_requested: users.length, successful_updates: users.length, failed_updates: 0 };
    return context.json({ results, ...counts });
  });

  app.post('/user/delete', async (context) => {
    const { user_ids } = parseBody(z.object({ user_ids: z.array(z.string()) }), await context.req.json());
    for (const userId of user_ids) {
      if (!state.users.has(userId)) throw createDetail(404, `User not found, passed user_id=${userId}`);
    }
    for (const userId of user_ids) {
      state.users.delete(userId);
      for (const key of [...state.keys.values()]) if (key.user_id === userId) state.keys.delete(key.token);
      for (const team of state.teams.values())
        team.members_with_roles = team.members_with_roles.filter((member) => member.user_id !== userId);
    }
    return context.json(user_ids.length);
  });

  return app;
}

/** One id is a part of an id, a list is exact, as measured. */
function isWanted(user: FakeUser, userIds: string | undefined): boolean {
  const ids = userIds?.split(',') ?? [];
  if (ids.length === 0) return true;
  if (ids.length === 1) return user.user_id.toLowerCase().includes(ids[0]?.toLowerCase() ?? '');
  return ids.includes(user.user_id);
}

/** The request's own repeats are found before what is stored, and sso_user_id only by the database. */
function findConflict(
  user: z.infer<typeof newUser>,
  stored: readonly FakeUser[],
  earlier: readonly z.infer<typeof newUser>[],
): string | undefined {
  const email = user.user_email?.trim().toLowerCase();
  const hasEmail = (other: { user_email?: string | null | undefined }) =>
    email !== undefined && other.user_email?.trim().toLowerCase() === email;
  if (earlier.some((other) => other.user_id === user.user_id)) {
    return `Duplicate user_id in request: ${user.user_id}`;
  }
  if (earlier.some(hasEmail)) return `Duplicate user_email in request: ${user.user_email}`;
  if (stored.some((other) => other.user_id === user.user_id)) return `User id=${user.user_id} already exists`;
  if (stored.some(hasEmail)) return `User email=${user.user_email} already exists`;
  const hasSsoId = (other: { sso_user_id?: string | null | undefined }) =>
    typeof user.sso_user_id === 'string' && other.sso_user_id === user.sso_user_id;
  if (stored.some(hasSsoId) || earlier.some(hasSsoId)) {
    return 'Unique constraint failed on the fields: (`sso_user_id`)';
  }
  return undefined;
}

/** LiteLLM takes null for "not given" here. */
function dropAbsent<T extends object>(fields: T): Partial<T> {
  const given = Object.entries(fields).filter(([, value]) => value !== null && value !== undefined);
  return Object.fromEntries(given) as Partial<T>;
}
