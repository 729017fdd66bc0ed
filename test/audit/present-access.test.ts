import { expect, test } from 'vitest';
import { describePersonAccess } from '../../lib/audit/present-access.ts';
import { parseEntraGroupId, parseKeyHash } from '../../lib/ids.ts';
import type { KeyAccount, PersonRecords } from '../../lib/store/access-records.ts';
import { buildChain } from '../store/audit-builders.ts';

const TEAM = parseEntraGroupId('00000000-0000-4000-8000-00000000a001');
const RUN = '11111111-0000-4000-8000-000000000000';
const names = { people: new Map(), teams: new Map([[TEAM as string, 'Engineering']]) };
const at = new Date('2026-11-20T23:30:00Z');
const keyHash = parseKeyHash('a'.repeat(64));

const buildKey = (key: Partial<KeyAccount>): KeyAccount => ({
  keyHash,
  teamId: TEAM,
  generation: 1,
  status: 'live',
  heldByHand: false,
  blockedCause: null,
  isRevealed: false,
  escrowedAt: at,
  liveAt: at,
  blockedAt: null,
  endedAt: null,
  endsAt: null,
  ...key,
});
const textOf = (records: Partial<PersonRecords>, graceDays: number | undefined = 30) =>
  describePersonAccess(
    { memberships: [], keys: [], newest: [], held: [], entra: null, ...records },
    { names, graceDays },
  ).join('\n');
const membership = { teamId: TEAM, runId: RUN, addedAt: at };
const blocked = { status: 'blocked', blockedAt: at, blockedCause: 'account disabled' } as const;

test('a blocked key names the day of its deletion in UTC, and where the policy is not at hand what decides it', () => {
  expect(textOf({ keys: [buildKey(blocked)] })).toContain('until its deletion on 2026-12-20');
  expect(
    describePersonAccess(
      { memberships: [], keys: [buildKey(blocked)], newest: [], held: [], entra: null },
      { names, graceDays: undefined },
    ).join('\n'),
  ).toContain('for the grace_days of policy.yml');
});

test('a key that somebody had blocked by hand is said to stay blocked', () => {
  expect(textOf({ keys: [buildKey({ ...blocked, heldByHand: true })] })).toContain(
    'somebody had blocked it by hand, so a return does not unblock it',
  );
});

test('a member without a working key has no access yet, and the key says why', () => {
  const text = textOf({
    memberships: [membership],
    keys: [buildKey({ status: 'escrowed', liveAt: null })],
  });

  expect(text).toContain('Engineering (00000000-0000-4000-8000-00000000a001): a member, but no key works');
  expect(text).toContain('member since 2026-11-20 23:30:00, begun by run 11111111');
  expect(text).toContain('is being made since 2026-11-20 23:30:00; the next run finishes it');
});

test('a working key beside a membership made by hand is access, and says whose membership it is', () => {
  expect(textOf({ keys: [buildKey({})] })).toMatch(
    /has access\n {2}the membership is not ours\n.*not picked up yet/,
  );
});

test('access since a return counts from the return, not from the first day', () => {
  const person = { teamId: TEAM, actor: 'control/sync', runId: RUN };
  const newest = buildChain([
    { ...person, event: 'key_minted', keyHash, cause: 'first day', recordedAt: '2026-11-01T08:00:00.000Z' },
    { ...person, event: 'key_blocked', keyHash, cause: 'left', recordedAt: '2026-11-02T08:00:00.000Z' },
    {
      ...person,
      event: 'key_restored',
      keyHash,
      cause: `rejoined group ${TEAM}`,
      recordedAt: '2026-11-03T08:00:00.000Z',
    },
  ]);

  expect(textOf({ memberships: [membership], keys: [buildKey({})], newest: newest.toReversed() })).toContain(
    'works since 2026-11-03 08:00:00: rejoined group Engineering (control/sync, run 11111111)',
  );
});

test('no access is dated by the block, which ends it, not by the membership that ended later', () => {
  const newest = buildChain([
    {
      teamId: TEAM,
      event: 'key_blocked',
      keyHash,
      cause: 'account disabled',
      recordedAt: '2026-11-02T08:00:00.000Z',
    },
    {
      teamId: TEAM,
      event: 'member_removed',
      cause: 'account disabled',
      recordedAt: '2026-11-02T09:00:00.000Z',
    },
  ]);

  expect(textOf({ newest })).toContain(
    'no access since 2026-11-02 08:00:00: account disabled (control/sync)',
  );
});

test('keys that ended say how', () => {
  const text = textOf({
    keys: [
      buildKey({ status: 'abandoned', endedAt: at }),
      buildKey({ status: 'deleted', generation: 2, endedAt: at, keyHash: parseKeyHash('b'.repeat(64)) }),
    ],
  });

  expect(text).toContain('generation 1, given up 2026-11-20 23:30:00: it never worked');
  expect(text).toContain('generation 2, deleted 2026-11-20 23:30:00: replaced');
});

test('what is disabled in Entra, or in no group, is said', () => {
  expect(textOf({})).toContain('Entra, when last read: in no group that leads to a team');
  expect(textOf({ entra: { accountEnabled: false, groupIds: [TEAM] } })).toContain(
    'account disabled, in Engineering',
  );
});
