// The shipped renewal with Debian's certbot against Let's Encrypt's own test server, through the shipped nginx: first
// start without a certificate, first certificate, the days on which a renewal is due, an authority that is down.

import { spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import {
  createDropletCertificates,
  type DropletCertificates,
  issueServer,
} from '../world/droplet-certificates.ts';
import { type Nginx, startNginx } from '../world/nginx.ts';
import { type Pebble, startPebble } from '../world/pebble.ts';
import { makeThrowAwayFolder } from '../world/throw-away-folder.ts';
import { waitUntil } from '../world/wait-until.ts';
import { PUBLIC_HOST } from './edge-fixture.ts';

const RENEW = join(import.meta.dirname, '..', '..', 'droplet', 'certificate', 'renew');
const VALIDITY_DAYS = 45;
const DAY_MS = 86_400_000;
const RENEW_LIMIT_MS = 90_000;
/** Where nothing listens. */
const NOBODY = 'https://127.0.0.1:9/dir';
const folder = makeThrowAwayFolder();
const letsencrypt = join(folder.path, 'letsencrypt');
const served = join(letsencrypt, 'served', 'public.pem');
let certificates: DropletCertificates;
let nginx: Nginx;
let pebble: Pebble;
/** What nginx served when it started, and after the first run. */
let placeholder: X509Certificate;
let first: X509Certificate;

beforeAll(async () => {
  mkdirSync(letsencrypt);
  certificates = await createDropletCertificates(folder.path, PUBLIC_HOST);
  expect(renew('placeholder')).toBe(0);
  nginx = await startNginx({
    dir: folder.path,
    publicHost: PUBLIC_HOST,
    litellmAddress: '127.0.0.1:9',
    postgresAddress: '127.0.0.1:9',
    portalWebUrl: 'none',
    tlsDir: folder.path,
    publicCertificate: served,
  });
  pebble = await startPebble({
    dir: folder.path,
    certificate: certificates.functions,
    ca: certificates.publicCa,
    httpPort: nginx.httpPort,
    validityDays: VALIDITY_DAYS,
  });
  placeholder = await waitUntilServed();
  expect(renew()).toBe(0);
  first = await waitUntilServed();
});
afterAll(async () => {
  await pebble?.stop();
  await nginx?.stop();
  folder.remove();
});

test('a droplet without a certificate starts with one of its own, and gets a real one through its own port 80', () => {
  expect(placeholder.issuer).toBe(placeholder.subject);
  expect(first.issuer).toMatch(/Pebble/);
  expect(first.subjectAltName).toBe(`DNS:${PUBLIC_HOST}`);
  expect(daysLeft(first)).toBe(VALIDITY_DAYS);
});

test('a run on a day on which nothing is due changes nothing and asks nobody', async () => {
  const young = await replaceCertificate({ ageDays: 25 });
  expect(renew('when-due', NOBODY)).toBe(0);
  const before = statSync(served);

  expect(renew('when-due', NOBODY)).toBe(0);

  expect((await waitUntilServed()).serialNumber).toBe(young.serialNumber);
  // Not even written anew.
  expect(statSync(served).ino).toBe(before.ino);
});

test('a certificate with a third of its life left is renewed, and nginx serves the new one at once', async () => {
  const old = await replaceCertificate({ ageDays: 31 });

  expect(renew()).toBe(0);

  const renewed = await waitUntilServed();
  expect(renewed.serialNumber).not.toBe(old.serialNumber);
  expect(renewed.issuer).toMatch(/Pebble/);
  expect(daysLeft(renewed)).toBe(VALIDITY_DAYS);
});

test('a certificate that was issued but not given to nginx is given to it by the next run', async () => {
  const issued = await replaceCertificate({ ageDays: 1 });
  const old = await issueServer(PUBLIC_HOST);
  writeFileSync(served, old.cert + old.key);

  expect(renew('when-due', NOBODY)).toBe(0);

  expect((await waitUntilServed()).serialNumber).toBe(issued.serialNumber);
});

test('while the authority is down the run fails for all to see, and the old certificate stays', async () => {
  const old = await replaceCertificate({ ageDays: 44 });

  expect(renew('when-due', NOBODY)).not.toBe(0);

  expect((await waitUntilServed()).serialNumber).toBe(old.serialNumber);
  expect(readdirSync(join(letsencrypt, 'served'))).toEqual(['public.pem']);
});

/** The exit status of a run, which asks `server`. */
function renew(what = 'when-due', server = pebble?.directoryUrl): number | null {
  const { status } = spawnSync('sh', [RENEW, what], {
    env: {
      PATH: process.env.PATH,
      PUBLIC_HOST,
      ACME_EMAIL: 'devops@example.com',
      ACME_SERVER: server,
      ACME_DIR: nginx?.acmeDir,
      LETSENCRYPT_DIR: letsencrypt,
      RELOAD_COMMAND: nginx?.reloadCommand,
      REQUESTS_CA_BUNDLE: join(folder.path, 'functions-ca.pem'),
    },
    timeout: RENEW_LIMIT_MS,
    stdio: 'ignore',
  });
  return status;
}

/** Puts a certificate of that age where certbot keeps the present one. */
async function replaceCertificate({ ageDays }: { readonly ageDays: number }): Promise<X509Certificate> {
  const notBefore = systemClock.now().getTime() - ageDays * DAY_MS;
  const { cert, key } = await issueServer(PUBLIC_HOST, {
    notBeforeDate: new Date(notBefore),
    notAfterDate: new Date(notBefore + VALIDITY_DAYS * DAY_MS),
  });
  const files = { 'cert.pem': cert, 'fullchain.pem': cert, 'privkey.pem': key };
  for (const [name, text] of Object.entries(files)) {
    const file = realpathSync(join(letsencrypt, 'live', PUBLIC_HOST, name));
    writeFileSync(file, text);
    chmodSync(file, 0o600);
  }
  return new X509Certificate(cert);
}

/** What a browser is shown now. */
function readServed(): Promise<X509Certificate> {
  return new Promise((done, fail) => {
    const socket = connect(
      { host: '127.0.0.1', port: nginx.httpsPort, servername: PUBLIC_HOST, rejectUnauthorized: false },
      () => {
        done(new X509Certificate(socket.getPeerX509Certificate()?.raw ?? ''));
        socket.destroy();
      },
    );
    socket.on('error', fail);
  });
}

/** The certificate in the file that nginx reads, once a browser is shown it. After a reload the workers before it may
 *  still take a connection or two, so one that shows the old one says nothing. */
function waitUntilServed(): Promise<X509Certificate> {
  const wanted = new X509Certificate(readFileSync(served));
  return waitUntil(async () => (await readServed()).serialNumber === wanted.serialNumber && wanted, {
    what: 'nginx does not serve the certificate in its file',
    limitMs: 10_000,
    everyMs: 50,
    explain: () => nginx.readLogs(),
  });
}

function daysLeft(certificate: X509Certificate): number {
  return Math.round((Date.parse(certificate.validTo) - systemClock.now().getTime()) / DAY_MS);
}
