// Let's Encrypt's own small server for tests, with a name server that sends every name to this machine. Built once from
// its Go module into the cache. https://github.com/letsencrypt/pebble

import { writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { type Child, startChild } from './child.ts';
import type { Pair } from './droplet-certificates.ts';
import { buildWithGo } from './go.ts';
import { findFreePort } from './port.ts';
import { waitUntil } from './wait-until.ts';

export type Pebble = {
  /** ACME_SERVER. */
  readonly directoryUrl: string;
  stop(): Promise<void>;
};

export type PebbleOptions = {
  /** An existing folder for its settings and logs. */
  readonly dir: string;
  /** Its own certificate for 127.0.0.1, and who issued it. */
  readonly certificate: Pair;
  readonly ca: string;
  /** Where it looks for the answers to its questions. */
  readonly httpPort: number;
  /** Of the certificates it issues. */
  readonly validityDays: number;
};

const VERSION = 'v2.10.1';
const MODULE = 'github.com/letsencrypt/pebble/v2/cmd';
const COMMANDS = ['pebble', 'pebble-challtestsrv'];
const READY_LIMIT_MS = 10_000;
const DAY_SECONDS = 86_400;

export async function startPebble(options: PebbleOptions): Promise<Pebble> {
  const { dir } = options;
  const programs = buildWithGo({
    name: `pebble-${VERSION}`,
    args: () => ['install', ...COMMANDS.map((name) => `${MODULE}/${name}@${VERSION}`)],
  });
  const [port, managementPort] = [await findFreePort(), await findFreePort()];
  const [namesPort, namesManagementPort] = [await findFreePort(), await findFreePort()];
  const settings = {
    listenAddress: `127.0.0.1:${port}`,
    managementListenAddress: `127.0.0.1:${managementPort}`,
    certificate: join(dir, 'pebble.crt'),
    privateKey: join(dir, 'pebble.key'),
    httpPort: options.httpPort,
    tlsPort: 9,
    retryAfter: { authz: 1, order: 1 },
    keyAlgorithm: 'ecdsa',
    profiles: { default: { description: '', validityPeriod: options.validityDays * DAY_SECONDS } },
  };
  writeFileSync(settings.certificate, options.certificate.cert);
  writeFileSync(settings.privateKey, options.certificate.key, { mode: 0o600 });
  writeFileSync(join(dir, 'pebble.json'), JSON.stringify({ pebble: settings }));

  const start = (name: string, args: readonly string[]): Child =>
    startChild({
      command: join(programs, name),
      args,
      cwd: dir,
      // Its waits and made-up refusals are for other people's clients.
      env: { ...process.env, PEBBLE_VA_NOSLEEP: '1', PEBBLE_WFE_NONCEREJECT: '0' },
      logFile: join(dir, `${name}.log`),
      stopSignal: 'TERM',
    });
  const off = ['-http01', '', '-https01', '', '-tlsalpn01', '', '-doh', '', '-defaultIPv6', ''];
  const names = start('pebble-challtestsrv', [
    ...off,
    ...['-dnsserver', `127.0.0.1:${namesPort}`, '-management', `127.0.0.1:${namesManagementPort}`],
  ]);
  const server = start('pebble', [
    '-config',
    'pebble.json',
    '-dnsserver',
    `127.0.0.1:${namesPort}`,
    '-strict',
  ]);
  const stop = async () => {
    await Promise.all([server.stop(), names.stop()]);
  };
  const directoryUrl = `https://127.0.0.1:${port}/dir`;
  try {
    await waitUntil(
      async () => {
        if (server.hasExited() || names.hasExited()) throw new Error(`Pebble ended at once; see ${dir}.`);
        return answers(directoryUrl, options.ca);
      },
      { what: 'Pebble did not answer', limitMs: READY_LIMIT_MS, everyMs: 50 },
    );
  } catch (error) {
    await stop();
    throw error;
  }
  return { directoryUrl, stop };
}

function answers(url: string, ca: string): Promise<boolean> {
  return new Promise((done) => {
    // It is strict: a client must say what it is. https://www.rfc-editor.org/rfc/rfc8555#section-6.1
    const headers = { 'user-agent': 'test' };
    const asked = request(url, { ca, agent: false, headers }, (response) => {
      response.resume();
      done(response.statusCode === 200);
    });
    // Not yet: the limit above decides.
    asked.on('error', () => done(false));
    asked.end();
  });
}
