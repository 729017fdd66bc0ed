// Starts the real LiteLLM proxy without Docker on a PostgreSQL that is already there. Ends with this process,
// however this process ends. Its log is also its request log.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Secret } from '../../../lib/secret.ts';
import { startChild } from '../child.ts';
import { findFreePort } from '../port.ts';
import { waitUntil } from '../wait-until.ts';
import { renderConfig, WORLD_MODELS } from './config.ts';
import { generatePrismaClient, prepareEnvironment } from './environment.ts';
import { installLiteLLM } from './install.ts';
import { applyLiteLLMMigrations } from './migrate.ts';
import { type LoggedRequest, parseRequestLog } from './request-log.ts';

export type LiteLLMOptions = {
  /** Holds the installed programs; shared. */
  readonly cacheDir: string;
  /** Holds configuration and log of this instance. */
  readonly workDir: string;
  /** An existing database; migrated here. Its state is used as it is. */
  readonly databaseUrl: string;
  /** Taken when free, else another. */
  readonly port?: number;
  /** Must begin with sk-. */
  readonly masterKey: string;
  readonly models?: readonly string[];
  /** A whole config.yaml instead of the world's own: models, cache and Redis are then what it says. */
  readonly configText?: string;
  /** Five when left out. */
  readonly keyCacheTtlSeconds?: number;
  /** A Redis that it shares with the other proxies of its database. */
  readonly redisPort?: number;
  readonly log: (line: string) => void;
  readonly extraEnv?: NodeJS.ProcessEnv;
};

export type LiteLLM = {
  readonly baseUrl: string;
  readonly adminKey: Secret;
  readonly logFile: string;
  /** Requests answered since this start, oldest first, from LiteLLM's access log. */
  readRequestLog(): readonly LoggedRequest[];
  stop(): Promise<void>;
  kill(): Promise<void>;
};

// About 20 s on two cores when nothing else runs; a busy CI machine needs several times that.
const READY_LIMIT_MS = 180_000;
const ASK_TIMEOUT_MS = 2_000;

/** Installs what is missing, migrates, starts, and resolves when the proxy answers with its database. */
export async function startLiteLLM(options: LiteLLMOptions): Promise<LiteLLM> {
  const workDir = resolve(options.workDir);
  mkdirSync(workDir, { recursive: true });
  const install = await installLiteLLM(options);
  const configFile = join(workDir, 'config.yaml');
  writeFileSync(
    configFile,
    options.configText ?? renderConfig({ ...options, models: options.models ?? WORLD_MODELS }),
  );
  const env = { ...prepareEnvironment({ ...options, install, workDir, configFile }), ...options.extraEnv };
  if (!existsSync(install.generatedMarker)) options.log('LiteLLM: generating its database client (once)');
  await generatePrismaClient(install, env);
  const migrationCount = await applyLiteLLMMigrations(options.databaseUrl, install.sitePackages);
  if (migrationCount > 0) options.log(`LiteLLM: applied ${migrationCount} migrations`);

  const port = await findFreePort(options.port);
  const baseUrl = `http://127.0.0.1:${port}`;
  const logFile = join(workDir, 'litellm.log');
  writeFileSync(logFile, '');
  options.log('LiteLLM: starting, about twenty seconds');
  const child = startChild({
    command: install.python,
    args: [join(import.meta.dirname, 'serve.py'), String(port)],
    cwd: workDir,
    env,
    logFile,
    stopSignal: 'KILL',
  });
  try {
    await waitUntil(
      async () => {
        if (child.hasExited()) throw new Error(`LiteLLM ended at once. ${readTail(logFile)}`);
        return isReady(baseUrl, options.masterKey);
      },
      { what: 'LiteLLM did not become ready', limitMs: READY_LIMIT_MS, explain: () => readTail(logFile) },
    );
  } catch (error) {
    await child.kill();
    throw error;
  }
  options.log(`LiteLLM: ready on ${baseUrl}`);
  return {
    baseUrl,
    adminKey: new Secret(options.masterKey),
    logFile,
    readRequestLog: () => parseRequestLog(readFileSync(logFile, 'utf8')),
    // LiteLLM waits a long time for open connections; its data is in PostgreSQL, so there is nothing to wait for.
    stop: () => child.kill(),
    kill: () => child.kill(),
  };
}

async function isReady(baseUrl: string, masterKey: string): Promise<boolean> {
  try {
    const response = await fetch(`${baseUrl}/health/readiness/details`, {
      headers: { authorization: `Bearer ${masterKey}` },
      signal: AbortSignal.timeout(ASK_TIMEOUT_MS),
    });
    const health = (await response.json()) as { db?: string };
    return response.ok && health.db === 'connected';
  } catch {
    return false;
  }
}

function readTail(logFile: string): string {
  const lines = readFileSync(logFile, 'utf8').split('\n');
  return `The end of ${logFile}:\n${lines.slice(-25).join('\n')}`;
}
