// PostgreSQL as `lcp doctor` tries it: one that asks for certificates, and one that forgot to.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { runAreas } from '../../../lib/cli/doctor/check.ts';
import { databaseHostChecks, roleCheck } from '../../../lib/cli/doctor/database.ts';
import { roleChecks } from '../../../lib/cli/doctor/roles.ts';
import { storeChecks } from '../../../lib/cli/doctor/store.ts';
import { Secret } from '../../../lib/secret.ts';
import { createDatabase } from '../../../lib/store/database.ts';
import { grantAgentFunction, grantBackup, grantPortal } from '../../../lib/store/grants.ts';
import { applyMigrations } from '../../../lib/store/migrate.ts';
import { WEBHOOK_RIGHTS } from '../../../lib/store/role-rights.ts';
import { type Postgres, startPostgres } from '../../world/postgres.ts';
import { requireCertificates } from '../../world/postgres-tls.ts';
import { toOneLine } from '../../world/private-authority.ts';
import { makeThrowAwayFolder } from '../../world/throw-away-folder.ts';
import {
  createStandInCertificates,
  type DropletStandIn,
  type StandInCertificates,
  startDropletStandIn,
} from './droplet-stand-in.ts';

const LIMIT_MS = 20_000;
const ROLES = ['control_plane', 'control_webhook', 'control_portal', 'control_agent', 'control_backup'];
const ASSUMED = [
  ...['lcp', 'webhook', 'portal', 'agent', 'backup'].map((name) => `settings-${name}`),
  ...['names-same', 'port-https'],
];
const folder = makeThrowAwayFolder();
let postgres: Postgres;
let certificates: StandInCertificates;
let droplet: DropletStandIn;
let variables: Record<string, string>;

beforeAll(async () => {
  certificates = await createStandInCertificates();
  postgres = await startPostgres({ dir: folder.path, log: () => undefined });
  for (const role of ROLES) await postgres.createRole(role);
  await postgres.createDatabase('control');
  const superuser = createDatabase({ url: new Secret(postgres.url('control')) });
  await superuser.query('alter database control owner to control_plane');
  await applyMigrations(new Secret(postgres.url('control', 'control_plane')));
  await grantPortal(superuser, 'control_portal');
  await grantAgentFunction(superuser, 'control_agent');
  await grantBackup(superuser, 'control_backup');
  await superuser.close();
  droplet = await startDropletStandIn(certificates, undefined, urlOf('control_plane').reveal());
  const identity = async (name: string) => {
    const { certPem, keyPem } = await certificates.authority.issueClient(name);
    return toOneLine(certPem, keyPem);
  };
  variables = {
    DATA_PLANE_CA: toOneLine(certificates.authority.caPem),
    OPERATOR_CLIENT_IDENTITY: await identity('operator'),
    WEBHOOK_CLIENT_IDENTITY: await identity('control-webhook'),
    PORTAL_CLIENT_IDENTITY: await identity('control-portal'),
    AGENT_CLIENT_IDENTITY: await identity('control-agent'),
    BACKUP_CLIENT_IDENTITY: await identity('control-backup'),
    CONTROL_DATABASE_URL: urlOf('control_plane').reveal(),
    WEBHOOK_DATABASE_URL: urlOf('control_webhook').reveal(),
    PORTAL_DATABASE_URL: urlOf('control_portal').reveal(),
    AGENT_DATABASE_URL: urlOf('control_agent').reveal(),
    BACKUP_DATABASE_URL: urlOf('control_backup').reveal(),
    LITELLM_DATABASE_URL: 'none',
  };
});
afterAll(async () => {
  await droplet?.close();
  await postgres?.stop();
  folder.remove();
});

function urlOf(role: string): Secret {
  const url = new URL(postgres.url('control', role));
  url.hostname = 'localhost';
  return new Secret(url.href);
}

const assumed = (...ids: string[]) =>
  ids.map((id) => ({ id, what: '', why: '', run: () => ({ status: 'well' as const }) }));

async function findings(changes: Record<string, string> = {}) {
  const database = createDatabase({ url: urlOf('control_plane'), tls: droplet.edge.tls });
  try {
    const checks = [
      ...assumed(...ASSUMED),
      ...databaseHostChecks(
        () => droplet.edge,
        () => urlOf('control_plane'),
      ),
      ...storeChecks(() => database),
      ...roleChecks({ variables: { ...variables, ...changes } }),
    ];
    const [report] = await runAreas([{ title: '', checks }], LIMIT_MS);
    return Object.fromEntries(
      (report?.results ?? []).slice(ASSUMED.length).map(({ check, finding }) => [check.id, finding.status]),
    );
  } finally {
    await database.close();
  }
}

// In this order: the server begins as a forgetful one.
test('a server that lets everybody come to the password is seen, and nothing behind it is tried', async () => {
  expect(await findings()).toMatchObject({ 'database-refuses': 'failed', 'store-level': 'not-tried' });
});

test('a server as on the droplet is well in all, each role by its own certificate', async () => {
  const server = await certificates.authority.issueServer(['localhost']);
  await requireCertificates(postgres, folder.path, { caPem: certificates.authority.caPem, ...server });

  expect(await findings()).toEqual({
    'database-refuses': 'well',
    'database-tls': 'well',
    'store-level': 'well',
    audit: 'well',
    'role-CONTROL_DATABASE_URL': 'well',
    'role-WEBHOOK_DATABASE_URL': 'well',
    'role-PORTAL_DATABASE_URL': 'well',
    'role-AGENT_DATABASE_URL': 'well',
    'role-BACKUP_DATABASE_URL': 'well',
    'role-LITELLM_DATABASE_URL': 'not-checked',
  });
});

test('roles that were exchanged are seen on both sides', async () => {
  const exchanged = {
    WEBHOOK_DATABASE_URL: urlOf('control_portal').reveal(),
    PORTAL_DATABASE_URL: urlOf('control_webhook').reveal(),
  };

  expect(await findings(exchanged)).toMatchObject({
    'role-WEBHOOK_DATABASE_URL': 'failed',
    'role-PORTAL_DATABASE_URL': 'failed',
  });
});

test('what is missing and what is too much are named, with the step for each', async () => {
  const role = () => ({ url: urlOf('control_portal'), tls: droplet.edge.tls });
  const checks = [roleCheck('WEBHOOK_DATABASE_URL', 'may leave hints', WEBHOOK_RIGHTS, role, [])];

  const [report] = await runAreas([{ title: '', checks }], LIMIT_MS);

  expect(report?.results[0]?.finding).toMatchObject({
    status: 'failed',
    problem: expect.stringMatching(/^It may, and must not: insert on audit, .* and \d+ more\.$/),
    next: expect.stringContaining('revoke it as the owner'),
  });
});
