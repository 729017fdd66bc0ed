// A checkout that is small, a cloud that is a double, a doctl that is a stand-in: what `lcp deploy` needs around it.

import { chmodSync, cpSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';
import { type DeployCommandOptions, deployCommand } from '../../lib/cli/deploy.ts';
import type { Clock } from '../../lib/clock.ts';
import { isControlError } from '../../lib/errors.ts';
import { type FunctionsCloud, startFunctionsCloud } from '../world/digitalocean/functions-cloud.ts';
import { makeThrowAwayFolder } from '../world/throw-away-folder.ts';

const REPOSITORY = path.resolve(import.meta.dirname, '..', '..');

export const FUNCTIONS = ['control/sync', 'control/webhook', 'control/portal'] as const;

/** Three functions with one trigger; `memory` makes another deployment of it. */
export function renderProject(memory = 256): string {
  const block = (name: string, web: string, variables: readonly string[], rest = '') => `
      - name: ${name}
        runtime: nodejs:22
        main: main
        web: ${web}
        limits: {timeout: 30000, memory: ${memory}}
        environment:
${variables.map((variable) => `          ${variable}: '\${${variable}}'`).join('\n')}
${rest}`;
  const triggers = `        triggers:
          - {name: sync-every-5-minutes, type: SCHEDULED, scheduledDetails: {cron: '*/5 * * * *'}}
`;
  return `packages:
  - name: control
    web: false
    functions:${block('sync', 'false', ['LITELLM_BASE_URL', 'LITELLM_ADMIN_KEY', 'CONTROL_DATABASE_URL'], triggers)}
${block('webhook', 'raw', ['GRAPH_CLIENT_STATE'])}${block('portal', 'raw', ['PORTAL_SESSION_KEY'])}`;
}

export type Deployer = {
  readonly cloud: FunctionsCloud;
  readonly root: string;
  /** The settings in the file of --env; change them and run again. */
  readonly values: Record<string, string>;
  /** Of the terminal: what is exported there. */
  readonly variables: Record<string, string>;
  /** How long was waited, in all. */
  waitedMs(): number;
  /** What the next build makes of each function. */
  setCode(text: string): void;
  setProject(text: string): void;
  connectTo(namespace: string): void;
  run(options?: Partial<DeployCommandOptions>): Promise<{ code: number | string; out: string; err: string }>;
  stop(): Promise<void>;
};

export async function makeDeployer(controlDatabaseUrl: string): Promise<Deployer> {
  const folder = makeThrowAwayFolder();
  const root = path.join(folder.path, 'checkout');
  const cloud = await startFunctionsCloud();
  mkdirSync(path.join(root, 'droplet', 'upgrade'), { recursive: true });
  writeFileSync(path.join(root, 'project.yml'), renderProject());
  writeFileSync(path.join(root, 'package.json'), '{"version": "0.1.0"}');
  cpSync(path.join(REPOSITORY, 'test/world/policy.yml'), path.join(root, 'policy.yml'));
  cpSync(path.join(REPOSITORY, 'droplet/upgrade/ship-agent'), path.join(root, 'droplet/upgrade/ship-agent'));
  const bin = path.join(folder.path, 'bin');
  await makeDoctl(bin);
  const values: Record<string, string> = {
    LITELLM_BASE_URL: 'https://control.llm.example.com',
    LITELLM_ADMIN_KEY: 'sk-admin-key-of-the-tests',
    CONTROL_DATABASE_URL: controlDatabaseUrl,
    GRAPH_CLIENT_STATE: 'c'.repeat(64),
    PORTAL_SESSION_KEY: 'A'.repeat(43),
    DO_API_HOST: cloud.url,
    DO_NAMESPACE: cloud.namespace,
    DO_FUNCTIONS_KEY: cloud.key,
    DIGITALOCEAN_TOKEN: cloud.token,
    DIGITALOCEAN_API_URL: cloud.url,
    DROPLET_SSH: 'none',
    DATA_PLANE_CA: 'none',
    OPERATOR_CLIENT_IDENTITY: 'none',
  };
  const variables: Record<string, string> = { PATH: `${bin}:${process.env.PATH}`, HOME: folder.path };
  let waitedMs = 0;
  const clock: Clock = {
    now: () => new Date('2026-11-25T12:00:00Z'),
    sleep: async (durationMs) => {
      waitedMs += durationMs;
    },
  };
  let code = 'first';
  const connectTo = (namespace: string) => {
    const connection = { apiHost: cloud.url, namespace, auth: cloud.key, apiUrl: cloud.url };
    writeFileSync(path.join(folder.path, 'doctl-connection.json'), JSON.stringify(connection));
    writeFileSync(
      path.join(folder.path, 'doctl-status'),
      `Connected to functions namespace '${namespace}' on API host '${cloud.url}' (label=test)\nServerless software version is 5.0.22\n\n`,
    );
  };
  connectTo(cloud.namespace);
  const buildAll = async (): Promise<void> => {
    for (const name of FUNCTIONS) {
      const target = path.join(root, 'packages', name);
      mkdirSync(path.join(target, 'bundle'), { recursive: true });
      writeFileSync(path.join(target, '.include'), 'bundle/function.zip\n');
      writeFileSync(path.join(target, 'bundle', 'function.zip'), `${code} ${name}`);
    }
  };

  return {
    cloud,
    root,
    values,
    variables,
    waitedMs: () => waitedMs,
    setCode: (text) => {
      code = text;
    },
    setProject: (text) => writeFileSync(path.join(root, 'project.yml'), text),
    connectTo,
    async run(options = {}) {
      const env = path.join(folder.path, 'settings.env');
      writeFileSync(
        env,
        Object.entries(values)
          .map(([name, value]) => `${name}='${value}'\n`)
          .join(''),
      );
      let [out, err] = ['', ''];
      const environment = {
        variables,
        clock,
        print: (text: string) => {
          out += text;
        },
        printError: (text: string) => {
          err += text;
        },
        actor: 'cli:test',
      };
      const chosen = { env, dryRun: false, yes: true, ...options };
      try {
        const exitCode = await deployCommand(environment, chosen, {
          root,
          build: buildAll,
        });
        return { code: exitCode, out, err };
      } catch (error) {
        if (!isControlError(error)) throw error;
        return { code: error.code, out, err: err + error.message };
      }
    },
    async stop() {
      await cloud.stop();
      folder.remove();
    },
  };
}

let bundled: Promise<string> | undefined;

/** The stand-in as one file, because it starts for every deployment and Node takes longest to find and read modules. */
async function bundleDoctl(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [path.join(REPOSITORY, 'test/world/digitalocean/doctl.ts')],
    bundle: true,
    minify: true,
    platform: 'node',
    format: 'esm',
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
    write: false,
    logLevel: 'silent',
  });
  return outputFiles[0]?.text ?? '';
}

async function makeDoctl(bin: string): Promise<void> {
  mkdirSync(bin, { recursive: true });
  bundled ??= bundleDoctl();
  writeFileSync(path.join(bin, 'doctl.mjs'), await bundled);
  const file = path.join(bin, 'doctl');
  // The connection is answered by the shell, as fast as doctl itself would.
  const script = `#!/bin/sh
[ "$2" = status ] && exec cat "$HOME/doctl-status"
exec '${process.execPath}' '${path.join(bin, 'doctl.mjs')}' "$@"
`;
  writeFileSync(file, script);
  chmodSync(file, 0o755);
}
