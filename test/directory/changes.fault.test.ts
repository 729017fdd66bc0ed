// Deltas and single questions through @azure/identity and the Graph client over TLS, with each thing that Microsoft
// documents to go wrong with them.

import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import type { DeltaLinks, DirectoryChanges } from '../../lib/directory/directory.ts';
import { parseEntraGroupId, parseEntraUserId } from '../../lib/ids.ts';
import type { Fault, FaultRule } from '../world/tenant/faults.ts';
import { COMPANY_GROUP_IDS, seedGroupId, seedUserId } from '../world/tenant/seed.ts';
import type { RunningTenant } from '../world/tenant/tenant.ts';
import { type ClientOverrides, directoryFor, startTrustedTenant } from './tenant-fixture.ts';

const ENGINEERING = parseEntraGroupId(COMPANY_GROUP_IDS.engineering);
const PLATFORM = parseEntraGroupId(COMPANY_GROUP_IDS.platform);
const DEVOPS = parseEntraGroupId(COMPANY_GROUP_IDS.devops);
const PERSON = parseEntraUserId(seedUserId(4));
const LEAVER = parseEntraUserId(seedUserId(9));
const DAY_MS = 24 * 60 * 60 * 1000;

const signal = new AbortController().signal;
let tenant: RunningTenant;
let aheadMs = 0;
let newUserNumber = 100;

beforeAll(async () => {
  const now = () => new Date(systemClock.now().getTime() + aheadMs);
  tenant = await startTrustedTenant({ clock: { ...systemClock, now } });
});
afterAll(() => tenant.close());
beforeEach(() => {
  aheadMs = 0;
  tenant.faults.clear();
  Object.assign(tenant.quirks, { hasEmptyPages: false, isReplaying: false, lagCount: 0, staleCount: 0 });
  tenant.permissions.add('GroupMember.Read.All').add('User.Read.All');
});

async function takeLinks(): Promise<DeltaLinks> {
  const links = await directoryFor(tenant).takeLinks(signal);
  if (links.status === 'incomplete') throw new Error(`No links were taken: ${links.reason}`);
  tenant.requests.clear();
  return links.value;
}

const readChanges = (links: DeltaLinks, overrides?: ClientOverrides) =>
  directoryFor(tenant, overrides).readChanges(links, signal);

const spoil = (fault: Fault, match: FaultRule['match'] = {}) => tenant.faults.add({ fault, match });

/** What was reported, or why nothing was. */
function told(changes: DirectoryChanges) {
  if (changes.status === 'incomplete') return changes.reason;
  if (changes.status === 'reset') return 'reset';
  return { groups: [...changes.groups.keys()].sort(), users: [...changes.users.keys()].sort() };
}

/** A person whom nobody has changed yet. */
function createPerson() {
  newUserNumber += 1;
  const id = parseEntraUserId(seedUserId(newUserNumber));
  const name = `new.${newUserNumber}@contoso.example`;
  tenant.tenant.createUser({ id, displayName: 'New Person', userPrincipalName: name });
  return id;
}

test('a tenant at rest costs two calls of Graph', async () => {
  const links = await takeLinks();

  expect(told(await readChanges(links))).toEqual({ groups: [], users: [] });
  expect(tenant.requests.count().graphCalls).toBe(2);
});

test('joins, leaves and deleted people are reported from the links on, and not again from the next ones', async () => {
  const [joiner, goner] = [createPerson(), createPerson()];
  tenant.tenant.addMember(DEVOPS, goner);
  const links = await takeLinks();

  tenant.tenant.addMember(ENGINEERING, joiner);
  tenant.tenant.removeMember(DEVOPS, LEAVER);
  tenant.tenant.deleteUser(goner);
  tenant.tenant.disableUser(PERSON);
  const changes = await readChanges(links);

  tenant.tenant.addMember(DEVOPS, LEAVER);
  tenant.tenant.enableUser(PERSON);
  expect(told(changes)).toEqual({ groups: [ENGINEERING, DEVOPS], users: [PERSON, goner] });
  expect(changes.status === 'complete' && changes.groups.get(ENGINEERING)).toEqual({
    added: [joiner],
    removed: [],
  });
  expect(changes.status === 'complete' && changes.groups.get(DEVOPS)?.removed).toContain(LEAVER);
  const next = changes.status === 'complete' ? changes.links : links;
  expect(told(await readChanges(next))).toEqual({ groups: [DEVOPS], users: [PERSON] });
});

