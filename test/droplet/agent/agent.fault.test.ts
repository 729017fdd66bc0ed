// The agent as it is shipped, against a control plane and a database that fail.

import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { verifyReport } from '../../../lib/health/report-token.ts';
import type { Secret } from '../../../lib/secret.ts';
import type { Database, Queryable } from '../../../lib/store/database.ts';
import { grantDropletAgent } from '../../../lib/store/grants.ts';
import { enqueueJob, findJob } from '../../../lib/store/jobs.ts';
import { useControlDatabases } from '../../store/database-fixture.ts';
import { createGrantedUrl } from '../../store/granted-role.ts';
import { makeThrowAwayFolder } from '../../world/throw-away-folder.ts';
import { waitUntil } from '../../world/wait-until.ts';
import { type AgentProgram, prepareAgent } from './agent-program.ts';

const createControlDatabase = useControlDatabases();
const grantDroplet = async (owner: Queryable, role: string) => void (await grantDropletAgent(owner, role));
const folder = makeThrowAwayFolder();
let agent: AgentProgram;

beforeAll(async () => {
  agent = await prepareAgent(folder.path);
});
afterAll(() => folder.remove());

/** Stands where control/agent stands; answers with `status`, or takes the report and says nothing. */
async function startControl() {
  const control = { url: '', status: 202 as number | 'nothing', tokens: [] as string[] };
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    control.tokens.push(body);
    if (control.status !== 'nothing') response.writeHead(control.status).end();
  }).listen(0, '127.0.0.1');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, 'listening');
  control.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/agent`;
  return control;
}

async function startAgent(variables: Record<string, string>, database?: { owner: Database; url: Secret }) {
  const databaseFile = join(folder.path, 'database-url');
  if (database)
    writeFileSync(
      databaseFile,
      (await createGrantedUrl(database.owner, database.url, grantDroplet)).reveal(),
    );
  const child = agent.start({
    REPORT_INTERVAL_MS: '60000',
    JOB_INTERVAL_MS: '50',
    ...(database ? { AGENT_DATABASE_URL_FILE: databaseFile } : {}),
    ...variables,
  });
  onTestFinished(() => child.stop());
  return child;
}

const until = (what: string, ask: () => Promise<boolean> | boolean) =>
  waitUntil(async () => await ask(), { what, limitMs: 30_000, everyMs: 20, explain: agent.log });

test('a control plane that answers 503 gets another report, with another token, until it takes one', async () => {
  const control = await startControl();
  control.status = 503;
  await startAgent({ AGENT_URL: control.url, REPORT_INTERVAL_MS: '200' });
  await until('three reports', () => control.tokens.length >= 3);
  control.status = 202;
  await until('a report that was taken', () => agent.log().includes('report_taken'));

  const expected = { publicKeys: [agent.publicKey], audience: control.url, now: new Date() };
  const verdicts = await Promise.all(control.tokens.map((token) => verifyReport(token, expected)));
  expect(verdicts.every(({ status }) => status === 'verified')).toBe(true);
  expect(new Set(verdicts.map((verdict) => 'jti' in verdict && verdict.jti)).size).toBe(
    control.tokens.length,
  );
});

test('an agent that is killed in the middle of a job leaves it to the next one, which ends it', async () => {
  const { database: owner, url } = await createControlDatabase();
  const control = await startControl();
  control.status = 'nothing';
  const jobId = await enqueueJob(owner, 'report-now');
  const statusOf = async () => (await findJob(owner, jobId))?.status;
  const database = { owner, url };
  const first = await startAgent({ AGENT_URL: control.url }, database);
  await until('the job is claimed', async () => (await statusOf()) === 'claimed');

  await first.kill();
  control.status = 202;
  await startAgent({ AGENT_URL: control.url }, database);
  await until('the second agent is at work', () => control.tokens.length >= 2);
  const meanwhile = await findJob(owner, jobId);
  await owner.query(`update jobs set heartbeat_at = heartbeat_at - interval '61 seconds'`);
  await until('the job ends', async () => (await statusOf()) === 'done');

  expect(meanwhile).toMatchObject({ status: 'claimed', attempt: 1 });
  expect(await findJob(owner, jobId)).toMatchObject({ attempt: 2, result: { statusCode: 202 } });
});

test('without its database the agent reports, and with wrong settings it says which and ends', async () => {
  const control = await startControl();
  const databaseFile = join(folder.path, 'nowhere-url');
  writeFileSync(databaseFile, 'postgres://droplet_agent:plaintext@%2Frun%2Fnowhere/control');
  await startAgent({ AGENT_URL: control.url, AGENT_DATABASE_URL_FILE: databaseFile });
  await until(
    'a report and a complaint',
    () => control.tokens.length > 0 && agent.log().includes('jobs_not_read'),
  );
  expect(agent.log()).toContain('"code":"STORE_UNAVAILABLE"');

  const wrong = await startAgent({ AGENT_URL: 'http://control.example.com', DROPLET_ID: '' });

  expect(await wrong.exited).toBe(1);
  expect(agent.log()).toMatch(
    /settings are wrong: AGENT_URL: expected the https address.* DROPLET_ID: expected/,
  );
  expect(agent.log()).not.toContain('plaintext');
});
