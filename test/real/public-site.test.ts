// The real LiteLLM behind the shipped nginx: what is for holders of keys works on the public site, nothing else of its
// routes is there, and the control host has them all.

import { spawnSync } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Agent } from 'node:https';
import { join } from 'node:path';
import { expect, inject, test } from 'vitest';
import * as z from 'zod';
import { renderMockAnswer } from '../world/litellm/config.ts';
import { installLiteLLM } from '../world/litellm/install.ts';
import { parseRequestLog } from '../world/litellm/request-log.ts';
import { waitUntil } from '../world/wait-until.ts';
import { useEdge } from './edge-fixture.ts';

const world = inject('world');
const { host: litellmAddress } = new URL(world.litellmBaseUrl);
const MANY = { KEY_RATE: '10000r/s', KEY_BURST: '10000', ADDRESS_RATE: '10000r/s', ADDRESS_BURST: '10000' };
const OPEN = { KEY_OPEN: '500', ADDRESS_OPEN: '500', ADDRESS_CONNECTIONS: '500' };
const edge = useEdge(() => ({ litellmAddress, settings: { ...MANY, ...OPEN } }));

const CACHE = join(import.meta.dirname, '..', '..', '.world', 'cache');
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
const asMaster = bearer(world.litellmAdminKey);
const MESSAGES = [{ role: 'user', content: 'Who are you?' }];

test('a key that was made on the control host answers on the public site, whole and in pieces', async () => {
  const key = await makeKey();
  const ask = (path: string, body: object, headers = bearer(key)) =>
    edge.ask(path, { body: JSON.stringify(body), headers });

  const whole = await ask('/v1/chat/completions', { model: 'gpt-4', messages: MESSAGES });
  const pieces = await ask('/chat/completions', { model: 'gpt-4', messages: MESSAGES, stream: true });
  const azure = await ask('/openai/deployments/gpt-4/chat/completions', { messages: MESSAGES });
  const anthropic = await edge.ask('/v1/messages', {
    body: JSON.stringify({ model: 'gpt-4', messages: MESSAGES, max_tokens: 16 }),
    headers: { 'x-api-key': key, 'anthropic-version': '2023-06-01' },
  });
  const models = await edge.ask('/v1/models', { headers: bearer(key) });

  for (const { status, text } of [whole, azure, anthropic]) {
    expect(status, text).toBe(200);
    expect(text).toContain(renderMockAnswer('gpt-4'));
  }
  expect(pieces.headers['content-type']).toContain('text/event-stream');
  expect(pieces.text.match(/^data: /gm)?.length).toBeGreaterThan(2);
  expect(pieces.text.trimEnd()).toMatch(/data: \[DONE\]$/);
  expect(models.text).toContain('mistral-local');
});

test('LiteLLM’s own refusal of a key goes through as it is', async () => {
  const body = JSON.stringify({ model: 'gpt-4', messages: MESSAGES });
  const answer = await edge.ask('/v1/chat/completions', { body, headers: bearer('sk-nobody-has-this-one') });

  expect(answer.status).toBe(401);
  expect(answer.text).toContain('token_not_found_in_db');
});

test('of all routes LiteLLM has, only those for models are on the public site, even for the master key', async () => {
  const routes = await readRoutes();
  const forModels = await readRoutesForModels();

  const reached = await findReached(routes);

  // Its own word for them; the other two say whether it lives, and lead to the portal.
  const unexpected = reached.filter(
    (route) => !forModels.some((own) => own.test(route)) && !KNOWN.includes(route),
  );
  expect(routes.length).toBeGreaterThan(500);
  expect(unexpected).toEqual([]);
  expect(reached).toEqual(expect.arrayContaining(['/v1/chat/completions', '/v1/messages', '/models']));
  expect(reached.filter((route) => /team|user|key|config|spend|budget|global/.test(route))).toEqual([]);
});
const KNOWN = ['/health/liveliness', '/'];

const TRICKS = [
  '//team/list',
  '/team//list',
  '/./team/list',
  '/v1/../team/list',
  '/v1/chat/completions/../../../team/list',
  '/v1/chat/completions/..%2f..%2f..%2fteam/list',
  '/team/list/../../v1/models',
  '/key/list/%2e%2e/%2e%2e/v1/models',
  '/%2e%2e/team/list',
  '/%74eam/list',
  '/%2fteam%2flist',
  '/TEAM/LIST',
  '/Team/list',
  '/V1/models',
  '/team/list.',
  '/team/list/',
  '/team/list;/v1/models',
  '/team/list%00/v1/models',
  '/team/list%3f/v1/models',
  '/team/list%23/v1/models',
  '/team\\list',
  '/v1\\..\\team\\list',
  '/v1/models/../../team/list',
  '/v1/models%0a/team/list',
  '/v1/models%20',
  '/v1/team/list',
  '/openai/team/list',
  '/openai/v1/../../team/list',
  '/openai/deployments/../../team/list',
  '/openai/deployments/..%2f..%2fteam/chat/completions',
  '/engines/team/list',
  '/vertex_ai/team/list',
  '/bedrock/model/x/invoke',
  '/anthropic/v1/messages',
  '/responses/../team/list',
  '/v1/responses/x/../../team/list',
  '/dashboard/../team/list',
  '/ui/../team/list',
  '/health/liveliness/../readiness',
  '/health/readiness',
  '/-/ui-access',
  '/@not_found',
  'https://llm.example.com/team/list',
  'http://control.llm.example.com/team/list',
];
test('no spelling of a path leads the public site to another route', async () => {
  const seen = () => parseRequestLog(readFileSync(world.litellmLogFile, 'utf8'));
  const countBefore = seen().length;

  for (const path of TRICKS) {
    const { status, text } = await edge.ask(path, { headers: asMaster });
    // 400 is nginx's own for what is no address at all, 421 for another site's.
    expect([400, 404, 421], `${path} answered ${status}`).toContain(status);
    if (status === 404) expect(text, path).toContain('"code":"not_found"');
  }
  await edge.ask('/v1/models?the=last', { headers: asMaster });

  const arrived = await waitUntil(async () => seen().length > countBefore && seen().slice(countBefore), {
    what: 'LiteLLM logged nothing',
    limitMs: 10_000,
  });
  expect(arrived.map(({ path }) => path)).toEqual(['/v1/models']);
});

