// The environment LiteLLM runs in: its Python first on the path, our query engine in place of Prisma's binary,
// nothing fetched from elsewhere at start.

import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { type LiteLLMInstall, run } from './install.ts';

/** The engine version that prisma-client-py 0.15 asks for; both programs answer it. */
const ENGINE_COMMIT = '393aa359c9ad4a4bb28630fb5613f9c281cde053';
const ENGINE_MAIN = join(import.meta.dirname, 'engine', 'main.ts');

export type EnvironmentOptions = {
  readonly install: LiteLLMInstall;
  readonly workDir: string;
  readonly databaseUrl: string;
  readonly masterKey: string;
  readonly configFile: string;
};

/** Writes the two stand-in programs into `workDir` and returns the variables for LiteLLM and its Prisma. */
export function prepareEnvironment(options: EnvironmentOptions): NodeJS.ProcessEnv {
  const { install, workDir } = options;
  const programs = join(workDir, 'engine');
  mkdirSync(programs, { recursive: true });
  const queryEngine = join(programs, 'query-engine');
  const schemaEngine = join(programs, 'schema-engine');
  const node = `exec '${process.execPath}' --disable-warning=ExperimentalWarning '${ENGINE_MAIN}' "$@"`;
  const version = `[ "$1" = --version ] && echo "query-engine ${ENGINE_COMMIT}" && exit 0`;
  writeProgram(queryEngine, `${version}\n${node}`);
  writeProgram(schemaEngine, `echo "schema-engine-cli ${ENGINE_COMMIT}"`);
  const path = [dirname(install.python), dirname(process.execPath), process.env.PATH ?? ''];
  return {
    ...process.env,
    PATH: path.join(delimiter),
    QUERY_ENGINE_PACKAGES: install.engineDir,
    PRISMA_USE_GLOBAL_NODE: 'true',
    PRISMA_HOME_DIR: install.prismaDir,
    PRISMA_ENGINES_CHECKSUM_IGNORE_MISSING: '1',
    PRISMA_CLI_QUERY_ENGINE_TYPE: 'binary',
    PRISMA_QUERY_ENGINE_BINARY: queryEngine,
    PRISMA_SCHEMA_ENGINE_BINARY: schemaEngine,
    PRISMA_HIDE_UPDATE_MESSAGE: '1',
    CHECKPOINT_DISABLE: '1',
    DATABASE_URL: `${options.databaseUrl}?connection_limit=10&pool_timeout=60`,
    DISABLE_SCHEMA_UPDATE: 'true',
    CONFIG_FILE_PATH: options.configFile,
    LITELLM_MASTER_KEY: options.masterKey,
    LITELLM_SALT_KEY: 'sk-salt-of-the-local-world',
    LITELLM_LOCAL_MODEL_COST_MAP: 'True',
    LITELLM_DONT_SHOW_FEEDBACK_BOX: 'true',
    PYTHONUNBUFFERED: '1',
    TZ: 'UTC',
  };
}

/** Generates the Prisma client into the Python environment, once for each install; about ten seconds. */
export async function generatePrismaClient(install: LiteLLMInstall, env: NodeJS.ProcessEnv): Promise<void> {
  if (existsSync(install.generatedMarker)) return;
  const schema = join(install.sitePackages, 'litellm', 'proxy', 'schema.prisma');
  const logFile = join(dirname(install.generatedMarker), 'generate.log');
  await run(join(dirname(install.python), 'prisma'), ['generate', '--schema', schema], { env, logFile });
  writeFileSync(install.generatedMarker, '');
}

function writeProgram(file: string, body: string): void {
  writeFileSync(file, `#!/bin/sh\n${body}\n`);
  chmodSync(file, 0o755);
}
