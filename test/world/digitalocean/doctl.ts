// Stands in for doctl with its serverless support, which can be downloaded from one vendor's host only. It does what
// the deployer's source does (github.com/digitalocean/functions-deployer src/deploy.ts, src/triggers.ts), in the order
// of project.yml instead of all at once: store the package, then of each function read the former annotations, merge,
// store; then delete and make its triggers. Compared once with doctl and the deployer built from their sources.
//
// `deploy` is all it knows. Its connection is a file in HOME, as doctl's is.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parseEnv } from 'node:util';
import { type FunctionDeployment, readProject } from '../../../lib/platform/project.ts';
import { KILL_HEADER } from './kill-header.ts';

type Connection = { apiHost: string; namespace: string; auth: string; apiUrl: string };

const file = path.join(process.env.HOME ?? '', 'doctl-connection.json');
const connection = JSON.parse(readFileSync(file, 'utf8')) as Connection;
const [group, command, ...args] = process.argv.slice(2);
if (group !== 'serverless') fail(`unknown command ${group}`);
if (command === 'deploy') await deploy(args[0] ?? '', args[args.indexOf('--env') + 1] ?? '');
else fail(`unknown command ${command}`);

async function deploy(folder: string, environmentFile: string): Promise<void> {
  const props = parseEnv(readFileSync(environmentFile, 'utf8'));
  // What it was started with wins over the file: substituteFromEnvAndFiles.
  const values = {
    ...props,
    ...Object.fromEntries(Object.entries(process.env).filter(([, value]) => value)),
  };
  const functions = readProject(readFileSync(path.join(folder, 'project.yml'), 'utf8'), values);
  process.stdout.write(`Deploying '${path.resolve(folder)}'\n`);
  await ask('PUT', `/packages/${functions[0]?.packageName}?overwrite=true`, {
    annotations: [],
    parameters: [],
  });
  const failures: string[] = [];
  for (const one of functions) failures.push(...(await deployFunction(folder, one)));
  if (failures.length > 0) fail(failures.join('\n'));
}

/** @returns what failed, as the deployer collects it */
async function deployFunction(folder: string, one: FunctionDeployment): Promise<string[]> {
  const target = `/actions/${one.name}`;
  const former = await ask('GET', `${target}?code=false`);
  const old =
    former.status === 200
      ? ((former.body as { annotations?: { key: string; value: unknown }[] }).annotations ?? [])
      : [];
  const annotations = new Map(old.map(({ key, value }) => [key, value]));
  annotations.set('final', true);
  annotations.set('web-export', one.web !== false);
  annotations.set('raw-http', one.web === 'raw');
  annotations.set('require-whisk-auth', one.webSecret ?? false);
  const archive = readFileSync(path.join(folder, 'packages', one.name, 'bundle', 'function.zip'));
  const stored = await ask('PUT', `${target}?overwrite=true`, {
    annotations: [...annotations].map(([key, value]) => ({ key, value })),
    parameters: Object.entries(one.environment).map(([key, value]) => ({ key, value, init: true })),
    exec: { kind: one.runtime, code: archive.toString('base64'), binary: true, main: one.main },
    limits: { timeout: one.timeoutMs, memory: one.memoryMb },
  });
  if (stored.status !== 200) return [`While deploying action '${one.name}': ${stored.status}`];
  process.stdout.write(`  - ${one.name}\n`);
  const failures: string[] = [];
  for (const { name, cron, body, isEnabled } of one.triggers) {
    const triggers = `${connection.apiUrl}/v2/functions/namespaces/${connection.namespace}/triggers`;
    await send('DELETE', `${triggers}/${name}`, bearer());
    const trigger = {
      name,
      function: one.name,
      is_enabled: isEnabled,
      type: 'SCHEDULED',
      scheduled_details: { cron, body },
    };
    const made = await send('POST', triggers, bearer(), trigger);
    if (made.status !== 200) failures.push(`While deploying trigger '${name}': ${made.status}`);
  }
  return failures;
}

function ask(method: string, target: string, body?: object) {
  const authorization = `Basic ${Buffer.from(connection.auth).toString('base64')}`;
  return send(method, `${connection.apiHost}/api/v1/namespaces/_${target}`, authorization, body);
}

async function send(
  method: string,
  url: string,
  authorization: string,
  body?: object,
): Promise<{ status: number; body: unknown }> {
  const headers = { authorization, 'content-type': 'application/json' };
  const response = await fetch(url, {
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (response.headers.has(KILL_HEADER)) process.kill(process.pid, 'SIGKILL');
  const text = await response.text();
  return { status: response.status, body: text.startsWith('{') ? (JSON.parse(text) as unknown) : undefined };
}

function bearer(): string {
  return `Bearer ${process.env.DIGITALOCEAN_ACCESS_TOKEN}`;
}

function fail(message: string): never {
  process.stderr.write(`Error: ${message}\n`);
  process.exit(1);
}
