// What anybody on the Internet may try against control/agent, as it is deployed and on a real PostgreSQL: none of it is
// stored, tells the sender anything, or keeps a real report out.

import { createHmac } from 'node:crypto';
import { SignJWT } from 'jose';
import { expect, test } from 'vitest';
import { REPORT_TYPE } from '../../lib/health/report.ts';
import { listHealth } from '../../lib/store/health.ts';
import {
  type AgentKeys,
  buildContainer,
  buildReport,
  createAgentKeys,
  signedReport,
} from '../health/report-fixture.ts';
import { type AgentFunction, useAgentFunction } from './agent-fixture.ts';

const startAgentFunction = useAgentFunction();
/** The platform carries a body that it takes for no text in base64, and a megabyte in all. */
const LARGEST_BYTES = 750 * 1024;
const JTI = '00000000-0000-4000-8000-00000000000a';
const nowSeconds = () => Math.floor(Date.now() / 1000);

/** Any token, with the right claims for all that is not given. */
async function forge(
  { keys, url }: Pick<AgentFunction, 'keys' | 'url'>,
  { claims = {}, header = {}, by = keys }: { claims?: object; header?: object; by?: AgentKeys } = {},
): Promise<string> {
  const now = nowSeconds();
  const payload = {
    iss: 'droplet-1',
    sub: 'droplet-1',
    aud: url,
    jti: JTI,
    iat: now,
    exp: now + 120,
    report: buildReport({ takenAt: new Date().toISOString() }),
    ...claims,
  };
  return new SignJWT(payload as Record<string, unknown>)
    .setProtectedHeader({ alg: 'EdDSA', typ: REPORT_TYPE, ...header })
    .sign(by.privateKey);
}

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

async function expectUntouched({ database, store }: AgentFunction, connections = 0): Promise<void> {
  expect(await listHealth(database)).toEqual([]);
  expect(store.connectionCount()).toBe(connections);
}

/** The control of every attack: what was sent before has not broken it. */
async function expectStillServing({ post, keys, url, database }: AgentFunction): Promise<void> {
  expect(await post(await signedReport(keys, url, { now: new Date() }))).toMatchObject({
    status: 202,
    body: '',
  });
  expect(await listHealth(database)).toMatchObject([{ dropletId: 'droplet-1' }]);
}

