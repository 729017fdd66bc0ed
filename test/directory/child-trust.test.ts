import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { COMPANY_GROUP_IDS } from '../world/tenant/seed.ts';
import { type RunningTenant, startTenant } from '../world/tenant/tenant.ts';
import { APPLICATION } from './tenant-fixture.ts';

const CHILD = fileURLToPath(new URL('./child-read.ts', import.meta.url));

let tenant: RunningTenant;

beforeAll(async () => {
  tenant = await startTenant(APPLICATION);
});
afterAll(() => tenant.close());

async function readInChild(trust: Readonly<Record<string, string>>): Promise<string> {
  const env = {
    AZURE_TENANT_ID: APPLICATION.tenantId,
    AZURE_CLIENT_ID: APPLICATION.clientId,
    AZURE_CLIENT_SECRET: APPLICATION.clientSecret,
    AZURE_AUTHORITY_HOST: tenant.baseUrl,
    GRAPH_BASE_URL: tenant.graphUrl,
    GROUP_ID: COMPANY_GROUP_IDS.engineering,
    ...trust,
  };
  const { stdout } = await promisify(execFile)(process.execPath, ['--no-warnings', CHILD], { env });
  return stdout;
}

test('a child process with NODE_EXTRA_CA_CERTS reads a group', async () => {
  expect(await readInChild({ NODE_EXTRA_CA_CERTS: tenant.caFile })).toBe('9 people, 1 groups');
});

test('a child process without it trusts nobody and reads nothing', async () => {
  expect(await readInChild({})).toBe('unavailable');
});
