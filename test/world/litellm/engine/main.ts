// Stands in for the query engine binary of prisma-client-py: the same HTTP protocol, answered by Prisma's own
// engine as WebAssembly over `pg`. LiteLLM itself stays as published. Started by LiteLLM, ends with it.

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { readModels } from './json-arguments.ts';
import { type EnginePackages, loadPackages, type QueryEngine } from './packages.ts';
import { toClientResult } from './plain-result.ts';
import { toEngineQuery } from './query-document.ts';

type Body = { query: string } | { batch: { query: string }[]; transaction?: boolean };
type Reply = Record<string, unknown>;

const TRACE = '{}';
const MAX_CONNECTIONS = 20;
const PARENT_CHECK_MS = 500;
const WITHOUT_ENGINE_BINARY = `
generator js {
  provider = "prisma-client-js"
  previewFeatures = ["driverAdapters"]
}
`;

const packages = loadPackages(requireVariable('QUERY_ENGINE_PACKAGES'));
const schema =
  readFileSync(requireVariable('PRISMA_DML_PATH'), 'utf8').replace(/generator\s+\w+\s*\{[^}]*\}/g, '') +
  WITHOUT_ENGINE_BINARY;
const models = readModels(schema);
const engine = packages.createEngine({ schema, ...readDatabase() });
await engine.connect(TRACE);
createServer(async (request, response) => {
  const reply = await answer(request.url ?? '/', await text(request), request.headers['x-transaction-id']);
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(reply));
}).listen(Number(process.argv[process.argv.indexOf('-p') + 1]), '127.0.0.1');

// A parent killed with -9 cannot end us, and LiteLLM does not look after us either.
const parent = process.ppid;
setInterval(() => process.ppid === parent || process.exit(), PARENT_CHECK_MS);
process.on('SIGINT', () => process.exit());
process.on('SIGTERM', () => process.exit());

async function answer(
  url: string,
  body: string,
  transactionId: string | string[] | undefined,
): Promise<Reply> {
  const path = url.split('?')[0] ?? '';
  if (path === '/status') return { status: 'ok' };
  if (path.startsWith('/metrics')) return { counters: [], gauges: [], histograms: [] };
  try {
    const [, transaction, id = '', end] = path.split('/');
    if (transaction === 'transaction' && id === 'start') return await startTransaction(body);
    if (transaction === 'transaction' && end === 'commit') {
      return parseReply(await engine.commitTransaction(id, TRACE));
    }
    if (transaction === 'transaction') return parseReply(await engine.rollbackTransaction(id, TRACE));
    return await run(packages, engine, JSON.parse(body), String(transactionId ?? '') || undefined);
  } catch (error) {
    return toErrorReply(error);
  }
}

async function startTransaction(body: string): Promise<Reply> {
  const given = body === '' ? {} : JSON.parse(body);
  const options = {
    max_wait: given.max_wait ?? 2_000,
    timeout: given.timeout ?? 5_000,
    isolation_level: given.isolation_level,
  };
  return parseReply(await engine.startTransaction(JSON.stringify(options), TRACE));
}

async function run(
  { parse }: EnginePackages,
  { query }: QueryEngine,
  body: Body,
  transactionId: string | undefined,
): Promise<Reply> {
  const translate = (document: string) =>
    toEngineQuery(parse(document).definitions[0].selectionSet.selections[0], models);
  const ask = async (value: unknown) =>
    JSON.parse(await query.call(engine, JSON.stringify(value), TRACE, transactionId));
  if ('batch' in body) {
    const batch = body.batch.map((item) => translate(item.query));
    const result = await ask({ batch, transaction: body.transaction === true ? {} : undefined });
    return result.batchResult ? { batchResult: result.batchResult.map(toClientResult) } : result;
  }
  return toClientResult(await ask(translate(body.query))) as Reply;
}

function parseReply(reply: string): Reply {
  return reply === '' ? {} : JSON.parse(reply);
}

/** P2009 is Prisma's code for a query that could not be validated. */
function toErrorReply(error: unknown): Reply {
  const message = error instanceof Error ? error.message : String(error);
  let known: unknown;
  try {
    known = JSON.parse(message);
  } catch {
    process.stderr.write(`query engine: ${message}\n`);
    known = { message, error_code: 'P2009' };
  }
  return { errors: [{ error: message, user_facing_error: known }] };
}

/** The connection string, without the options that only Prisma's own engine understands. */
function readDatabase(): { databaseUrl: string; connections: number } {
  const overrides = JSON.parse(process.env.OVERWRITE_DATASOURCES ?? '[]');
  const url = new URL(overrides[0]?.url ?? requireVariable('DATABASE_URL'));
  const connections = Number(url.searchParams.get('connection_limit') ?? 10);
  for (const name of [...url.searchParams.keys()]) url.searchParams.delete(name);
  return { databaseUrl: url.toString(), connections: Math.min(connections, MAX_CONNECTIONS) };
}

function requireVariable(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === '') throw new Error(`${name} is not set.`);
  return value;
}
