// The fake's key endpoints, with the real ones' traps. Each behaviour here has its case in the contract suite.

import { createHash } from 'node:crypto';
import { Hono } from 'hono';
import * as z from 'zod';
import { systemClock } from '../../../lib/clock.ts';
import { parsePageQuery, takePage } from './page.ts';
import { createProblem } from './problem.ts';
import type { FakeKey, FakeState } from './state.ts';
import { parseBody } from './teams.ts';

const SHORTEST_KEY = 16;
const SHA256_HEX = /^[0-9a-f]{64}$/;
const UI_SESSION_TEAM = 'litellm-dashboard';

const newKey = z.object({
  key: z.string(),
  key_alias: z.string().nullish(),
  user_id: z.string().nullish(),
  team_id: z.string().nullish(),
  metadata: z.record(z.string(), z.unknown()).nullish(),
  duration: z
    .string()
    .regex(/^\d+h$/)
    .nullish(),
});
const namedKey = z.object({ key: z.string() });
const keyUpdate = namedKey.extend({
  team_id: z.string().nullish(),
  metadata: z.record(z.string(), z.unknown()).nullish(),
});
const keyDelete = z.object({ keys: z.array(z.string()).min(1) });

export function createKeyRoutes(state: FakeState): Hono {
  const app = new Hono();

  app.get('/key/list', (context) => {
    const query = context.req.query();
    const page = parsePageQuery(query, 'size', 10);
    const rows = [...state.keys.values()].filter(
      (key) =>
        key.team_id !== UI_SESSION_TEAM &&
        (query.key_hash ?? key.token) === key.token &&
        // For an admin a part of an id is enough, as measured.
        (key.user_id ?? '').includes(query.user_id ?? ''),
    );
    const { rows: keys, total, totalPages } = takePage(rows, query.sort_by, page);
    return context.json({ keys, total_count: total, current_page: page.page, total_pages: totalPages });
  });

  app.post('/key/generate', async (context) => {
    const given = parseBody(newKey, await context.req.json());
    if (!given.key.startsWith('sk-') || given.key.length < SHORTEST_KEY) {
      const text = `Invalid key format. LiteLLM Virtual Key must be at least ${SHORTEST_KEY} characters long.`;
      throw createProblem(400, { message: `{'error': '${text}'}` });
    }
    const alias = given.key_alias ?? null;
    if (alias !== null && [...state.keys.values()].some((key) => key.key_alias === alias)) {
      throw createProblem(400, {
        message: `Key with alias '${alias}' already exists. Unique key aliases across all keys are required.`,
        type: 'bad_request_error',
        param: 'key_alias',
      });
    }
    const row: FakeKey = {
      token: createHash('sha256').update(given.key).digest('hex'),
      key_name: `sk-...${given.key.slice(-4)}`,
      key_alias: alias,
      user_id: given.user_id ?? null,
      team_id: given.team_id ?? null,
      metadata: given.metadata ?? {},
      blocked: null,
      expires: given.duration
        ? new Date(
            systemClock.now().getTime() + Number.parseInt(given.duration, 10) * 3_600_000,
          ).toISOString()
        : null,
      spend: 0,
      created_at: systemClock.now().toISOString(),
      last_active: null,
    };
    // A key that exists stays as it is, and the answer does not say so.
    if (!state.keys.has(row.token)) state.keys.set(row.token, row);
    return context.json({ ...row, key: given.key });
  });

  app.post('/key/block', async (context) => {
    const key = requireKey(state, parseBody(namedKey, await context.req.json()).key);
    key.blocked = true;
    return context.json(key);
  });

  app.post('/key/unblock', async (context) => {
    const key = requireKey(state, parseBody(namedKey, await context.req.json()).key);
    key.blocked = false;
    return context.json(key);
  });

  app.post('/key/update', async (context) => {
    const changes = parseBody(keyUpdate, await context.req.json());
    const key = requireKey(state, changes.key);
    if (changes.team_id !== undefined) {
      if (changes.team_id !== null && changes.team_id !== key.team_id)
        checkOwner(state, key, changes.team_id);
      key.team_id = changes.team_id;
    }
    if (changes.metadata) key.metadata = changes.metadata;
    return context.json({ ...key, key: key.token });
  });

  app.post('/key/delete', async (context) => {
    const { keys } = parseBody(keyDelete, await context.req.json());
    const present = keys.filter((token) => state.keys.delete(token));
    if (present.length === 0) throw createProblem(404, { message: "{'error': 'No keys found'}" });
    return context.json({ deleted_keys: keys });
  });

  return app;
}

function requireKey(state: FakeState, token: string): FakeKey {
  if (!SHA256_HEX.test(token)) {
    throw createProblem(400, { message: 'Invalid key format.', type: 'bad_request_error', param: 'key' });
  }
  const key = state.keys.get(token);
  if (key !== undefined) return key;
  throw createProblem(404, { message: 'Key not found.', type: 'not_found_error', param: 'key' });
}

function checkOwner(state: FakeState, key: FakeKey, teamId: string): void {
  const team = state.teams.get(teamId);
  if (team === undefined) {
    const text = `Team doesn't exist in db. Team=${teamId}. Create team via \`/team/new\` call.`;
    throw createProblem(404, { message: `{'error': "${text}"}`, type: 'auth_error', param: 'None' });
  }
  if (key.user_id === null || team.members_with_roles.some(({ user_id }) => user_id === key.user_id)) return;
  throw createProblem(403, {
    message: `User=${key.user_id} is not a member of the team=${teamId}. Check team members via \`/team/info\`.`,
    type: 'auth_error',
    param: 'None',
  });
}
