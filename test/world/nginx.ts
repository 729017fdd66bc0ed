// Starts the shipped nginx configuration in a real nginx: rendered as on the droplet, with other ports and folders.
// Ends with this process, however this process ends.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { startChild } from './child.ts';
import { findFreePort } from './port.ts';
import { waitUntil } from './wait-until.ts';

export type NginxOptions = {
  /** An existing folder that everybody may enter, for its configuration, logs and sockets; a short path (a socket's
   *  has at most 107 characters). */
  readonly dir: string;
  readonly publicHost: string;
  /** `host:port` of what stands behind it. */
  readonly litellmAddress: string;
  readonly postgresAddress: string;
  /** The web address of control/portal. */
  readonly portalWebUrl: string;
  /** Holds ca.pem, control.crt, control.key, and functions-ca.pem that the functions' web address is checked by. */
  readonly tlsDir: string;
  /** Chain and key of the public site. */
  readonly publicCertificate: string;
  /** Both ports then expect the PROXY line of a load balancer first, and believe the loopback network. */
  readonly isBehindLoadBalancer?: boolean;
  /** Other values for names in droplet/nginx/defaults.env. */
  readonly settings?: Readonly<Record<string, string>>;
};

export type Nginx = {
  readonly httpPort: number;
  readonly httpsPort: number;
  /** Answers the questions of an ACME server on port 80. */
  readonly acmeDir: string;
  /** Sends it the signal that the droplet's renewal sends; the old workers go when their requests end. */
  readonly reloadCommand: string;
  /** What was logged of requests and of connections to PostgreSQL, oldest first. */
  readAccessLog(): readonly Readonly<Record<string, unknown>>[];
  /** Everything that it wrote anywhere. */
  readLogs(): string;
  stop(): Promise<void>;
};

const RENDER = join(import.meta.dirname, '..', '..', 'droplet', 'nginx', 'render');
/** Debian keeps it in a package of its own; the official image has it built in. */
const STREAM_MODULE = '/usr/lib/nginx/modules/ngx_stream_module.so';
const READY_LIMIT_MS = 10_000;

export async function startNginx(options: NginxOptions): Promise<Nginx> {
  const { dir } = options;
  const [httpPort, httpsPort] = [await findFreePort(), await findFreePort()];
  const [accessLog, errorLog, output] = ['access.log', 'error.log', 'output.log'].map((name) =>
    join(dir, name),
  ) as [string, string, string];
  const acmeDir = join(dir, 'acme');
  for (const folder of ['run', 'cache', 'acme']) mkdirSync(join(dir, folder), { recursive: true });
  const proxied = options.isBehindLoadBalancer === true ? ' proxy_protocol' : '';
  const settings = {
    PUBLIC_HOST: options.publicHost,
    PORTAL_WEB_URL: options.portalWebUrl,
    LITELLM_ADDRESS: options.litellmAddress,
    POSTGRES_ADDRESS: options.postgresAddress,
    HTTP_LISTEN: `127.0.0.1:${httpPort}${proxied}`,
    HTTPS_LISTEN: `127.0.0.1:${httpsPort}${proxied}`,
    // Ours is too old for it, and the addresses do not change.
    RESOLVE: '',
    WORKER_USER: 'www-data',
    RUN_DIR: join(dir, 'run'),
    CACHE_DIR: join(dir, 'cache'),
    TLS_DIR: options.tlsDir,
    PUBLIC_CERTIFICATE: options.publicCertificate,
    ACME_DIR: acmeDir,
    FUNCTIONS_CA: join(options.tlsDir, 'functions-ca.pem'),
    ACCESS_LOG: accessLog,
    ERROR_LOG: errorLog,
    ...(proxied === '' ? {} : { LOAD_BALANCER_RANGE: '127.0.0.0/8' }),
    ...options.settings,
  };
  const configuration = renderNginx(settings, dir);
  const modules = isStreamApart() ? `load_module ${STREAM_MODULE};` : '';
  const common = ['-e', errorLog, '-c', join(configuration, 'nginx.conf')];
  check([...common, '-t', '-g', modules]);

  const child = startChild({
    command: 'nginx',
    args: [...common, '-g', `daemon off; ${modules}`],
    env: process.env,
    logFile: output,
    stopSignal: 'TERM',
  });
  const read = (file: string) => (existsSync(file) ? readFileSync(file, 'utf8') : '');
  try {
    await waitUntil(
      async () => {
        if (child.hasExited()) throw new Error(`nginx ended at once. ${read(errorLog)}${read(output)}`);
        return listens(httpsPort);
      },
      { what: 'nginx did not answer', limitMs: READY_LIMIT_MS, everyMs: 20, explain: () => read(errorLog) },
    );
  } catch (error) {
    await child.kill();
    throw error;
  }
  return {
    httpPort,
    httpsPort,
    acmeDir,
    reloadCommand: `kill -HUP $(cat ${join(dir, 'run', 'nginx.pid')})`,
    readAccessLog: () =>
      read(accessLog)
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line)),
    readLogs: () => [accessLog, errorLog, output].map(read).join('\n'),
    stop: () => child.stop(),
  };
}

/** Writes the configuration for `settings` below `dir` by the script that the droplet runs, and gives its folder.
 *  Throws with what the script says. */
export function renderNginx(settings: Readonly<Record<string, string>>, dir: string): string {
  const file = join(dir, 'site.env');
  const target = join(dir, 'nginx');
  writeFileSync(
    file,
    Object.entries(settings)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
  );
  const { status, stderr, stdout } = spawnSync('sh', [RENDER, file, target], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${stderr}${stdout}`.trim());
  return target;
}

function isStreamApart(): boolean {
  return spawnSync('nginx', ['-V'], { encoding: 'utf8' }).stderr.includes('--with-stream=dynamic');
}

function check(args: readonly string[]): void {
  const { status, stderr, error } = spawnSync('nginx', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`nginx refuses the configuration: ${error?.message ?? stderr}`);
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    // Not yet: the limit above decides.
    socket.on('error', () => resolve(false));
  });
}
