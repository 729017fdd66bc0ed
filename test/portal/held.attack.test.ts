// Deciding about held removals by a link, and every way to abuse one: nothing happens but what a person who may decide
// does on the page, once. Through the database role of the portal, which may do no more.

import { randomBytes } from 'node:crypto';
import { SignJWT } from 'jose';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { readApprovalLink, signApprovalLink } from '../../lib/approvals/link.ts';
import { ControlError } from '../../lib/errors.ts';
import { addHeldRoutes, heldSection } from '../../lib/portal/held-routes.ts';
import { Secret } from '../../lib/secret.ts';
import { listAudit } from '../../lib/store/audit.ts';
import type { Database } from '../../lib/store/database.ts';
import { listWaitingQuarantines, type QuarantineRow } from '../../lib/store/quarantines.ts';
import { useControlDatabases } from '../store/database-fixture.ts';
import { createPortalRole } from '../store/granted-role.ts';
import { type Company, createCompany, findDifferences } from '../sync/reconcile-fixture.ts';
import { saveMoment } from '../sync/rewind.ts';
import { type FakeLiteLLM, startFakeLiteLLM } from '../world/litellm-fake/start.ts';
import { ADMIN, DEVOPS, MEMBER, usePortal } from './portal-fixture.ts';
import type { Visitor } from './visitor.ts';

const portal = usePortal();
const createControlDatabase = useControlDatabases();
const KEY = newKey();
let litellm: FakeLiteLLM;
let company: Company;
let held: QuarantineRow;
let database: Database;
let wakes: number;
let beginAgain: () => Promise<void>;

/** Six of ten have left by somebody's mistake, and a run has held that. The first has a name that is no markup. */
beforeAll(async () => {
  litellm = await startFakeLiteLLM({ masterKey: 'sk-master-of-the-fake' });
  const control = await createControlDatabase();
  company = await createCompany(litellm, control, [3, 10]);
  const group = company.groups[1] as Company['groups'][0];
  const members = company.directory.members.get(group) ?? [];
  members[0] = { ...(members[0] as (typeof members)[0]), displayName: '<img src=x onerror=alert(1)>' };
  await company.run();
  company.directory.members.set(group, members.slice(6));
  await company.run();
  const [row] = await listWaitingQuarantines(company.database);
  if (!row) throw new Error('nothing is held');
  held = row;
  const rewind = await saveMoment(company.database, litellm);
  beginAgain = async () => {
    company.directory.members.set(group, members.slice(6));
    await rewind();
    database = await createPortalRole(control.database, control.url);
  };
});
afterAll(() => litellm.close());
beforeEach(async () => {
  await beginAgain();
  wakes = 0;
  return () => database.close();
});

function newKey(): Secret {
  return new Secret(randomBytes(32).toString('hex'));
}

function openPortal() {
  const clock = { now: () => new Date(nowMs()), sleep: async () => undefined };
  const parts = {
    database,
    clock,
    linkKey: KEY,
    rejectionDays: 7,
    wakeSync: async () => {
      wakes += 1;
    },
  };
  return portal.open({ routes: [addHeldRoutes(parts)], homeSections: [heldSection(parts)] });
}
let shiftMs = 0;
const nowMs = () => Date.UTC(2026, 0, 5, 9) + shiftMs;
beforeEach(() => {
  shiftMs = 0;
});
const linkFor = (row: { quarantineId: string; episode: string } = held, key = KEY) =>
  signApprovalLink(key, row, new Date(nowMs() + 3_600_000));

async function signedIn(account: string): Promise<Visitor> {
  const { visitor } = openPortal();
  await visitor.signIn(account);
  return visitor;
}
const csrfOf = (page: string) => /name="csrf" value="([^"]+)"/.exec(page)?.[1] ?? '';
/** What a person does: opens the link, and presses one of the two buttons. */
async function press(visitor: Visitor, link: string, decision: 'approve' | 'reject') {
  const page = await visitor.get(`/dashboard/held?link=${link}`);
  const csrf = csrfOf(page.text) || csrfOf((await visitor.get('/dashboard')).text);
  return visitor.post('/dashboard/held', { csrf, link, decision });
}
const refusals = async () =>
  (await listAudit(company.database, '0', 10_000))
    .filter((row) => row.event === 'decision_refused')
    .map(({ actor, details }) => [actor, details?.reason]);
const statusOf = async () =>
  (await company.database.query<{ status: string }>('select status from quarantines')).rows.map(
    ({ status }) => status,
  );
const nothingHappened = async () => {
  expect(await statusOf()).toEqual(['waiting']);
  expect(wakes).toBe(0);
  expect((await company.run()).done).toEqual({});
};

