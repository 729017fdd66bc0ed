// The droplet's config.yaml in the real LiteLLM: which models it lists, that each has its price, who answers when a
// vendor is away, and that nobody's words reach the log. Ollama is a stand-in; the vendors are closed ports.

import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import * as z from 'zod';
import { Secret } from '../../lib/secret.ts';
import { callModel } from '../world/call-model.ts';
import { type LiteLLM, startLiteLLM } from '../world/litellm/start.ts';
import { findFreePort } from '../world/port.ts';
import { makeThrowAwayFolder } from '../world/throw-away-folder.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const RETIRED = [
  'gpt-4',
  'gpt-4-turbo',
  'gpt-3.5-turbo',
  'claude-3-opus',
  'claude-3-sonnet',
  'claude-3-haiku',
];
const CURRENT = [
  'gpt-6.1-sol',
  'gpt-5.6-sol',
  'gpt-5.6-terra',
  'gpt-6-luna',
  'claude-opus-5-5',
  'claude-sonnet-5-5',
  'claude-haiku-5-5',
];
const LOCAL = 'mistral-local';

const world = inject('world');
const folder = makeThrowAwayFolder();
let litellm: LiteLLM;
let ollama: Server;
let askedOfOllama: string[];

beforeAll(async () => {
  ollama = startOllama();
  await once(ollama, 'listening');
  const closed = `http://127.0.0.1:${await findFreePort()}`;
  const shipped = readFileSync(join(ROOT, 'droplet', 'litellm', 'config.yaml'), 'utf8');
  litellm = await startLiteLLM({
    cacheDir: join(ROOT, '.world', 'cache'),
    workDir: folder.path,
    databaseUrl: world.litellmDatabaseUrl,
    masterKey: world.litellmAdminKey,
    configText: shipped.replace(
      'http://ollama:11434',
      `http://127.0.0.1:${(ollama.address() as AddressInfo).port}`,
    ),
    log: () => undefined,
    extraEnv: {
      LITELLM_MODE: 'PRODUCTION',
      OPENAI_API_KEY: 'sk-of-nobody',
      OPENAI_API_BASE: closed,
      OPENAI_BASE_URL: closed,
      ANTHROPIC_API_KEY: 'sk-of-nobody',
      ANTHROPIC_API_BASE: closed,
    },
  });
});
afterAll(async () => {
  await litellm?.stop();
  ollama?.close();
  folder.remove();
});

/** Answers `/api/chat` as Ollama does, with the model it was asked for. */
function startOllama(): Server {
  askedOfOllama = [];
  return createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    const { model } = JSON.parse(text || '{}') as { model?: string };
    askedOfOllama.push(`${request.url} ${model}`);
    response.setHeader('content-type', 'application/json').end(
      JSON.stringify({
        model,
        created_at: '2026-11-25T00:00:00Z',
        message: { role: 'assistant', content: 'This is the droplet.' },
        done: true,
        done_reason: 'stop',
        prompt_eval_count: 4,
        eval_count: 5,
      }),
    );
  }).listen(0, '127.0.0.1');
}

async function ask<T>(path: string, answer: z.ZodType<T>): Promise<T> {
  const response = await fetch(`${litellm.baseUrl}${path}`, {
    headers: { authorization: `Bearer ${world.litellmAdminKey}` },
  });
  return answer.parse(await response.json());
}

test('LiteLLM lists exactly the models that were promised: the old names, their successors and ours', async () => {
  const { data } = await ask('/v1/models', z.object({ data: z.array(z.object({ id: z.string() })) }));

  expect(data.map(({ id }) => id).sort()).toEqual([...RETIRED, ...CURRENT, LOCAL].sort());
});

test('every model of a vendor has a price that LiteLLM knows, and ours costs nothing', async () => {
  const { data } = await ask(
    '/model/info',
    z.object({
      data: z.array(
        z.object({
          model_name: z.string(),
          litellm_params: z.object({ model: z.string() }),
          model_info: z.object({ input_cost_per_token: z.number().nullish() }),
        }),
      ),
    }),
  );

  const free = data.filter(({ model_info }) => !model_info.input_cost_per_token);
  expect(free.map(({ model_name }) => model_name)).toEqual([LOCAL]);
  // No name still means the model that its vendor has retired.
  const retired = data.filter(({ model_name, litellm_params }) =>
    litellm_params.model.endsWith(`/${model_name}`),
  );
  expect(retired.map(({ model_name }) => model_name).sort()).toEqual([...CURRENT].sort());
});

test('mistral-local is answered by Ollama’s mistral', async () => {
  const answer = await callModel(litellm.baseUrl, { key: new Secret(world.litellmAdminKey), model: LOCAL });

  expect(answer).toEqual({ status: 200, text: 'This is the droplet.' });
  expect(askedOfOllama.at(-1)).toBe('/api/chat mistral');
});

test('the installation makes the control plane a proxy_admin key of its own, once', async () => {
  const key = `sk-${randomBytes(32).toString('hex')}`;
  const program = readFileSync(join(ROOT, 'droplet', 'install', 'make-admin-key.py'), 'utf8');
  const make = async () => {
    const python = spawn('python3', ['-'], {
      env: {
        PATH: process.env.PATH,
        LITELLM_BASE_URL: litellm.baseUrl,
        LITELLM_MASTER_KEY: world.litellmAdminKey,
      },
    });
    python.stdin.end(`${program}\nmain("${key}")\n`);
    const [status] = await once(python, 'close');
    return status;
  };
  const keysOfUser = async () => {
    const path = '/key/list?user_id=control-plane&return_full_object=true';
    const { keys } = await ask(path, z.object({ keys: z.array(z.object({ key_alias: z.string() })) }));
    return keys;
  };

  const statuses = [await make(), await make()];

  const asked = await fetch(`${litellm.baseUrl}/user/list?page_size=1`, {
    headers: { authorization: `Bearer ${key}` },
  });
  expect(statuses).toEqual([0, 0]);
  expect(asked.status).toBe(200);
  expect(await keysOfUser()).toHaveLength(1);
});

test('while its vendor is away a small model is replaced by ours, a big one fails rather than be mistaken for it, and nobody’s words are in the log', async () => {
  const words = 'the recipe of the house';
  const call = async (model: string) => {
    const response = await fetch(`${litellm.baseUrl}/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${world.litellmAdminKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model, messages: [{ role: 'user', content: words }] }),
    });
    await response.text();
    return response.status;
  };

  const statuses = await Promise.all(['claude-3-haiku', 'claude-3-opus', 'gpt-4'].map(call));

  expect(statuses).toEqual([200, 500, 500]);
  const log = readFileSync(litellm.logFile, 'utf8');
  expect(log).toContain('/chat/completions');
  expect(log).not.toContain(words);
});