test('a change in a nested group is reported for that group, and a deleted group is', async () => {
  const deleted = parseEntraGroupId(seedGroupId(500));
  tenant.tenant.createGroup({ id: deleted, displayName: 'Short-lived' });
  const joiner = createPerson();
  const links = await takeLinks();

  tenant.tenant.addMember(PLATFORM, joiner);
  tenant.tenant.deleteGroup(deleted);

  expect(told(await readChanges(links))).toEqual({ groups: [PLATFORM, deleted], users: [] });
});

test('the new name of a group is no change, that of a person is', async () => {
  const person = createPerson();
  const links = await takeLinks();

  tenant.tenant.rename(ENGINEERING, { displayName: 'AI Engineering, renamed' });
  tenant.tenant.rename(person, { displayName: 'Renamed Person' });

  expect(told(await readChanges(links))).toEqual({ groups: [], users: [person] });
});

test('a group with more new members than a page holds is reported with all of them', async () => {
  const big = parseEntraGroupId(seedGroupId(501));
  tenant.tenant.createGroup({ id: big, displayName: 'Big' });
  const people = Array.from({ length: 130 }, createPerson);
  const links = await takeLinks();

  for (const id of people) tenant.tenant.addMember(big, id);
  const changes = await readChanges(links);

  expect(new Set(changes.status === 'complete' ? changes.groups.get(big)?.added : [])).toEqual(
    new Set(people),
  );
});

test('empty pages and replays hide nothing', async () => {
  const joiner = createPerson();
  const links = await takeLinks();
  Object.assign(tenant.quirks, { hasEmptyPages: true, isReplaying: true });

  tenant.tenant.addMember(ENGINEERING, joiner);
  const changes = await readChanges(links);

  expect(changes.status === 'complete' && changes.groups.get(ENGINEERING)?.added).toEqual([joiner]);
  expect(changes.status === 'complete' && [...changes.users.keys()]).toContain(joiner);
});

test('a change that Graph is late to report comes with the next links', async () => {
  const joiner = createPerson();
  const links = await takeLinks();
  tenant.tenant.addMember(ENGINEERING, joiner);
  tenant.quirks.lagCount = 1;
  const early = await readChanges(links);
  tenant.quirks.lagCount = 0;

  expect(told(early)).toEqual({ groups: [], users: [] });
  const next = early.status === 'complete' ? early.links : links;
  expect(told(await readChanges(next))).toEqual({ groups: [ENGINEERING], users: [] });
});

test('links are good for seven days, and then leave only a full read', async () => {
  const links = await takeLinks();

  aheadMs = 7 * DAY_MS - 60_000;
  expect(told(await readChanges(links))).toEqual({ groups: [], users: [] });
  aheadMs = 7 * DAY_MS + 60_000;
  expect(told(await readChanges(links))).toBe('reset');
});

test('a link with one character changed anywhere, or that of the other collection, never hides a change', async () => {
  const joiner = createPerson();
  const links = await takeLinks();
  tenant.tenant.addMember(ENGINEERING, joiner);
  const places = Array.from({ length: 12 }, (_, index) => Math.floor((index * links.groups.length) / 12));
  const damaged = places.map((at) => `${links.groups.slice(0, at)}~${links.groups.slice(at + 1)}`);

  for (const groups of [...damaged, links.users, '']) {
    expect(told(await readChanges({ ...links, groups }))).toBe('reset');
  }
});