test('no token that the agent did not sign, for us and now, opens a connection, and all are answered alike', async () => {
  const agent = await startAgentFunction();
  const { keys, url, post } = agent;
  const other = createAgentKeys();
  const now = nowSeconds();
  const good = await forge(agent);
  const [header = '', payload = '', signature = ''] = good.split('.');
  const another = await forge(agent, { claims: { report: buildReport({ agentVersion: 'another' }) } });
  const hmacHeader = part({ alg: 'HS256', typ: REPORT_TYPE });
  const hmac = (secret: string | Buffer) =>
    `${hmacHeader}.${payload}.${createHmac('sha256', secret).update(`${hmacHeader}.${payload}`).digest('base64url')}`;
  const tokens = {
    nothing: '',
    'no token': 'report',
    JSON: JSON.stringify(buildReport()),
    'alg none': `${part({ alg: 'none', typ: REPORT_TYPE })}.${payload}.`,
    'alg None with the signature': `${part({ alg: 'None', typ: REPORT_TYPE })}.${payload}.${signature}`,
    'HS256 with the public key': hmac(keys.x),
    'HS256 with the bytes of the public key': hmac(Buffer.from(keys.x, 'base64url')),
    'HS256 with the public key in PEM': hmac(
      keys.publicKey.export({ format: 'pem', type: 'spki' }).toString(),
    ),
    'another key': await forge(agent, { by: other }),
    'another key, brought along': await forge(agent, {
      by: other,
      header: { jwk: other.publicKey.export({ format: 'jwk' }) },
    }),
    'another key, to be fetched': await forge(agent, {
      by: other,
      header: { jku: 'https://example.com/jwks', kid: 'x' },
    }),
    'no signature': `${header}.${payload}.`,
    'half a signature': good.slice(0, -20),
    'the report of another token': `${header}.${another.split('.')[1]}.${signature}`,
    'the signature of another token': `${header}.${payload}.${another.split('.')[2]}`,
    expired: await forge(agent, { claims: { iat: now - 300, exp: now - 180 } }),
    'older than two minutes, though it says it lives on': await forge(agent, {
      claims: { iat: now - 300, exp: now + 3600 },
    }),
    'of the future': await forge(agent, { claims: { iat: now + 300, exp: now + 400 } }),
    'not yet valid': await forge(agent, { claims: { nbf: now + 300 } }),
    'of an hour': await forge(agent, { claims: { exp: now + 3600 } }),
    'without an end': await forge(agent, { claims: { exp: undefined } }),
    'without a beginning': await forge(agent, { claims: { iat: undefined } }),
    'without an id': await forge(agent, { claims: { jti: undefined } }),
    'with an id that is none': await forge(agent, { claims: { jti: "'; drop table jobs; --" } }),
    'for another function': await forge(agent, { claims: { aud: `${url}/other` } }),
    'for nobody': await forge(agent, { claims: { aud: undefined } }),
    'for many, not us': await forge(agent, { claims: { aud: ['https://a.example', 'https://b.example'] } }),
    'without an issuer': await forge(agent, { claims: { iss: undefined } }),
    'of two droplets': await forge(agent, { claims: { sub: 'droplet-2' } }),
    'of a droplet whose name is SQL': await forge(agent, { claims: { iss: "x'--", sub: "x'--" } }),
    'of another type': await forge(agent, { header: { typ: 'JWT' } }),
    'of no type': await forge(agent, { header: { typ: undefined } }),
    'without a report': await forge(agent, { claims: { report: undefined } }),
    'in five parts': `${good}.${payload}.${signature}`,
    'with a space': ` ${good}`,
    twice: `${good}\n${good}`,
  };

  const answers: Record<string, unknown> = {};
  for (const [name, token] of Object.entries(tokens)) answers[name] = await post(token);

  const refused = { status: 401, body: '', retryAfter: null };
  expect(answers).toEqual(Object.fromEntries(Object.keys(tokens).map((name) => [name, refused])));
  await expectUntouched(agent);
  await expectStillServing(agent);
});

test('a token is taken once, also when it comes twice at once, and however the store was reached', async () => {
  const agent = await startAgentFunction();
  const token = await forge(agent);

  const statuses = await Promise.all(Array.from({ length: 6 }, async () => (await agent.post(token)).status));
  const later = await agent.post(token);
  const sameId = await agent.post(
    await forge(agent, { claims: { report: buildReport({ agentVersion: 'another' }) } }),
  );

  expect(statuses.sort()).toEqual([202, 401, 401, 401, 401, 401]);
  expect([later.status, sameId.status]).toEqual([401, 401]);
  const { rows } = await agent.database.query('select jti from agent_tokens');
  expect(rows).toEqual([{ jti: JTI }]);
});

test('an older report that was held back does not replace a newer one', async () => {
  const agent = await startAgentFunction();
  const older = await signedReport(agent.keys, agent.url, {
    now: new Date(),
    report: buildReport({ takenAt: new Date(Date.now() - 60_000).toISOString(), agentVersion: 'older' }),
  });
  await expectStillServing(agent);

  expect((await agent.post(older)).status).toBe(202);

  const [row] = await listHealth(agent.database);
  expect(row?.report).toMatchObject({ agentVersion: '0.1.0' });
});

test('while the key is changed, the new and the old one are believed, and no third', async () => {
  const old = createAgentKeys();
  const agent = await startAgentFunction({ moreKeys: [old.x] });
  const sign = (keys: AgentKeys) => signedReport(keys, agent.url, { now: new Date() });

  const statuses = [];
  for (const keys of [agent.keys, old, createAgentKeys()])
    statuses.push((await agent.post(await sign(keys))).status);

  expect(statuses).toEqual([202, 202, 401]);
});

