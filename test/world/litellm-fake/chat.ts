// The fake's model endpoint: the mock's words for a live key whose team has the model, LiteLLM's refusals else.

import { Hono } from 'hono';
import * as z from 'zod';
import { renderMockAnswer } from '../litellm/config.ts';
import { requireCaller } from './access.ts';
import { createProblem } from './problem.ts';
import type { FakeState } from './state.ts';
import { parseBody } from './teams.ts';

export type ChatOptions = {
  readonly state: FakeState;
  readonly masterKey: string;
  readonly models: readonly string[];
};

export function createChatRoutes({ state, masterKey, models }: ChatOptions): Hono {
  const app = new Hono();
  for (const path of ['/chat/completions', '/v1/chat/completions']) {
    app.post(path, async (context) => {
      const key = requireCaller(context.req.header('authorization'), masterKey, state);
      const { model } = parseBody(z.object({ model: z.string() }), await context.req.json());
      checkTeamIsOpen(state, key?.team_id ?? null);
      checkTeamHasModel(state, key?.team_id ?? null, model);
      if (!models.includes(model)) {
        const message = `/chat/completions: Invalid model name passed in model=${model}. Call \`/v1/models\` to view available models for your key.`;
        throw createProblem(400, { message, type: 'invalid_request_error' });
      }
      const message = { content: renderMockAnswer(model), role: 'assistant' };
      return context.json({
        id: 'chatcmpl-fake',
        created: 0,
        model,
        object: 'chat.completion',
        choices: [{ finish_reason: 'stop', index: 0, message }],
        usage: { completion_tokens: 20, prompt_tokens: 10, total_tokens: 30 },
      });
    });
  }
  return app;
}

function checkTeamIsOpen(state: FakeState, teamId: string | null): void {
  if (teamId === null || !state.teams.get(teamId)?.blocked) return;
  const message = `Authentication Error, Team=${teamId} is blocked. Update via \`/team/unblock\` if you're an admin.`;
  throw createProblem(401, { message, type: 'auth_error' });
}

/** A team without models has all; a key without a team too. */
function checkTeamHasModel(state: FakeState, teamId: string | null, model: string): void {
  const allowed = teamId === null ? [] : (state.teams.get(teamId)?.models ?? []);
  if (allowed.length === 0 || allowed.includes(model)) return;
  throw createProblem(403, {
    message: `The requested model '${model}' is not available for this API key, or the model name is invalid. Check the models available to you and try again.`,
    type: 'team_model_access_denied',
    param: 'model',
  });
}