test.each([
  ['an Admin', ADMIN, 'admin'],
  ['DevOps', DEVOPS, 'devops'],
] as const)(
  '%s sees who would lose what, approves, and a run carries out exactly that',
  async (_, account, role) => {
    const visitor = await signedIn(account);
    const link = await linkFor();
    const page = await visitor.get(`/dashboard/held?link=${link}`);
    expect(page.status).toBe(200);
    for (const { userId } of held.actions) expect(page.text).toContain(userId);
    expect(page.text).toContain('&lt;img src=x');
    expect(page.text).not.toContain('<img');
    expect(page.text).toContain('Approve: 6 people lose the team');

    const done = await press(visitor, link, 'approve');
    expect(done.status).toBe(200);
    expect(wakes).toBe(1);
    expect((await company.run()).done).toMatchObject({ block_key: 6, remove_member: 6 });
    expect(await findDifferences(company)).toEqual([]);
    const [row] = (await listAudit(company.database, '0', 10_000)).filter(
      ({ event }) => event === 'removals_approved',
    );
    expect(row).toMatchObject({
      actor: `entra:${account}`,
      details: { quarantineId: held.quarantineId, planDigest: held.planDigest, role, peopleCount: 6 },
    });
  },
);

test('a rejection is said, clears what waits, and removes nobody', async () => {
  const visitor = await signedIn(DEVOPS);
  const done = await press(visitor, await linkFor(), 'reject');

  expect(done.text).toContain('Everybody keeps their access');
  expect((await company.run()).done).toEqual({});
  expect(await listWaitingQuarantines(company.database)).toEqual([]);
});

test('opening the link decides nothing: not for a mail scanner, not twice, not by HEAD', async () => {
  const link = `/dashboard/held?link=${await linkFor()}`;
  const scanner = await openPortal().visitor.get(link);
  expect(scanner.status).toBe(303);
  expect(scanner.location).toContain('/dashboard/sign-in?returnTo=');
  const visitor = await signedIn(DEVOPS);
  for (let times = 0; times < 3; times += 1) expect((await visitor.get(link)).status).toBe(200);
  expect((await visitor.get(`${link}&decision=approve`)).status).toBe(200);

  await nothingHappened();
});

test('a link counts once: the second press changes nothing and says who decided', async () => {
  const [first, second] = [await signedIn(ADMIN), await signedIn(DEVOPS)];
  const link = await linkFor();
  await press(first, link, 'reject');
  const replay = await press(second, link, 'approve');

  expect(replay.status).toBe(409);
  expect(replay.text).toContain('Already <strong>rejected</strong>');
  expect(replay.text).toContain(`entra:${ADMIN}`);
  expect(await statusOf()).toEqual(['rejected']);
  expect(await refusals()).toEqual([[`entra:${DEVOPS}`, 'rejected']]);
});

test('of ten presses at the same moment one counts', async () => {
  const visitor = await signedIn(DEVOPS);
  const link = await linkFor();
  const csrf = csrfOf((await visitor.get(`/dashboard/held?link=${link}`)).text);
  const answers = await Promise.all(
    Array.from({ length: 10 }, () => visitor.post('/dashboard/held', { csrf, link, decision: 'approve' })),
  );

  expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array.from({ length: 9 }, () => 409)]);
});

test('an approval of a plan that has changed is refused on the page, and removes nobody', async () => {
  const visitor = await signedIn(DEVOPS);
  const link = await linkFor();
  const group = company.groups[1] as Company['groups'][0];
  company.directory.members.get(group)?.pop();
  await company.run();
  const late = await press(visitor, link, 'approve');

  expect(late.status).toBe(409);
  expect(late.text).toContain('out of date');
  expect(await refusals()).toEqual([[`entra:${DEVOPS}`, 'lapsed']]);
  expect((await company.run()).done).toEqual({});
});

const FORGED: readonly (readonly [string, () => Promise<string>])[] = [
  ['that another key signed', () => linkFor(held, newKey())],
  [
    'with a changed letter',
    async () => (await linkFor()).replace(/.$/, (last) => (last === 'A' ? 'Q' : 'A')),
  ],
  [
    'about another plan under our signature',
    async () => {
      const [head, , signature] = (await linkFor()).split('.');
      const claims = { sub: 'f'.repeat(64), episode: held.episode, aud: 'x', exp: 4_000_000_000 };
      return [head, Buffer.from(JSON.stringify(claims)).toString('base64url'), signature].join('.');
    },
  ],
  [
    'without a signature',
    async () => {
      const [, claims] = (await linkFor()).split('.');
      return `${Buffer.from('{"alg":"none"}').toString('base64url')}.${claims}.`;
    },
  ],
  [
    'made for another purpose',
    () =>
      new SignJWT({ episode: held.episode })
        .setProtectedHeader({ alg: 'HS256' })
        .setSubject(held.quarantineId)
        .setAudience('something-else')
        .setExpirationTime('1h')
        .sign(Buffer.from(KEY.reveal(), 'hex')),
  ],
  [
    'that never expires',
    () =>
      new SignJWT({ episode: held.episode })
        .setProtectedHeader({ alg: 'HS256' })
        .setSubject(held.quarantineId)
        .setAudience('litellm-control-plane/held-removals')
        .sign(Buffer.from(KEY.reveal(), 'hex')),
  ],
  ['that is empty', async () => ''],
];