test('the largest bodies that the platform carries cost neither the process nor a connection', async () => {
  const agent = await startAgentFunction();
  const bodies = [
    '.'.repeat(LARGEST_BYTES),
    'e'.repeat(LARGEST_BYTES),
    `${await forge(agent)}${'A'.repeat(70_000)}`,
  ];

  for (let round = 0; round < 3; round += 1)
    for (const body of bodies) expect(await agent.post(body)).toMatchObject({ status: 413, body: '' });
  // Just small enough to be looked at, in the forms that cost most to look at.
  for (const body of [
    '.'.repeat(65_000),
    `${part({ alg: 'EdDSA' })}.${'['.repeat(60_000)}.AAAA`,
    '\u0000'.repeat(60_000),
  ])
    expect(await agent.post(body)).toMatchObject({ status: 401, body: '' });

  expect(agent.host.activations().filter(({ initMs }) => initMs !== undefined)).toHaveLength(1);
  await expectUntouched(agent);
  await expectStillServing(agent);
});

test('what the agent signed and is no report is malformed and not stored', async () => {
  const agent = await startAgentFunction();
  const report = buildReport();
  const reports = {
    text: 'report',
    'a part is missing': { ...report, memory: undefined },
    '65 containers': { ...report, containers: { status: 'read', list: Array(65).fill(buildContainer()) } },
    'a number that is none': { ...report, load: { oneMinute: 'NaN', fiveMinutes: 1, cpuCount: 1 } },
    'more than full': { ...report, memory: { totalBytes: 1, usedPercent: 101 } },
    'taken at no time': { ...report, takenAt: "now'); --" },
  };

  const statuses: Record<string, number> = {};
  for (const [name, value] of Object.entries(reports))
    statuses[name] = (await agent.post(await forge(agent, { claims: { report: value } }))).status;

  expect(statuses).toEqual(Object.fromEntries(Object.keys(reports).map((name) => [name, 400])));
  await expectUntouched(agent);
  await expectStillServing(agent);
});

test('what a report holds beyond what is asked is not stored', async () => {
  const agent = await startAgentFunction();

  const report = { ...buildReport(), environment: 'LITELLM_SALT_KEY=x' };
  expect((await agent.post(await forge(agent, { claims: { report } }))).status).toBe(202);

  expect(JSON.stringify(await listHealth(agent.database))).not.toContain('SALT');
});

test('ten droplets are known, the eleventh is not', async () => {
  const agent = await startAgentFunction();
  const statuses: number[] = [];
  for (let number = 1; number <= 11; number += 1) {
    const token = await signedReport(agent.keys, agent.url, {
      now: new Date(),
      dropletId: `droplet-${number}`,
    });
    statuses.push((await agent.post(token)).status);
  }

  expect(statuses).toEqual([...Array(10).fill(202), 401]);
});

test('there is nothing to get, and nothing beside the one address', async () => {
  const agent = await startAgentFunction();
  const statuses = [];
  for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'PATCH'])
    statuses.push((await agent.post(await forge(agent), { method })).status);
  for (const path of ['/', '/health', '/..%2f', '/__proto__'])
    statuses.push((await agent.post(await forge(agent), { path })).status);

  expect(statuses).toEqual([405, 405, 405, 405, 405, 404, 404, 404, 404]);
  await expectUntouched(agent);
});

test('a role that was granted nothing stores nothing, and the sender is told to come again', async () => {
  const agent = await startAgentFunction();
  await agent.database.query('revoke execute on all functions in schema public from public');
  const { rows } = await agent.database.query<{ role: string }>(
    `select r.rolname as role from pg_roles r where has_function_privilege(r.oid, 'record_health(text,uuid,timestamptz,timestamptz,jsonb)', 'execute') and r.rolname ~ '^function_'`,
  );
  for (const { role } of rows)
    await agent.database.query(`revoke all on function record_health from ${role}`);

  const reply = await agent.post(await forge(agent));

  expect(reply).toEqual({ status: 503, body: '', retryAfter: '30' });
  expect(await listHealth(agent.database)).toEqual([]);
  expect(agent.logs()).not.toContain('password');
});

test('while the store is away the answer is 503, and when it is back the next report is stored', async () => {
  const agent = await startAgentFunction();
  await agent.store.close();
  const away = await agent.post(await signedReport(agent.keys, agent.url, { now: new Date() }));
  await agent.store.reopen();

  expect(away).toEqual({ status: 503, body: '', retryAfter: '30' });
  await expectStillServing(agent);
});