test('a body or a method changes nothing about what is there', async () => {
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD']) {
    const answer = await edge.ask('/team/new', {
      method,
      headers: asMaster,
      ...(method === 'POST' && { body: '{}' }),
    });
    expect([method, answer.status]).toEqual([method, 404]);
  }
});

test('the control host has the management routes, for a certificate and a key together', async () => {
  const operator = await edge.certificates.issueClient('operator');

  const both = await edge.askControl('/team/list', { ...operator, headers: asMaster });
  const certificateAlone = await edge.askControl('/team/list', operator);
  const keyAlone = await edge.askControl('/team/list', { headers: asMaster });

  expect([both.status, certificateAlone.status, keyAlone.status]).toEqual([200, 401, 400]);
});

test('LiteLLM’s own pages open for an Admin, with all that they load', async () => {
  const cookie = await edge.portal.cookieOf('admin');
  const page = await edge.ask('/ui/', { headers: { cookie } });
  const file = /(?:src|href)="(\/[^"]+\.(?:js|css))"/.exec(page.text)?.[1] ?? 'no file in the page';

  const asPage = { cookie, 'sec-fetch-site': 'same-origin', 'accept-encoding': 'gzip' };
  const loaded = await edge.ask(file, { headers: asPage });
  const called = await edge.ask('/.well-known/litellm-ui-config', { headers: asPage });

  expect([page.status, loaded.status, called.status]).toEqual([200, 200, 200]);
  expect(loaded.headers['content-encoding']).toBe('gzip');
  expect((await edge.ask(file)).status).toBe(404);
});

async function makeKey(): Promise<string> {
  const key = `sk-${randomBytes(24).toString('base64url')}`;
  const answer = await edge.askControl('/key/generate', {
    ...(await edge.certificates.issueClient('control-sync')),
    headers: asMaster,
    body: JSON.stringify({ key, key_alias: randomUUID(), models: [] }),
  });
  expect(answer.status, answer.text).toBe(200);
  return key;
}

/** Every path of LiteLLM's own description of itself. */
async function readRoutes(): Promise<string[]> {
  const response = await fetch(`${world.litellmBaseUrl}/openapi.json`);
  const { paths } = z.object({ paths: z.record(z.string(), z.unknown()) }).parse(await response.json());
  return Object.keys(paths);
}

/** What LiteLLM itself counts as a call of a model, as patterns; read without running it. */
async function readRoutesForModels(): Promise<RegExp[]> {
  const { python, sitePackages } = await installLiteLLM({ cacheDir: CACHE, log: () => undefined });
  const script = `
import ast, json, sys
tree = ast.parse(open(sys.argv[1]).read())
[routes] = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == 'LiteLLMRoutes']
lists = {node.targets[0].id: node.value for node in routes.body if isinstance(node, ast.Assign)}
print(json.dumps(sum((ast.literal_eval(lists[name]) for name in ('openai_routes', 'anthropic_routes')), [])))`;
  const file = join(sitePackages, 'litellm', 'proxy', '_types.py');
  const { stdout, stderr } = spawnSync(python, ['-c', script, file], { encoding: 'utf8' });
  expect(stderr).toBe('');
  return z
    .array(z.string())
    .parse(JSON.parse(stdout))
    .map((route) => new RegExp(`^${route.replaceAll(/[.*?]/g, '\\$&').replaceAll(/\{[^}]+\}/g, '[^/]+')}$`));
}

/** The routes that nginx passed on, or answered otherwise than with its own "there is no such route". */
async function findReached(routes: readonly string[]): Promise<string[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 16 });
  const left = [...routes];
  const reached: string[] = [];
  const worker = async () => {
    for (let route = left.pop(); route !== undefined; route = left.pop()) {
      const path = route.replaceAll(/\{[^}]+\}/g, 'x');
      const { status, text } = await edge.ask(path, { headers: asMaster, agent });
      if (status !== 404 || !text.includes('"code":"not_found"')) reached.push(route);
    }
  };
  await Promise.all(Array.from({ length: 16 }, worker));
  agent.destroy();
  return reached.sort();
}
