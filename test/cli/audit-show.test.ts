// `lcp audit show` on a control database with one person's whole history, and the export commands on its files.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runCli } from '../../lib/cli/lcp.ts';
import { recordAudit } from '../../lib/store/audit.ts';
import { expectGolden } from '../golden.ts';
import { type ControlDatabase, useControlDatabases } from '../store/database-fixture.ts';
import { makeThrowAwayFolder } from '../world/throw-away-folder.ts';

const createControlDatabase = useControlDatabases();
const folder = makeThrowAwayFolder();
const ENGINEERING = '00000000-0000-4000-8000-00000000a001';
const EVERYONE = '00000000-0000-4000-8000-00000000a002';
const ADA = '00000000-0000-4000-8000-0000000000b1';
const BRUNO = '00000000-0000-4000-8000-0000000000b2';
const RUNS = ['11111111', '22222222', '33333333'].map((start) => `${start}-0000-4000-8000-000000000000`);
const [FIRST_KEY, SECOND_KEY] = ['a'.repeat(64), 'b'.repeat(64)];
const now = new Date('2026-11-23T10:00:00Z');
let control: ControlDatabase;

beforeAll(async () => {
  control = await createControlDatabase();
  const { database } = control;
  const at = (day: number, entries: Parameters<typeof recordAudit>[1]) =>
    database.transaction((transaction) =>
      recordAudit(transaction, entries, new Date(Date.UTC(2026, 10, day, 8))),
    );
  const byRun = (n: number) => ({ actor: 'control/sync', runId: RUNS[n] ?? '', userId: ADA });
  for (const runId of RUNS)
    await database.query(
      `insert into runs (run_id, lease_token, trigger, status) values ($1, 1, 'schedule', 'succeeded')`,
      [runId],
    );

  await at(1, [
    { ...byRun(0), event: 'user_created', cause: 'new' },
    {
      ...byRun(0),
      event: 'team_created',
      teamId: ENGINEERING,
      userId: undefined,
      cause: 'in policy.yml',
    } as never,
    { ...byRun(0), event: 'member_added', teamId: ENGINEERING, cause: `member of group ${ENGINEERING}` },
    { ...byRun(0), event: 'member_added', teamId: EVERYONE, cause: `member of group ${EVERYONE}` },
    {
      ...byRun(0),
      event: 'key_minted',
      teamId: ENGINEERING,
      keyHash: FIRST_KEY,
      cause: `member of group ${ENGINEERING}`,
    },
    {
      ...byRun(0),
      event: 'key_minted',
      teamId: EVERYONE,
      keyHash: SECOND_KEY,
      cause: `member of group ${EVERYONE}`,
    },
  ]);
  await at(2, [
    { actor: 'cli:olga', event: 'key_revealed', userId: ADA, teamId: ENGINEERING, keyHash: FIRST_KEY },
    { actor: 'cli:olga', event: 'budget_raised', userId: ADA, teamId: ENGINEERING, details: { toUsd: 50 } },
  ]);
  await at(20, [
    {
      ...byRun(1),
      event: 'key_blocked',
      teamId: EVERYONE,
      keyHash: SECOND_KEY,
      cause: `left group ${EVERYONE}`,
      details: { heldByHand: false },
    },
    {
      ...byRun(1),
      event: 'member_removed',
      teamId: EVERYONE,
      cause: `left group ${EVERYONE}`,
      details: { outcome: 'removed' },
    },
    {
      ...byRun(1),
      event: 'member_added',
      teamId: EVERYONE,
      userId: BRUNO,
      cause: `member of group ${EVERYONE}`,
    },
  ]);
  await at(22, [
    {
      ...byRun(2),
      event: 'user_updated',
      cause: 'changed in Entra or policy',
      details: { fields: ['alias'] },
    },
  ]);

  await database.query(
    `insert into memberships (team_id, user_id, run_id, added_at) values ($1, $2, $4, '2026-11-01T08:00:00Z'), ($3, $5, $4, '2026-11-20T08:00:00Z')`,
    [ENGINEERING, ADA, EVERYONE, RUNS[0], BRUNO],
  );
  await database.query(
    `insert into keys (key_hash, user_id, team_id, alias, generation, status, blocked_cause, escrowed_at, live_at, revealed_at, blocked_at) values
       ($1, $3, $4, 'one', 1, 'live', null, '2026-11-01T08:00:00Z', '2026-11-01T08:00:00Z', '2026-11-02T08:00:00Z', null),
       ($2, $3, $5, 'two', 1, 'blocked', $6, '2026-11-01T08:00:00Z', '2026-11-01T08:00:00Z', null, '2026-11-20T08:00:00Z')`,
    [FIRST_KEY, SECOND_KEY, ADA, ENGINEERING, EVERYONE, `left group ${EVERYONE}`],
  );
  await database.query(
    `insert into directory_users values ($1, 'Ada Adler', 'ada@contoso.example', 'ada@contoso.onmicrosoft.example', true, 'member'),
       ($2, 'Bruno Brandt', 'bruno@contoso.example', 'bruno@contoso.example', true, 'member'),
       ($3, 'Bruno Brandt', null, 'bruno.2@contoso.example', true, 'member')`,
    [ADA, BRUNO, '00000000-0000-4000-8000-0000000000b3'],
  );
  const nested = '00000000-0000-4000-8000-00000000a009';
  await database.query(`insert into directory_groups values ($1, '{}', $2, false), ($3, $4, '{}', false)`, [
    ENGINEERING,
    [nested],
    nested,
    [ADA],
  ]);
  await database.query(`insert into plans (digest, plan) values ('p', '{}')`);
  await database.query(
    `insert into quarantines (quarantine_id, status, plan_digest, scope, reasons, actions, first_run_id, last_run_id, first_seen_at)
     values ($1, 'waiting', 'p', $2, '[]', $3, $4, $4, '2026-11-23T09:00:00Z')`,
    [
      'c'.repeat(64),
      ENGINEERING,
      JSON.stringify([{ kind: 'remove_member', teamId: ENGINEERING, userId: ADA, cause: 'left' }]),
      RUNS[2],
    ],
  );
});

