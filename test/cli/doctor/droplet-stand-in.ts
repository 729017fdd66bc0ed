// A droplet as seen from outside, in this process: one TLS port for the public site and the control host by name, port 80,
// and ports that should be closed. It is right in everything unless a flaw is asked for.

import { once } from 'node:events';
import http, { type RequestListener } from 'node:http';
import https from 'node:https';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createSecureContext, type TLSSocket } from 'node:tls';
import { type Edge, findEdge } from '../../../lib/cli/doctor/edge.ts';
import type { Addresses, Network } from '../../../lib/cli/doctor/network.ts';
import { Secret } from '../../../lib/secret.ts';
import { findFreePort } from '../../world/port.ts';
import {
  createPrivateAuthority,
  EXPIRED,
  type IssuedCertificate,
  type PrivateAuthority,
  type Validity,
} from '../../world/private-authority.ts';

export type Flaw =
  | 'no-address'
  | 'control-elsewhere'
  | 'database-without-ipv6'
  | 'https-closed'
  | 'http-closed'
  | 'http-serves'
  | 'http-leads-elsewhere'
  | 'inner-port-open'
  | 'public-expired'
  | 'public-ends-soon'
  | 'public-misnamed'
  | 'public-untrusted'
  | 'public-old-tls'
  | 'public-no-tls-1.3'
  | 'no-hsts'
  | 'short-hsts'
  | 'litellm-away'
  | 'management-public'
  | 'management-behind-slashes'
  | 'control-open'
  | 'control-refuses-us'
  | 'control-untrusted'
  | 'control-takes-all';

export type DropletStandIn = {
  readonly edge: Edge;
  readonly network: Network;
  /** What was sent as a key, anywhere. */
  readonly keysSeen: readonly string[];
  close(): Promise<void>;
};

export type StandInCertificates = {
  readonly publicAuthority: PrivateAuthority;
  readonly authority: PrivateAuthority;
  readonly operator: IssuedCertificate;
};

export const HOSTS = { public: 'llm.example.com', control: 'control.llm.example.com' } as const;
const MAY_CONTROL = ['operator', 'control-sync'];
const HALF_AN_HOUR = { notAfterDate: new Date(Date.now() + 30 * 60_000) };

export async function createStandInCertificates(): Promise<StandInCertificates> {
  const authority = await createPrivateAuthority();
  const publicAuthority = await createPrivateAuthority('Public authority');
  return { authority, publicAuthority, operator: await authority.issueClient('operator') };
}

/** `databaseUrl` has a host that this machine resolves. */
export async function startDropletStandIn(
  { authority, publicAuthority, operator }: StandInCertificates,
  flaw: Flaw | undefined,
  databaseUrl = 'postgres://control_plane:secret@localhost:1/control',
): Promise<DropletStandIn> {
  const servers: Server[] = [];
  const sockets = new Set<Socket>();
  const keysSeen: string[] = [];
  const listen = async (server: Server) => {
    servers.push(server);
    server.on('connection', (socket: Socket) => sockets.add(socket));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  };
  const closed = () => findFreePort();

  const site = await createTlsSite({ authority, publicAuthority }, flaw, keysSeen);
  const httpsPort = flaw === 'https-closed' ? await closed() : await listen(site);
  const httpPort = flaw === 'http-closed' ? await closed() : await listen(http.createServer(onHttp(flaw)));
  const innerPort = flaw === 'inner-port-open' ? await listen(createServer()) : await closed();

  const databaseHost = new URL(databaseUrl).hostname;
  const here = { v4: ['127.0.0.1'], v6: flaw === 'database-without-ipv6' ? ['::1'] : [] };
  const addresses: Record<string, Addresses> = {
    [HOSTS.public]: flaw === 'no-address' ? { v4: [], v6: [] } : here,
    [HOSTS.control]: flaw === 'control-elsewhere' ? { v4: ['127.0.0.9'], v6: [] } : here,
    [databaseHost]: flaw === 'database-without-ipv6' ? { v4: here.v4, v6: [] } : here,
  };
  const network: Network = {
    readAddresses: async (host) => addresses[host] ?? { v4: [], v6: [] },
    httpsPort,
    httpPort,
    innerPorts: [{ port: innerPort, what: 'Ollama' }],
    publicCa: publicAuthority.caPem,
  };
  const found = findEdge(
    {
      PUBLIC_BASE_URL: `https://${HOSTS.public}`,
      LITELLM_BASE_URL: `https://${HOSTS.control}`,
      CONTROL_DATABASE_URL: new Secret(databaseUrl),
    },
    { ca: authority.caPem, certificate: operator.certPem, key: new Secret(operator.keyPem) },
    network,
  );
  if (!('edge' in found)) throw new Error(found.notChecked);
  return {
    edge: found.edge,
    network,
    keysSeen,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await Promise.all(
        servers.map(async (server) => {
          server.close();
          await once(server, 'close');
        }),
      );
    },
  };
}