const lasting: readonly [string, Fault, FaultRule['match'], string][] = [
  ['a delta is answered 410', { kind: 'status', status: 410 }, { path: '/groups/delta' }, 'reset'],
  ['the sync state is not found', { kind: 'status', status: 400 }, { path: '/users/delta' }, 'reset'],
  ['a delta is not found', { kind: 'status', status: 404 }, { path: '/users/delta' }, 'reset'],
  ['a page of a delta is cut short', { kind: 'truncated-page' }, { path: '/groups/delta' }, 'reset'],
  ['a next page is answered 410', { kind: 'status', status: 410 }, { path: 'skiptoken' }, 'reset'],
  ['a next page leads to itself', { kind: 'circular-next-link' }, { path: 'skiptoken' }, 'reset'],
  ['a page loses its successor', { kind: 'missing-next-link' }, { path: '/groups/delta' }, 'reset'],
  [
    'a page leads to another host',
    { kind: 'foreign-next-link', origin: 'https://evil.example' },
    { path: '/groups/delta' },
    'reset',
  ],
  [
    'a delta is throttled for long',
    { kind: 'status', status: 429, retryAfterSeconds: 90 },
    { path: '/users/delta' },
    'throttled',
  ],
  ['a delta is answered 503', { kind: 'status', status: 503 }, { path: '/groups/delta' }, 'unavailable'],
  ['a next page breaks off', { kind: 'reset' }, { path: 'skiptoken' }, 'unavailable'],
  ['a delta is refused', { kind: 'status', status: 403 }, { path: '/users/delta' }, 'denied'],
  ['a delta is slower than the run', { kind: 'slow', delayMs: 5_000 }, { path: '/groups/delta' }, 'deadline'],
];

test.each(lasting)('when %s, no change is reported and none is lost', async (_, fault, match, outcome) => {
  const joiners = Array.from({ length: 3 }, createPerson);
  const links = await takeLinks();
  for (const id of joiners) tenant.tenant.addMember(ENGINEERING, id);
  // Groups enough for a second page of the delta.
  for (const id of Object.values(COMPANY_GROUP_IDS)) {
    if (id !== ENGINEERING) tenant.tenant.addMember(id, joiners[0] ?? PERSON);
  }
  spoil(fault, match);

  expect(told(await readChanges(links, { runMs: 1_200 }))).toBe(outcome);

  tenant.faults.clear();
  expect(told(await readChanges(links))).toMatchObject({ groups: expect.arrayContaining([ENGINEERING]) });
});

test('a passing 503 of a delta is waited for', async () => {
  const links = await takeLinks();
  tenant.faults.add({ fault: { kind: 'status', status: 503 }, match: { path: '/groups/delta' }, times: 1 });

  expect(told(await readChanges(links))).toEqual({ groups: [], users: [] });
});

async function askAccess(userId = PERSON, overrides?: ClientOverrides) {
  const groupIds = [ENGINEERING, PLATFORM, DEVOPS, parseEntraGroupId(seedGroupId(9_999))];
  const access = await directoryFor(tenant, overrides).readAccess([{ userId, groupIds }], signal);
  return access.get(userId);
}

test('a person is in the groups above their own, and in no group that does not exist', async () => {
  expect(await askAccess()).toEqual({
    status: 'complete',
    value: {
      status: 'present',
      accountEnabled: true,
      kind: 'member',
      groupIds: new Set([ENGINEERING, PLATFORM]),
    },
  });
});

test('a deleted person is gone, and so is one who never was', async () => {
  const gone = createPerson();
  tenant.tenant.deleteUser(gone);

  const outcome = { status: 'complete', value: { status: 'gone' } };
  expect(await askAccess(gone)).toEqual(outcome);
  expect(await askAccess(parseEntraUserId(seedUserId(9_999)))).toEqual(outcome);
});

test.each<[string, Fault, FaultRule['match'], string]>([
  ['the groups are refused', { kind: 'status', status: 403 }, { path: 'checkMemberGroups' }, 'denied'],
  ['the account breaks off', { kind: 'status', status: 503 }, { path: 'select' }, 'unavailable'],
  ['the account alone is not found', { kind: 'status', status: 404 }, { path: 'select' }, 'answer-invalid'],
  ['the batch loses an item', { kind: 'lost-batch-item' }, { path: 'batch' }, 'answer-invalid'],
])('when %s, nothing is known of the person', async (_, fault, match, reason) => {
  spoil(fault, match);

  expect(await askAccess(PERSON, { runMs: 1_200 })).toMatchObject({ status: 'incomplete', reason });
});

test('a question about groups that is throttled once is asked again and answered', async () => {
  tenant.faults.add({
    fault: { kind: 'batch-item-status', status: 429, retryAfterSeconds: 1 },
    match: { path: 'checkMemberGroups' },
    times: 1,
  });

  expect(await askAccess()).toMatchObject({ value: { groupIds: new Set([ENGINEERING, PLATFORM]) } });
});