afterAll(() => folder.remove());

async function lcp(...args: string[]) {
  let [out, err] = ['', ''];
  const code = await runCli(args, {
    variables: {
      CONTROL_DATABASE_URL: control.url.reveal(),
      DATA_PLANE_CA: 'none',
      OPERATOR_CLIENT_IDENTITY: 'none',
    },
    clock: { now: () => now, sleep: () => Promise.reject(new Error('nothing waits here')) },
    print: (text) => (out += text),
    printError: (text) => (err += text),
    actor: 'cli:test',
  });
  return { code, out, err };
}

test('a person’s access is answered first, then how it came to that, in one screen', async () => {
  const { code, out, err } = await lcp('audit', 'show', '--person', 'ADA@contoso.example');

  expect({ code, err }).toEqual({ code: 0, err: '' });
  expectGolden('audit-show-person.txt', out);
});

test('a team is shown by its name in policy.yml', async () => {
  const { out } = await lcp('audit', 'show', '--team', 'engineering');

  expectGolden('audit-show-team.txt', out);
});

test('object id, mail, sign-in name and display name are the same person', async () => {
  const [byId, ...others] = await Promise.all(
    [ADA.toUpperCase(), 'ada@contoso.example', 'ada@contoso.onmicrosoft.example', 'ada adler'].map((who) =>
      lcp('audit', 'show', '--person', who),
    ),
  );

  for (const other of others) expect(other.out).toBe(byId?.out);
});

test('a period and a limit choose the newest events in it, oldest first', async () => {
  const events = async (...args: string[]) => {
    const { out } = await lcp('audit', 'show', '--person', ADA, ...args);
    return out.slice(out.indexOf('What happened'));
  };

  expect(await events('--since', '3d')).not.toContain('2026-11-02');
  expect((await events('--since', '3d')).split('\n')).toHaveLength(3);
  expect(await events('--until', '2026-11-02')).toMatch(/2026-11-02 08:00:00 .*budget_raised[^\n]*\n$/);
  expect(await events('--until', '2026-11-02T08:00:00Z')).not.toContain('2026-11-02');
  expect(await events('--since', '2026-11-22T08:00:00Z')).toContain('user changed');
  const newest = await events('--limit', '2');
  expect(newest).toContain('older events are not shown');
  expect(newest).toMatch(/membership ended.*\n.*user changed \(alias\).*\n$/);
  expect(await events('--since', '1h')).toContain('nothing is recorded');
  expect(await events('--limit', '10')).not.toContain('older events');
});

