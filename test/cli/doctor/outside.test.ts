// What `lcp doctor` sees of a droplet from outside: a right one, and one flaw at a time.

import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type AreaReport, type Check, runAreas } from '../../../lib/cli/doctor/check.ts';
import { controlHostChecks } from '../../../lib/cli/doctor/control-host.ts';
import { findEdge } from '../../../lib/cli/doctor/edge.ts';
import { nameChecks } from '../../../lib/cli/doctor/names.ts';
import { portChecks } from '../../../lib/cli/doctor/ports.ts';
import { publicSiteChecks } from '../../../lib/cli/doctor/public-site.ts';
import { renderReport } from '../../../lib/cli/doctor/render.ts';
import { systemClock } from '../../../lib/clock.ts';
import { Secret } from '../../../lib/secret.ts';
import type { IssuedCertificate } from '../../world/private-authority.ts';
import {
  createStandInCertificates,
  type DropletStandIn,
  type Flaw,
  type StandInCertificates,
  startDropletStandIn,
} from './droplet-stand-in.ts';

const LIMIT_MS = 20_000;
const SETTINGS: Check = { id: 'settings-lcp', what: '', why: '', run: () => ({ status: 'well' }) };
let certificates: StandInCertificates;
let webhook: IssuedCertificate;
const open: DropletStandIn[] = [];

beforeAll(async () => {
  certificates = await createStandInCertificates();
  webhook = await certificates.authority.issueClient('control-webhook');
});
afterEach(async () => {
  for (const droplet of open.splice(0)) await droplet.close();
});

async function look(flaw?: Flaw): Promise<{ droplet: DropletStandIn; report: readonly AreaReport[] }> {
  const droplet = await startDropletStandIn(certificates, flaw);
  open.push(droplet);
  const edge = () => droplet.edge;
  const checks = [
    SETTINGS,
    ...nameChecks(edge),
    ...portChecks(edge),
    ...publicSiteChecks(edge, systemClock),
    ...controlHostChecks(edge, () => ({ certificate: webhook.certPem, key: new Secret(webhook.keyPem) })),
  ];
  return { droplet, report: await runAreas([{ title: 'The way to the droplet', checks }], LIMIT_MS) };
}

const idsOf = (report: readonly AreaReport[], status: string) =>
  report
    .flatMap(({ results }) => results)
    .filter(({ finding }) => finding.status === status)
    .map(({ check }) => check.id);

test('everything of a right droplet is well', async () => {
  const { report } = await look();

  expect(idsOf(report, 'failed')).toEqual([]);
  expect(idsOf(report, 'well')).toHaveLength(14);
});

describe('each flaw is seen by its own check alone', () => {
  test.each<[Flaw, readonly string[]]>([
    ['no-address', ['name-public']],
    ['control-elsewhere', ['names-same']],
    ['http-closed', ['port-http']],
    ['http-serves', ['port-http']],
    ['http-leads-elsewhere', ['port-http']],
    ['https-closed', ['port-https']],
    ['inner-port-open', ['ports-closed']],
    ['public-expired', ['public-certificate']],
    ['public-ends-soon', ['public-certificate']],
    ['public-misnamed', ['public-certificate']],
    ['public-untrusted', ['public-certificate']],
    ['public-old-tls', ['public-tls']],
    ['no-hsts', ['public-hsts']],
    ['short-hsts', ['public-hsts']],
    ['litellm-away', ['public-llm']],
    ['management-public', ['public-management']],
    ['management-behind-slashes', ['public-management']],
    ['control-open', ['control-refuses', 'control-others']],
    ['control-refuses-us', ['control-answers']],
    ['control-takes-all', ['control-others']],
  ])('%s: %j', async (flaw, ids) => {
    expect(idsOf((await look(flaw)).report, 'failed')).toEqual(ids);
  });

  test('a control host of another authority is seen with and without our certificate', async () => {
    const { report } = await look('control-untrusted');

    expect(idsOf(report, 'failed')).toEqual(['control-refuses', 'control-answers']);
  });

  test('a listener without TLS 1.3 serves old browsers alone', async () => {
    const { report } = await look('public-no-tls-1.3');

    expect(idsOf(report, 'failed')).toContain('public-tls');
  });

  test('an IPv6 address that one name has and another has not is a difference', async () => {
    const { report } = await look('database-without-ipv6');

    expect(idsOf(report, 'failed')).toContain('names-same');
  });
});

test('behind a name that leads nowhere nothing is tried, and the report says behind what', async () => {
  const { report } = await look('no-address');

  expect(idsOf(report, 'not-tried')).toHaveLength(12);
  expect(renderReport(report)).toContain('not tried: the first needs "The public name leads somewhere"');
});

test('only made-up keys are sent, another each time', async () => {
  const first = await look();
  const second = await look();

  const [seen, later] = [new Set(first.droplet.keysSeen), new Set(second.droplet.keysSeen)];
  expect(seen.size).toBe(1);
  expect([...seen][0]).toMatch(/^Bearer sk-[0-9a-f]{48}$/);
  expect(seen).not.toEqual(later);
});

describe('there is no droplet to look at', () => {
  const settings = (publicBaseUrl: string) => ({
    PUBLIC_BASE_URL: publicBaseUrl,
    LITELLM_BASE_URL: 'http://127.0.0.1:4000',
    CONTROL_DATABASE_URL: new Secret('postgres://a:b@127.0.0.1:5432/control'),
  });
  const network = () => open[0]?.network ?? ({} as never);

  test.each(['http://localhost:8704', 'http://127.0.0.1:8704', 'http://[::1]:8704'])(
    'where the site is %s, and that is said',
    (url) => {
      expect(findEdge(settings(url), undefined, network())).toMatchObject({
        notChecked: expect.stringContaining('on this machine'),
      });
    },
  );

  test('where there is no authority of ours, and that is said', () => {
    expect(findEdge(settings('https://llm.example.com'), undefined, network())).toMatchObject({
      notChecked: expect.stringContaining('DATA_PLANE_CA is none'),
    });
  });
});
