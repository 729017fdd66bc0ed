// install/issue-certificates with the real openssl, in a throw-away root: who is signed for what, what a second run
// leaves alone, and what it renews before it ends.

import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { cpSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type InstallRoot, makeInstallRoot, PUBLIC_HOST } from './install-root.ts';

const PROGRAM = 'issue-certificates';
const CLIENTS = [
  'control-sync',
  'control-webhook',
  'control-portal',
  'control-agent',
  'control-budgets',
  'control-backup',
  'operator',
];
const DAY_MS = 86_400_000;
const roots: InstallRoot[] = [];
let root: InstallRoot;

beforeAll(async () => {
  root = makeRoot();
  await root.run(PROGRAM);
});
afterAll(() => {
  for (const each of roots) each.remove();
});

function makeRoot(): InstallRoot {
  const made = makeInstallRoot();
  roots.push(made);
  return made;
}
/** One in which everything is issued already: a copy costs less than ten keys. */
function copyRoot(): InstallRoot {
  const copy = makeRoot();
  cpSync(root.etc, copy.etc, { recursive: true });
  return copy;
}
const read = (from: InstallRoot, path: string) => readFileSync(join(from.etc, path), 'utf8');
const certificate = (from: InstallRoot, path: string) => new X509Certificate(read(from, path));
const modeOf = (path: string) => statSync(join(root.etc, path)).mode & 0o777;
const all = (from: InstallRoot) =>
  Object.fromEntries(
    ['ca', 'tls', 'postgres-tls', 'identities'].flatMap((folder) =>
      readdirSync(join(from.etc, folder)).map((name) => [
        `${folder}/${name}`,
        read(from, `${folder}/${name}`),
      ]),
    ),
  );

