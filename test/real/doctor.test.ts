// What `lcp doctor` sees of the nginx that is shipped: all well. Otherwise a right droplet would be called wrong.

import { afterAll, expect, test } from 'vitest';
import { runAreas } from '../../lib/cli/doctor/check.ts';
import { controlHostChecks } from '../../lib/cli/doctor/control-host.ts';
import { findEdge } from '../../lib/cli/doctor/edge.ts';
import { nameChecks } from '../../lib/cli/doctor/names.ts';
import { ask } from '../../lib/cli/doctor/network.ts';
import { portChecks } from '../../lib/cli/doctor/ports.ts';
import { publicSiteChecks } from '../../lib/cli/doctor/public-site.ts';
import { systemClock } from '../../lib/clock.ts';
import type { Fetch } from '../../lib/gateway/certified-fetch.ts';
import { createGateway } from '../../lib/gateway/client.ts';
import type { MutualTls } from '../../lib/mutual-tls.ts';
import { Secret } from '../../lib/secret.ts';
import { issueForeignClient, type Pair } from '../world/droplet-certificates.ts';
import { findFreePort } from '../world/port.ts';
import { CONTROL_HOST, DATABASE_HOST, PUBLIC_HOST, useEdge } from './edge-fixture.ts';
import { startUpstreamStandIn, type UpstreamStandIn } from './upstream-stand-in.ts';

const LIMIT_MS = 20_000;
let upstream: UpstreamStandIn;
const edge = useEdge(async () => {
  upstream = await startUpstreamStandIn();
  return { litellmAddress: upstream.address };
});
afterAll(() => upstream?.close());

const identityOf = ({ cert, key }: Pair) => ({ certificate: cert, key: new Secret(key) });
const tlsOf = (pair: Pair): MutualTls => ({ ca: edge.certificates.ca, ...identityOf(pair) });

test('every check of the way to the droplet is well', async () => {
  const here = { v4: ['127.0.0.1'], v6: [] };
  const network = {
    readAddresses: async () => here,
    httpsPort: edge.nginx.httpsPort,
    httpPort: edge.nginx.httpPort,
    innerPorts: [{ port: await findFreePort(), what: 'Ollama' }],
    publicCa: edge.certificates.publicCa,
  };
  const found = findEdge(
    {
      PUBLIC_BASE_URL: `https://${PUBLIC_HOST}`,
      LITELLM_BASE_URL: `https://${CONTROL_HOST}`,
      CONTROL_DATABASE_URL: new Secret(`postgres://control_plane:x@${DATABASE_HOST}:443/control`),
    },
    tlsOf(await edge.certificates.issueClient('operator')),
    network,
  );
  if (!('edge' in found)) throw new Error(found.notChecked);
  const webhook = identityOf(await edge.certificates.issueClient('control-webhook'));
  const of = () => found.edge;
  const checks = [
    { id: 'settings-lcp', what: '', why: '', run: () => ({ status: 'well' as const }) },
    ...nameChecks(of),
    ...portChecks(of),
    ...publicSiteChecks(of, systemClock),
    ...controlHostChecks(of, () => webhook),
  ];

  const [report] = await runAreas([{ title: '', checks }], LIMIT_MS);

  const notWell = report?.results.filter(({ finding }) => finding.status !== 'well');
  expect(notWell).toEqual([]);
});

test('its refusals of a certificate that may not come in and of a stranger’s are told from a refused key', async () => {
  const clients = [
    await edge.certificates.issueClient('control-webhook'),
    await issueForeignClient('operator'),
  ];

  for (const client of clients) {
    const { ca, certificate: cert, key } = tlsOf(client);
    // Asked by address: the name of the control host is none that this machine resolves.
    const fetchByAddress: Fetch = async ({ pathname }, { headers, signal }) => {
      const tls = { ca, cert, key: key.reveal() };
      const at = { address: '127.0.0.1', port: edge.nginx.httpsPort, host: CONTROL_HOST };
      const answer = await ask({ ...at, path: pathname, headers, tls, signal });
      const text = async () => answer.body;
      return { status: answer.status, headers: { get: (name) => headerOf(answer.headers[name]) }, text };
    };
    const gateway = createGateway({
      baseUrl: `https://${CONTROL_HOST}`,
      adminKey: new Secret('sk-of-nobody'),
      clock: systemClock,
      timeoutMs: LIMIT_MS,
      maxConcurrency: 1,
      fetch: fetchByAddress,
    });

    await expect(gateway.listTeams(new AbortController().signal)).rejects.toMatchObject({
      code: 'GATEWAY_DENIED',
      details: { certificate: 'ours' },
    });
  }
});

const headerOf = (value: string | string[] | undefined) => (typeof value === 'string' ? value : null);