test('who was never given anything is answered, with exit code 0', async () => {
  const { code, out } = await lcp('audit', 'show', '--person', RUNS[0] ?? '');

  expect(code).toBe(0);
  expect(out).toContain('no access, and never any that we gave');
  expect(out).toContain('nothing is recorded');
});

test('a name that nobody or several carry is refused with the next step and without repeating it', async () => {
  const [nobody, several, team, none, both] = await Promise.all([
    lcp('audit', 'show', '--person', 'left@contoso.example'),
    lcp('audit', 'show', '--person', 'Bruno Brandt'),
    lcp('audit', 'show', '--team', 'Gardening'),
    lcp('audit', 'show'),
    lcp('audit', 'show', '--person', ADA, '--team', ENGINEERING),
  ]);

  expect([nobody.code, several.code, team.code, none.code, both.code]).toEqual([1, 1, 1, 1, 1]);
  expect(nobody.err).toContain('Give the Object ID');
  expect(nobody.err).toContain('NAME_UNKNOWN');
  expect(nobody.err).not.toContain('left@');
  expect(several.err).toContain(`${BRUNO}, 00000000-0000-4000-8000-0000000000b3`);
  expect(team.err).toContain('Object ID of its Entra group');
  expect(none.err).toContain('CONFIG_INVALID');
  expect(both.err).toContain('cannot be used with');
});

test.each([
  ['--since', 'yesterday'],
  ['--since', '2026-02-30'],
  ['--until', '2026-11-23 08:00'],
  ['--limit', '0'],
])('%s %s is refused', async (option, value) => {
  const { code, err } = await lcp('audit', 'show', '--person', ADA, option, value);

  expect(code).toBe(1);
  expect(err).toContain('CONFIG_INVALID');
});

test('an export is written whole or not at all, verifies, and finds the database rewritten', async () => {
  const file = path.join(folder.path, 'audit.jsonl');
  const written = await lcp('audit', 'export', '--out', file);
  const again = await lcp('audit', 'export', '--out', file);
  const printed = await lcp('audit', 'export');
  const [alone, against] = [
    await lcp('audit', 'verify', '--file', file),
    await lcp('audit', 'verify', '--against', file),
  ];

  expect(written).toMatchObject({ code: 0, out: '' });
  expect(existsSync(`${file}.part`)).toBe(false);
  expect(printed.out).toBe(readFileSync(file, 'utf8'));
  expect(again.code).toBe(1);
  expect(again.err).toContain('is there already');
  expect(alone).toMatchObject({ code: 0, err: '' });
  expect(alone.out).toMatch(
    /^intact: the export of 2026-11-23T10:00:00.000Z, 12 rows after 0, head 12 [0-9a-f]{64}\n$/,
  );
  expect(against).toMatchObject({ code: 0, err: '' });
  expect(against.out).toContain('intact: 12 rows in the database, which continue the export by 0\n');

  const forged = path.join(folder.path, 'forged.jsonl');
  const lines = readFileSync(file, 'utf8').split('\n');
  writeFileSync(forged, lines.with(3, (lines[3] ?? '').replace('member_added', 'member_adder')).join('\n'));
  const longer = path.join(folder.path, 'longer.jsonl');
  await control.database.transaction((transaction) =>
    recordAudit(transaction, [{ actor: 'test', event: 'later' }], now),
  );
  await lcp('audit', 'export', '--out', longer);
  await control.database.query('alter table audit disable trigger audit_append_only');
  await control.database.query('delete from audit where seq = 13');
  await control.database.query('alter table audit enable trigger audit_append_only');

  expect((await lcp('audit', 'verify')).code).toBe(0);
  const [cut, changed, absent] = [
    await lcp('audit', 'verify', '--against', longer),
    await lcp('audit', 'verify', '--file', forged),
    await lcp('audit', 'verify', '--file', path.join(folder.path, 'absent.jsonl')),
  ];
  expect([cut.code, changed.code, absent.code]).toEqual([1, 1, 1]);
  expect(cut.out).toContain('BROKEN: row 13 is missing: the export has it, the database ends before it.');
  expect(changed.out).toContain('line 4: row 4 was changed after it was written');
  expect(absent.err).toContain('CONFIG_INVALID');
});
