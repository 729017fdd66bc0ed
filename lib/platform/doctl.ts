// Runs doctl, which alone knows how to deploy. Its flags and outputs were read in its source and tried with a doctl
// built from it (github.com/digitalocean/doctl at 168188d, commands/serverless.go and serverless-extra.go).
//
// The deployer below it fills in project.yml from its own environment before it looks into the file of --env
// (github.com/digitalocean/functions-deployer src/util.ts, substituteFromEnvAndFiles), so doctl gets an environment of
// a few names only: otherwise a forgotten `export LITELLM_ADMIN_KEY=…` in a terminal would be what is deployed.

import { spawn } from 'node:child_process';
import { ControlError } from '../errors.ts';
import type { Secret } from '../secret.ts';

export type DoctlOptions = {
  /** Where programs, home and proxies are looked up; nothing else of it reaches doctl. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly token: Secret;
  /** For a whole deployment. */
  readonly timeoutMs: number;
};

export type Connection = { readonly namespace: string; readonly apiHost: string };

export type Doctl = {
  /** The namespace a deployment would go to.
   *  @throws ControlError DEPLOY_REFUSED when doctl is missing, lacks serverless support or is not connected */
  readConnection(signal: AbortSignal): Promise<Connection>;
  /** Deploys all functions and triggers of a project folder. That it says yes proves nothing: read it back.
   *  @returns whether doctl was content, and its own words with every value of `secrets` taken out
   *  @throws ControlError DEPLOY_REFUSED when doctl could not be started */
  deploy(
    folder: string,
    environmentFile: string,
    secrets: Readonly<Record<string, string | undefined>>,
    signal: AbortSignal,
  ): Promise<{ readonly isContent: boolean; readonly words: string }>;
};

/** What programs need to find their files and the network, by name. */
const HANDED_ON = [
  ...['PATH', 'HOME', 'USER', 'TMPDIR', 'LANG', 'XDG_CONFIG_HOME', 'APPDATA', 'USERPROFILE', 'SYSTEMROOT'],
  ...['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy'],
  ...['SSL_CERT_FILE', 'SSL_CERT_DIR', 'NODE_EXTRA_CA_CERTS', 'DIGITALOCEAN_API_URL'],
];
const STATUS_TIMEOUT_MS = 60_000;
/** Shorter values are words such as `none`, and taking them out would garble the text without hiding anything. */
const SHORTEST_SECRET = 6;

export function createDoctl(options: DoctlOptions): Doctl {
  return {
    async readConnection(signal) {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(STATUS_TIMEOUT_MS)]);
      const { code, text } = await run(options, ['serverless', 'status'], limit);
      const found = /Connected to functions namespace '([^']+)' on API host '([^']+)'/.exec(text);
      if (code === 0 && found?.[1] !== undefined && found[2] !== undefined) {
        return { namespace: found[1], apiHost: found[2] };
      }
      throw new ControlError('DEPLOY_REFUSED', explainStatus(text));
    },
    async deploy(folder, environmentFile, secrets, signal) {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(options.timeoutMs)]);
      // Never --remote-build: it deploys no triggers (doctl issues 1474 and 1868).
      const args = ['serverless', 'deploy', folder, '--env', environmentFile];
      const { code, text } = await run(options, args, limit);
      const words = redact(text, { ...secrets, DIGITALOCEAN_TOKEN: options.token.reveal() });
      return { isContent: code === 0, words };
    },
  };
}

/** The text without any of the values: a YAML error of the deployer's quotes the filled-in line. Pure. */
export function redact(text: string, secrets: Readonly<Record<string, string | undefined>>): string {
  return Object.entries(secrets)
    .filter((entry): entry is [string, string] => (entry[1]?.length ?? 0) >= SHORTEST_SECRET)
    .sort(([, a], [, b]) => b.length - a.length)
    .reduce((shown, [name, value]) => shown.replaceAll(value, `[${name}]`), text);
}

function explainStatus(text: string): string {
  if (text.includes('not connected')) {
    return 'doctl is not connected to a functions namespace under DIGITALOCEAN_TOKEN. Run `doctl serverless connect` with that token in its DIGITALOCEAN_ACCESS_TOKEN, and choose DO_NAMESPACE.';
  }
  if (text.includes('not installed'))
    return 'doctl lacks its serverless support; run `doctl serverless install`.';
  if (text.includes('needs to be upgraded')) {
    return 'doctl’s serverless support is too old; run `doctl serverless upgrade`.';
  }
  return '`doctl serverless status` did not name a namespace; run it with DIGITALOCEAN_TOKEN as its DIGITALOCEAN_ACCESS_TOKEN and do what it says.';
}

function run(
  { variables, token }: DoctlOptions,
  args: readonly string[],
  signal: AbortSignal,
): Promise<{ code: number | null; text: string }> {
  const env: Record<string, string | undefined> = { DIGITALOCEAN_ACCESS_TOKEN: token.reveal() };
  for (const name of HANDED_ON) if (variables[name] !== undefined) env[name] = variables[name];
  return new Promise((resolve, reject) => {
    const child = spawn('doctl', args, { env, stdio: ['ignore', 'pipe', 'pipe'], signal });
    let text = '';
    child.stdout.on('data', (chunk) => (text += chunk));
    child.stderr.on('data', (chunk) => (text += chunk));
    child.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') {
        const message = signal.aborted
          ? 'doctl did not end in time and was stopped.'
          : 'doctl could not be started.';
        reject(
          new ControlError(
            'DEPLOY_REFUSED',
            `${message} Run \`doctl serverless status\` by hand, then deploy again.`,
          ),
        );
        return;
      }
      const message =
        'doctl is not installed: https://docs.digitalocean.com/reference/doctl/how-to/install/, then `doctl serverless install`.';
      reject(new ControlError('DEPLOY_REFUSED', message));
    });
    child.on('close', (code) => resolve({ code, text }));
  });
}