describe('what is signed', () => {
  test('each function and the operator has a certificate of its own name, for clients only', () => {
    expect(readdirSync(join(root.etc, 'identities')).sort()).toEqual(
      CLIENTS.map((name) => `${name}.pem`).sort(),
    );
    for (const name of CLIENTS) {
      const client = certificate(root, `identities/${name}.pem`);

      // nginx compares the whole name (droplet/nginx/sites/control.conf).
      expect(client.subject).toBe(`CN=${name}`);
      expect(client.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
      expect(client.ca).toBe(false);
    }
  });

  test('the control host and the database host have certificates for their names, for servers only', () => {
    for (const [path, host] of [
      ['tls/control.crt', `control.${PUBLIC_HOST}`],
      ['postgres-tls/db.crt', `db.${PUBLIC_HOST}`],
    ] as const) {
      const server = certificate(root, path);

      expect([server.checkHost(host), server.checkHost(PUBLIC_HOST)]).toEqual([host, undefined]);
      expect(server.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
    }
  });

  test('everything hangs on one authority with P-256 keys, and its key is in no folder that is mounted', () => {
    const authority = certificate(root, 'ca/ca.pem');
    const signed = [
      'tls/control.crt',
      'postgres-tls/db.crt',
      ...CLIENTS.map((name) => `identities/${name}.pem`),
    ];

    expect(signed.filter((path) => !certificate(root, path).verify(authority.publicKey))).toEqual([]);
    expect(signed.map((path) => certificate(root, path).publicKey.asymmetricKeyDetails?.namedCurve)).toEqual(
      signed.map(() => 'prime256v1'),
    );
    expect([read(root, 'tls/ca.pem'), read(root, 'postgres-tls/ca.pem')]).toEqual([
      read(root, 'ca/ca.pem'),
      read(root, 'ca/ca.pem'),
    ]);
    expect(readdirSync(join(root.etc, 'tls')).sort()).toEqual(['ca.pem', 'control.crt', 'control.key']);
    expect(readdirSync(join(root.etc, 'postgres-tls')).sort()).toEqual(['ca.pem', 'db.crt', 'db.key']);
  });

  test('keys are readable by root alone, PostgreSQL’s also by its group', () => {
    expect(modeOf('ca/ca.key')).toBe(0o600);
    expect(modeOf('tls/control.key')).toBe(0o600);
    expect(modeOf('postgres-tls/db.key')).toBe(0o640);
    expect(CLIENTS.map((name) => modeOf(`identities/${name}.pem`))).toEqual(CLIENTS.map(() => 0o600));
    expect(modeOf('ca')).toBe(0o700);
  });

  test('server and client believe each other over TLS 1.3, and without a certificate nobody comes in', async () => {
    const server = createServer({
      key: read(root, 'tls/control.key'),
      cert: read(root, 'tls/control.crt'),
      ca: read(root, 'tls/ca.pem'),
      requestCert: true,
      rejectUnauthorized: true,
      minVersion: 'TLSv1.3',
    });
    server.on('secureConnection', (socket: TLSSocket) =>
      socket.end(`${(socket.getPeerCertificate().subject as { CN: string }).CN}`),
    );
    server.on('tlsClientError', () => undefined);
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const identity = read(root, 'identities/control-sync.pem');
    const answerFor = async (pem: string | undefined) => {
      const socket = connect({
        host: '127.0.0.1',
        port: (server.address() as AddressInfo).port,
        servername: `control.${PUBLIC_HOST}`,
        ca: read(root, 'ca/ca.pem'),
        cert: pem,
        key: pem,
      });
      let text = '';
      try {
        for await (const chunk of socket) text += chunk;
      } catch {
        return 'refused';
      }
      return text;
    };

    expect(await answerFor(identity)).toBe('control-sync');
    expect(await answerFor(undefined)).toBe('refused');
    server.close();
  });
});

describe('what a repeat does', () => {
  test('a second run changes no byte', async () => {
    const before = all(root);

    const { status, stderr } = await root.run(PROGRAM);

    expect([status, stderr]).toEqual([0, '']);
    expect(all(root)).toEqual(before);
  });

  test('a server certificate within 30 days of its end and a client’s within 120 are renewed, the authority and the rest stay', async () => {
    const short = makeRoot();
    await short.run(PROGRAM, { SERVER_DAYS: '29', CLIENT_DAYS: '119' });
    await short.run(PROGRAM, {
      SERVER_DAYS: '29',
      CLIENT_DAYS: '119',
      RENEW_SERVER_DAYS: '1',
      RENEW_CLIENT_DAYS: '1',
    });
    const before = all(short);

    const { stderr } = await short.run(PROGRAM);

    expect(stderr).toBe(`Issued: control db ${CLIENTS.join(' ')}.\n`);
    const after = all(short);
    expect(after['ca/ca.pem']).toBe(before['ca/ca.pem']);
    for (const [path, days] of [
      ['tls/control.crt', 365],
      ['identities/operator.pem', 730],
    ] as const) {
      const { validTo } = certificate(short, path);
      const { validTo: validBefore } = new X509Certificate(before[path] ?? '');
      expect(Date.parse(validTo) - Date.parse(validBefore)).toBeGreaterThan((days - 130) * DAY_MS);
    }
  });

  test('a key and a certificate that do not fit each other, as a run cut off between them leaves, are made anew', async () => {
    const cut = copyRoot();
    writeFileSync(join(cut.etc, 'tls', 'control.key'), read(root, 'postgres-tls/db.key'));

    const { stderr } = await cut.run(PROGRAM);

    expect(stderr).toBe('Issued: control.\n');
    const pair = certificate(cut, 'tls/control.crt');
    expect(pair.verify(certificate(cut, 'ca/ca.pem').publicKey)).toBe(true);
  });

  test('with the authority’s key lost nothing is signed by another one in silence', async () => {
    const lost = copyRoot();
    rmSync(join(lost.etc, 'ca', 'ca.key'));

    const { status, stderr } = await lost.run(PROGRAM);

    expect(status).toBe(1);
    expect(stderr).toContain('The key of our certificate authority is missing');
  });

  test('with the authority’s certificate lost another one of the same key is made, which nobody notices', async () => {
    const lost = copyRoot();
    rmSync(join(lost.etc, 'ca', 'ca.pem'));

    const { status } = await lost.run(PROGRAM);

    expect(status).toBe(0);
    expect(read(lost, 'ca/ca.key')).toBe(read(root, 'ca/ca.key'));
    for (const path of ['tls/control.crt', 'identities/control-sync.pem'])
      expect(read(lost, path)).toBe(read(root, path));
    expect(certificate(root, 'tls/control.crt').checkIssued(certificate(lost, 'ca/ca.pem'))).toBe(true);
  });

  test('a renewal that cannot be signed leaves the client’s certificate as it is', async () => {
    const broken = copyRoot();
    writeFileSync(join(broken.etc, 'ca', 'ca.key'), 'not a key\n');

    const { status } = await broken.run(PROGRAM, { RENEW_CLIENT_DAYS: '900' });

    expect(status).not.toBe(0);
    expect(read(broken, 'identities/control-sync.pem')).toBe(read(root, 'identities/control-sync.pem'));
  });

  test('another public host gets other server certificates', async () => {
    const moved = copyRoot();
    writeFileSync(join(moved.etc, 'droplet.env'), 'PUBLIC_HOST=ai.example.org\n');

    const { stderr } = await moved.run(PROGRAM);

    expect(stderr).toBe('Issued: control db.\n');
    expect(certificate(moved, 'postgres-tls/db.crt').checkHost('db.ai.example.org')).toBe(
      'db.ai.example.org',
    );
  });
});