test.each(FORGED)('a link %s opens nothing, decides nothing, and is in the audit', async (_, forge) => {
  const visitor = await signedIn(ADMIN);
  const link = await forge();
  const page = await visitor.get(`/dashboard/held?link=${link}`);
  const answer = await press(visitor, link, 'approve');

  expect([page.status, answer.status]).toEqual([400, 400]);
  expect(page.text).toContain('not made by us');
  expect(new Set((await refusals()).map(String))).toEqual(new Set([`entra:${ADMIN},link_invalid`]));
  await nothingHappened();
});

test('an expired link says so and decides nothing', async () => {
  const link = await linkFor();
  shiftMs = 3_600_001;
  const visitor = await signedIn(DEVOPS);
  const answer = await press(visitor, link, 'approve');

  expect(answer.status).toBe(410);
  expect(answer.text).toContain('expired');
  expect((await refusals()).at(-1)).toEqual([`entra:${DEVOPS}`, 'link_expired']);
  await nothingHappened();
});

test('a member may neither see nor decide, and the attempt is in the audit', async () => {
  const visitor = await signedIn(MEMBER);
  const link = await linkFor();
  const page = await visitor.get(`/dashboard/held?link=${link}`);
  const answer = await press(visitor, link, 'approve');

  expect([page.status, answer.status]).toEqual([403, 403]);
  expect(page.text).not.toContain(held.actions[0]?.userId);
  expect((await visitor.get('/dashboard')).text).not.toContain('Held removals');
  expect(await refusals()).toContainEqual([`entra:${MEMBER}`, 'role']);
  await nothingHappened();
});

test.each([
  ['from another site', { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }, true],
  [
    'from a page beside ours',
    { origin: 'https://evil.llm.example.com', 'sec-fetch-site': 'same-site' },
    true,
  ],
  ['without the token of the page', { origin: 'null', 'sec-fetch-site': 'same-origin' }, false],
])('a form %s decides nothing, and the attempt is in the audit', async (_, headers, hasToken) => {
  const visitor = await signedIn(ADMIN);
  const link = await linkFor();
  const csrf = hasToken ? csrfOf((await visitor.get(`/dashboard/held?link=${link}`)).text) : '';
  const answer = await visitor.post('/dashboard/held', { csrf, link, decision: 'approve' }, headers);

  expect(answer.status).toBe(403);
  expect(answer.text).toContain('Nothing was changed');
  expect(await refusals()).toEqual([[`entra:${ADMIN}`, 'form']]);
  await nothingHappened();
});

test('a form without a session, or without a decision, decides nothing', async () => {
  const link = await linkFor();
  const stranger = await openPortal().visitor.post('/dashboard/held', { link, decision: 'approve' });
  expect(stranger.status).toBe(401);
  const visitor = await signedIn(ADMIN);
  const csrf = csrfOf((await visitor.get(`/dashboard/held?link=${link}`)).text);
  expect((await visitor.post('/dashboard/held', { csrf, link, decision: 'yes' })).status).toBe(400);

  await nothingHappened();
});

test('the first page shows what waits to those who may decide, by a link that is good', async () => {
  const visitor = await signedIn(DEVOPS);
  const home = await visitor.get('/dashboard');
  const link = /held\?link=([\w.-]+)/.exec(home.text)?.[1] ?? '';

  expect(home.text).toContain('6 people held');
  expect(await readApprovalLink(KEY, link, new Date(nowMs()))).toMatchObject({ status: 'valid' });
});

test('while the database is away the first page still opens and says so', async () => {
  const unavailable = new ControlError('STORE_UNAVAILABLE', 'away', { retryable: true });
  database = { ...database, query: () => Promise.reject(unavailable) };
  const late = await signedIn(DEVOPS);

  expect((await late.get('/dashboard')).text).toContain('could not be read just now');
  expect((await late.get(`/dashboard/held?link=${await linkFor()}`)).status).toBe(503);
});

test.each([
  'select jwe from keys',
  'update leases set token = 9',
  'delete from quarantines',
  `update quarantines set actions = '[]'`,
  'insert into removals (run_id, team_id, user_id) values (gen_random_uuid(), gen_random_uuid(), gen_random_uuid())',
  'delete from audit',
  'update audit set actor = null',
  `insert into memberships (team_id, user_id, run_id) values (gen_random_uuid(), gen_random_uuid(), gen_random_uuid())`,
  'select client_state_digest from subscriptions',
])('the portal’s role may not: %s', async (statement) => {
  await expect(database.query(statement)).rejects.toMatchObject({ code: '42501' });
});