async function createTlsSite(
  { authority, publicAuthority }: Pick<StandInCertificates, 'authority' | 'publicAuthority'>,
  flaw: Flaw | undefined,
  keysSeen: string[],
): Promise<https.Server> {
  const validity: Validity =
    flaw === 'public-expired' ? EXPIRED : flaw === 'public-ends-soon' ? endsSoon() : {};
  const publicName = flaw === 'public-misnamed' ? 'other.example.com' : HOSTS.public;
  const signedBy = flaw === 'public-untrusted' ? authority : publicAuthority;
  const publicSite = await signedBy.issueServer([publicName], { ip: false, ...validity });
  const controlSignedBy = flaw === 'control-untrusted' ? publicAuthority : authority;
  const controlSite = await controlSignedBy.issueServer([HOSTS.control], { ip: false });
  // The versions are settled by the listener, before the name is known.
  const versions =
    flaw === 'public-old-tls'
      ? ({ minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' } as const)
      : flaw === 'public-no-tls-1.3'
        ? ({ maxVersion: 'TLSv1.2' } as const)
        : {};
  const contextOf = ({ certPem, keyPem }: IssuedCertificate) =>
    createSecureContext({ cert: certPem, key: keyPem, ca: authority.caPem, ...versions });
  const contexts = { [HOSTS.public]: contextOf(publicSite), [HOSTS.control]: contextOf(controlSite) };
  return https.createServer(
    {
      cert: publicSite.certPem,
      key: publicSite.keyPem,
      ca: authority.caPem,
      ...versions,
      requestCert: true,
      rejectUnauthorized: false,
      SNICallback: (name, done) => done(null, contexts[name as keyof typeof contexts]),
    },
    (request, response) => {
      if (request.headers.authorization) keysSeen.push(request.headers.authorization);
      const answer = request.headers.host === HOSTS.control ? onControl(flaw) : onPublic(flaw);
      answer(request, response);
    },
  );
}

/** Two months old, with half an hour to go. */
function endsSoon(): Validity {
  return { notBeforeDate: new Date(Date.now() - 60 * 24 * 3_600_000), ...HALF_AN_HOUR };
}

function onPublic(flaw: Flaw | undefined): RequestListener {
  return ({ url = '' }, response) => {
    if (flaw !== 'no-hsts') {
      const seconds = flaw === 'short-hsts' ? 300 : 31_536_000;
      response.setHeader('strict-transport-security', `max-age=${seconds}`);
    }
    const status = () => {
      if (url === '/') return 302;
      if (url === '/health/liveliness') return flaw === 'litellm-away' ? 503 : 200;
      if (flaw === 'management-public' && url.startsWith('/team/list')) return 401;
      if (flaw === 'management-behind-slashes' && url.startsWith('//')) return 401;
      return 404;
    };
    response.writeHead(status()).end();
  };
}

function onControl(flaw: Flaw | undefined): RequestListener {
  return ({ socket }, response) => {
    const { authorized, getPeerCertificate } = socket as TLSSocket;
    const name = authorized ? String(getPeerCertificate.call(socket).subject.CN) : undefined;
    const status = () => {
      if (flaw === 'control-open') return 200;
      if (name === undefined || flaw === 'control-refuses-us') return 400;
      return MAY_CONTROL.includes(name) || flaw === 'control-takes-all' ? 200 : 403;
    };
    response.writeHead(status()).end();
  };
}

function onHttp(flaw: Flaw | undefined): RequestListener {
  const to = flaw === 'http-leads-elsewhere' ? 'https://elsewhere.example.com/' : `https://${HOSTS.public}/`;
  return (_, response) => {
    if (flaw === 'http-serves') response.end('welcome');
    else response.writeHead(301, { location: to }).end();
  };
}
